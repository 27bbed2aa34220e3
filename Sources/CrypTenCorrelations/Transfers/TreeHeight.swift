/// How many levels the trees of an extension have: more of them send fewer bits and compute longer.
package enum TreeHeight: Int, CaseIterable, Sendable {
    /// 8 bytes of extension a transfer, and two blocks of AES at either side: for parties on one machine.
    case two = 2
    /// 4 bytes, and four blocks: where nobody says otherwise.
    case four = 4
    /// 2 bytes, and 32 blocks: for slow links.
    case eight = 8

    /// What sessions have whose parties say nothing.
    package static let usual = TreeHeight.four

    /// Trees that have a leaf for each of 128 bits of Δ.
    package var trees: Int { 128 / rawValue }
    package var leavesOfTree: Int { 1 << rawValue }
    /// Leaves of all trees, of two words each.
    package var leaves: Int { trees * leavesOfTree }
}
