import CrypTenBase
import CrypTenCorrelations
import CrypTenTransport

extension SessionState {
    /// Whether the other party extends transfers by trees of the same height, before any is made.
    ///
    /// Each has the other's request, and so sees the same. They answer once more, so that neither is told that the other has given up before it has
    /// read what is wrong.
    ///
    /// - Parameters:
    ///   - own: This party's request.
    ///   - frame: It as it was sent.
    ///   - theirs: The other's.
    ///   - peer: Who that is.
    /// - Throws: `.diverged`, at both, with what each has.
    func checkTreeHeights(_ own: RunRequest, _ frame: Frame, _ theirs: RunRequest, of peer: Role) throws {
        let heights = (own.binding.transferTreeHeight, theirs.binding.transferTreeHeight)
        guard heights.0 != heights.1 else { return }
        let patience = min(configuration.patience, SessionState.answering)
        try? transport.send(frame, to: peer, deadline: .after(patience))
        _ = try? transport.receive([.plan], from: peer, deadline: .after(patience))
        func words(_ height: Int?) -> String { height.map { "trees of \($0) levels" } ?? "none that it names" }
        throw CrypTenError(
            .diverged,
            """
            \(transport.role) extends correlated transfers by \(words(heights.0)), and \(peer) by \(words(heights.1)): give both parties \
            the same (SessionConfiguration.transferTreeHeight; crypten: --transfer-tree-height; transfer_tree_height in a cluster file)
            """,
            telling: Disclosure(.anotherConfiguration, about: peer)
        )
    }

    /// How long to wait until the answer has gone, and as long for the other's, which is due at once; whatever keeps them from it changes nothing of what is wrong.
    private static let answering = Duration.seconds(5)
}

extension SessionConfiguration {
    /// The height of the trees that transfers are extended by.
    ///
    /// - Throws: `.invalidArgument` for trees that there are none of.
    static func treeHeight(_ levels: Int) throws -> TreeHeight {
        guard let height = TreeHeight(rawValue: levels) else {
            throw CrypTenError(.invalidArgument, "transfer trees of \(levels) levels; choose 2, 4 or 8")
        }
        return height
    }
}
