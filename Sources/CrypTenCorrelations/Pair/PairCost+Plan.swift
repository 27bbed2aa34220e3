import CrypTenGates
package import CrypTenPlanning
import CrypTenRing

extension PairCost {
    /// What making a plan's correlations will take of the two parties, before either begins.
    ///
    /// The plan is walked as `PairMaker` walks it: all that parties write down is written down here, and counted.
    ///
    /// - Parameters:
    ///   - plan: What is to be run.
    ///   - schedule: In which order.
    ///   - height: Of the trees that transfers are extended by.
    ///   - limit: Bytes that may wait for an exchange.
    /// - Throws: `.invalidArgument` for what can't be made without a dealer.
    package init(
        of plan: Plan,
        _ schedule: Schedule,
        height: TreeHeight = .usual,
        limit: Int = PairRun.usualLimit
    ) throws {
        let pair = Pair(counting: height)
        let run = PairRun(counting: pair, slabs: plan.slabs, limit: limit)
        _ = try PairMaker.walk(plan, schedule, run) { binding, _, _ in run.keptValue(binding) }
        try run.exchange()
        self = pair.cost
    }
}

extension PairRun {
    /// What a party has of a kept value, by its form alone.
    fileprivate func keptValue(_ binding: PlanBinding) -> PairValue {
        guard case .kept(_, let form) = binding.source else { return .nothing }
        let shape = binding.shape
        switch form {
        case .share: return .nothing
        case .wire: return .wire(wire(shape, .unread(), sharesHeld: true))
        case .bits: return .bits(PairPlanes(PairBits(planes: 1, count: shape.count, part: .unread())))
        }
    }
}

extension Later {
    /// A value that nobody reads: who counts needs its size alone.
    package static func unread() -> Later<Value> {
        Later(at: 0) { preconditionFailure("who counts has no values") }
    }
}
