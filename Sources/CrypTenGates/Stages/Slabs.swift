internal import CrypTenRing

/// How many elements an elementwise gate works through at a time, so that no gate holds a layer's whole correlation.
///
/// A gate opens, and is dealt, one slab after the other: their size is part of what goes over the wire, and all members of a
/// session have the same. Gates that hold several times as much of an element have slabs of a part of it (`divided(by:)`).
package struct Slabs: Hashable, Sendable {
    /// What a session may ask for; below 2^12 a slab isn't worth its calls, and beyond 2^20 it is a layer.
    package static let bitsAllowed = 12...20

    /// Small enough that a sign's correlation stays in a processor's cache.
    package static let usual = Slabs(bits: 15)

    /// Elements of a slab: a multiple of 64.
    package let size: Int

    /// Slabs of a little more than 2^bits elements.
    ///
    /// Of 2^15 a plane takes 65 lines of 64 bytes, an odd number: of planes a power of two apart, the same places would all fall on
    /// the same few lines of the cache.
    package init(bits: Int) {
        precondition(Slabs.bitsAllowed.contains(bits), "slabs of 2^\(bits) elements")
        self.init(size: 65 << (bits - 6))
    }

    private init(size: Int) {
        self.size = size
    }

    /// Slabs of a part of the elements, in whole words of bits.
    package func divided(by parts: Int) -> Slabs {
        Slabs(size: (size / parts + 63) / 64 * 64)
    }

    /// The slabs of `count` elements, in order.
    package func of(_ count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }

    /// How many slabs `count` elements make.
    package func count(of count: Int) -> Int {
        (count + size - 1) / size
    }

    /// Words that `planes` planes of `count` bits take when opened or dealt slab by slab.
    package static func bitWords(planes: Int, count: Int) -> Int {
        planes * BitPlanes.words(for: count)
    }

    /// Words that `count` elements of `bits` bits take when dealt slab by slab.
    package static func packedWords(bits: Int, count: Int) -> Int {
        (bits * count + 63) / 64
    }
}

extension Slabs {
    /// What a stage costs that opens `openedPlanes` planes of each slab of `count` elements and is dealt the given words of it.
    package func cost(
        of count: Int,
        openedPlanes: Int = 0,
        dealt: (Int) -> Int = { _ in 0 }
    ) -> StageCost {
        var cost = StageCost()
        for slab in of(count) {
            if openedPlanes > 0 {
                let words = Slabs.bitWords(planes: openedPlanes, count: slab.count)
                cost.openings.append(Opening(words: words, combination: .xor))
            }
            cost.correctionWords += dealt(slab.count)
        }
        return cost
    }
}
