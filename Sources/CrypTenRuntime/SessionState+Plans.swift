import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning

/// Plans of expressions, made once for each form of graph.
extension SessionState {
    struct Prepared {
        var plan: PreparedPlan
        var sources: GraphSources
    }

    /// The plan of expressions: made once for each form of graph.
    func prepare(_ roots: [(Node, Graph.Destination)]) throws -> Prepared {
        try checkAlive()
        let start = ContinuousClock.now
        defer { statistics.secondsPlanning += (ContinuousClock.now - start).seconds }
        for (root, _) in roots {
            if let session = root.session, session !== identity {
                throw CrypTenError(
                    .wrongSession,
                    "a tensor of another session can't be run here; reveal it there first"
                )
            }
        }
        let (graph, sources) = try Simplify.graph(of: roots)
        let known = try sources.kept.map { try keptValue($0).known }
        let key = PlanKey(graph: graph, kept: known)
        if let plan = plans[key] { return Prepared(plan: plan, sources: sources) }
        let planner = Planner(parties: parties, fractionBits: configuration.fractionBits)
        let plan = try planner.plan(graph, kept: known)
        plans[key] = plan
        return Prepared(plan: plan, sources: sources)
    }
}
