package import CrypTenRing

/// What a group of bits does to a borrow, for z = c − r with c public and r a mask: it generates one where its bits of r
/// exceed those of c, and propagates one from below where they are equal. Nil: nobody reads it, and it isn't opened.
package struct CarryPair<Bits: Sendable>: Sendable {
    package var generate: Bits?
    package var propagate: Bits?
}

/// What a comparison keeps of one slab between its stages.
package struct CarryState<Bits: Sendable>: Sendable {
    /// The groups of every chain, lowest first; empty pairs where the opening under way will fill them.
    package var chains: [[CarryPair<Bits>]]
    /// Public bits for the end: top bits of what is compared, and choices.
    package var known: BitPlanes?
    /// Masks of the top bits, or a party's shares of them.
    package var topMask: BitPlanes?
}

/// Bits in planes, seen by one role.
protocol PlanarBits: Sendable {
    subscript(plane: Int) -> Self { get }
}

extension MaskedBits: PlanarBits {}
extension BitPlanes: PlanarBits {}

/// Bits a ..< b of every group of n: fours, but for the lowest group, which takes what is left.
func carryGroups(_ n: Int) -> [Range<Int>] {
    let lowest = n - 4 * ((n - 1) / 4)
    return [0..<lowest] + stride(from: lowest, to: n, by: 4).map { $0..<$0 + 4 }
}
