import CrypTen

/// The trees of transfers with which making correlations takes the least time on a network, where others were chosen.
struct QuickestTrees: Encodable, Sendable {
    var transferTreeHeight: Int
    var seconds: Double

    /// Nil where those that were chosen take as little, to a hundredth, and on one machine, whose link isn't priced.
    init?(_ cost: OfflineCost, on network: NetworkProfile) {
        guard network.bitsPerSecond.isFinite,
            let best = cost.secondsByTreeHeight(on: network).min(by: { $0.seconds < $1.seconds }),
            best.seconds < 0.99 * cost.seconds(on: network)
        else { return nil }
        (transferTreeHeight, seconds) = (best.height, best.seconds)
    }

    /// A line of a table.
    func lines(beside chosen: Double) -> [(String, String)] {
        [
            (
                "least with --transfer-tree-height \(transferTreeHeight), about",
                "\(seconds.fixed(3)), not \(chosen.fixed(3))"
            )
        ]
    }
}
