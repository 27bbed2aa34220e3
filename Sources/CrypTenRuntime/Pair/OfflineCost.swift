public import CrypTenExpressions
import CrypTenPlanning

/// What making a plan's correlations takes of two parties who have no dealer: what is known of it before they begin.
public struct OfflineCost: Sendable, Hashable {
    /// Bytes of correlations that each party stores until the run, without differences of masks, which follow the way in which they are made.
    public var storedBytes: Int

    /// Of one run of a plan.
    init(_ plan: PreparedPlan) {
        // What is exchanged, and in how many exchanges, is the maker's to say: here is the place for it.
        storedBytes = plan.schedule.correctionWords * 8
    }
}

extension RehearsedRun {
    /// What making its correlations would take of two parties without a dealer.
    package var offlineCost: OfflineCost { OfflineCost(plan) }
}

extension Rehearsal {
    /// What making the correlations of a run that reveals expressions would take of two parties without a dealer.
    ///
    /// - Throws: as `cost(of:revealingTo:)`; `.invalidArgument` for more than two parties.
    public func offlineCost(
        of expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all
    ) throws -> OfflineCost {
        var configuration = SessionConfiguration()
        configuration.correlations = .parties
        try configuration.check(parties: partyCount)
        return OfflineCost(try planned(expressions.map { ($0.node, .reveal(to: recipients.party)) }))
    }
}
