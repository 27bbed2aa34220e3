import CrypTenExpressions
import CrypTenPlanning

/// The expressions that were planned last, and their plan: for who runs them again, or runs now what was prepared.
///
/// Nodes don't change, so the same nodes are the same graph, which takes longer to make and to look up than a short run takes. No
/// node lives longer for it.
struct RecentPlan {
    private struct Reference {
        weak var node: Node?
    }

    private let roots: [(reference: Reference, destination: Graph.Destination)]
    /// The public expressions among the sources, which live as long as the roots.
    private let plain: [Reference]
    private let otherSources: GraphSources
    /// What was known of the kept values that the plan reads.
    let known: [KeptValue]
    let plan: PreparedPlan

    init(_ roots: [(Node, Graph.Destination)], _ sources: GraphSources, known: [KeptValue], _ plan: PreparedPlan) {
        self.roots = roots.map { (Reference(node: $0), $1) }
        plain = sources.plain.map { Reference(node: $0) }
        var others = sources
        others.plain = []
        otherSources = others
        self.known = known
        self.plan = plan
    }

    /// The sources, if these are the expressions.
    func sources(of roots: [(Node, Graph.Destination)]) -> GraphSources? {
        guard roots.count == self.roots.count else { return nil }
        for (mine, (node, destination)) in zip(self.roots, roots) {
            guard mine.reference.node === node, mine.destination == destination else { return nil }
        }
        var sources = otherSources
        sources.plain = plain.compactMap(\.node)
        return sources
    }
}
