import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning

/// Plans of expressions, made once for each form of graph.
extension SessionState {
    struct Planned {
        var plan: PreparedPlan
        var sources: GraphSources

        /// What one run of it costs.
        var cost: PlanCost {
            PlanCost(of: plan.plan, schedule: plan.schedule, framing: .wire)
        }
    }

    /// The plan of expressions: made once for each form of graph.
    func plan(_ roots: [(Node, Graph.Destination)]) throws -> Planned {
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
        if let plan = plans.use(key) { return Planned(plan: plan, sources: sources) }
        let planner = Planner(parties: parties, fractionBits: configuration.fractionBits)
        let plan = try planner.plan(graph, kept: known)
        plans.insert(plan, for: key)
        return Planned(plan: plan, sources: sources)
    }
}
