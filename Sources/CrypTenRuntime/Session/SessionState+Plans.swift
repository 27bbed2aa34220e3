import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing

/// Plans of expressions, made once for each form of graph.
extension SessionState {
    struct Planned {
        var plan: PreparedPlan
        var sources: GraphSources

        /// What one run of it costs.
        var cost: PlanCost {
            PlanCost(of: plan, framing: .wire)
        }

        /// How the dealer calls the plan, and how much it is sent.
        var nameAtDealer: (fingerprint: [UInt8], bytes: Int) {
            (plan.dealerFingerprint, plan.dealerPlan.count)
        }

        /// How many values a run keeps.
        var keeps: Int {
            plan.plan.outputs.count { $0.kept != nil }
        }
    }

    /// The plan of expressions: made once for each form of graph.
    func plan(_ roots: [(Node, Graph.Destination)]) throws -> Planned {
        try machine.check()
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
        if let recent = recentPlan, let sources = recent.sources(of: roots), try known(of: sources) == recent.known {
            return Planned(plan: recent.plan, sources: sources)
        }
        let (graph, sources) = try Simplify.graph(of: roots)
        let known = try known(of: sources)
        let plan = try plan(graph, known)
        recentPlan = RecentPlan(roots, sources, known: known, plan)
        return Planned(plan: plan, sources: sources)
    }

    private func known(of sources: GraphSources) throws -> [KeptValue] {
        try sources.kept.map { try keptValue($0.number).known }
    }

    private func plan(_ graph: Graph, _ known: [KeptValue]) throws -> PreparedPlan {
        let key = PlanKey(graph: graph, kept: known)
        if let plan = plans.use(key) { return plan }
        let planner = Planner(
            parties: parties,
            fractionBits: configuration.fractionBits,
            slabBits: configuration.slabBits
        )
        let plan = try planner.plan(graph, kept: known)
        statistics.plans += 1
        let size = plan.constants.reduce(plan.dealerPlan.count) { $0 + $1.count * 8 }
        _ = plans.insert(plan, for: key, size: size)
        return plan
    }

    /// Looks whether a device has room for a plan, once for each.
    ///
    /// - Throws: `.notEnoughDeviceMemory`; the others are told, who have begun the run.
    func checkRoom(for planned: Planned) throws {
        guard kernels.computesAside, !plansWithRoom.contains(planned.plan.fingerprint) else { return }
        // What parties make themselves lies in the host's memory.
        let memory = MemoryEstimate(planned.plan, correctionWindow: configuration.correctionWindow, offline: nil)
        try kernels.checkRoom(for: memory.bytesPerParty[party])
        plansWithRoom.insert(planned.plan.fingerprint)
    }
}
