/// How many levels the trees of an extension have: more of them send fewer bits and compute longer.
package enum TreeHeight: Int, CaseIterable, Sendable {
    /// 64 bits of extension a transfer, and two blocks of AES: for parties on one machine.
    case two = 2
    /// 32 bits, four blocks.
    case four = 4
    /// 16 bits, 32 blocks: for slow links.
    case eight = 8

    /// Trees that have a leaf for each of 128 bits of Δ.
    package var trees: Int { 128 / rawValue }
    package var leavesOfTree: Int { 1 << rawValue }
    /// Leaves of all trees, of two words each.
    package var leaves: Int { trees * leavesOfTree }
}
