package import CrypTenRing

/// What a group of bits does to a borrow, for z = c − r with c public and r a mask: it generates one where its bits of r
/// exceed those of c, and propagates one from below where they are equal. Nil: nobody reads it, and it isn't opened.
struct CarryPair<Bits: Sendable>: Sendable {
    var generate: Bits?
    var propagate: Bits?
}

/// What a comparison keeps of one slab between its stages, at a party.
package struct CarryState: Sendable {
    /// What was opened so far, level by level.
    package var opened: [MaskedBits] = []
    /// Public bits for the end: top bits of what is compared, and choices.
    package var known: BitPlanes?
    /// The party's shares of the top bits' masks, where they are dealt.
    package var topMask: BitPlanes?
}

/// What is kept of the masks of one slab of a comparison between its stages.
package struct CarryMasks<Bits: Sendable>: Sendable {
    /// How many elements the slab has.
    package var count: Int
    /// The masks of what was opened so far, level by level.
    package var opened: [Bits]
    /// The masks of the top bits.
    package var topMask: Bits?
}

/// Where a bit of a chain is: a plane of what one of the levels has opened.
struct OpenedPlane: Hashable, Sendable {
    var level: Int
    var plane: Int
}

extension CarryPair<OpenedPlane> {
    /// The same bits, found in what was opened.
    func found<Found>(_ find: (OpenedPlane) -> Found) -> CarryPair<Found> {
        CarryPair<Found>(generate: generate.map(find), propagate: propagate.map(find))
    }
}

/// Bits a ..< b of every group of n: fours, but for the lowest group, which takes what is left.
func carryGroups(_ n: Int) -> [Range<Int>] {
    let lowest = n - 4 * ((n - 1) / 4)
    return [0..<lowest] + stride(from: lowest, to: n, by: 4).map { $0..<$0 + 4 }
}
