/// Momentum that changes from step to step: a number of the run, as the learning rate is, and no part of the plan.
package struct FollowedMomentum: Hashable, Sendable {
    /// That of the next step.
    package var now: Double
    /// That of the step before; of the first step its own.
    package var before: Double

    package init(now: Double, before: Double) {
        (self.now, self.before) = (now, before)
    }
}

/// An optimiser whose momentum, or first β, a schedule may change.
///
/// - Complexity: a product with a number that the plan doesn't know is truncated, where one that it knows is a quotient: a round, 8 bytes opened and
///   less than 8 dealt a parameter more.
package protocol MomentumFollower: Optimizer {
    /// Nil: momentum is the optimiser's own, and a part of the plan.
    var followed: FollowedMomentum? { get set }
}
