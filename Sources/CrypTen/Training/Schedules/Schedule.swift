import CrypTenBase

/// A learning rate for each step: a public number that all parties compute, the same bits at each.
///
/// A schedule is a value and remembers nothing: a training that is resumed at a step has that step's rate. Steps count from 0, and may be
/// batches or epochs. What a step of PyTorch's scheduler of the same name leaves is the rate here, within rounding.
///
/// ```swift
/// let schedule = try CosineAnnealingLR(learningRate: 0.1, steps: 1000).afterLinearWarmUp(steps: 50, startFactor: 0.1)
/// for batch in batches {
///     optimizer.follow(schedule)
///     try await optimizer.update(&model, gradients(of: batch), on: session)
/// }
/// ```
///
/// Rates are operands of a run and no part of its plan: whatever the schedule, a training has one plan. So is momentum where a schedule has some to
/// say of it, as ``OneCycleLR`` may; else it is a part of the plan, which is cheaper.
public protocol Schedule: Sendable {
    /// The rate of a step.
    ///
    /// - Parameter step: From 0 on; what is less counts as 0.
    func learningRate(at step: Int) -> Double

    /// The momentum of a step, or Adam's first β; nil: the optimiser's own.
    ///
    /// A schedule says it of all steps, or of none.
    func momentum(at step: Int) -> Double?
}

extension Schedule {
    public func momentum(at step: Int) -> Double? { nil }
}

extension Schedule {
    /// This schedule after steps in which its first rate is reached along a line.
    ///
    /// - Parameters:
    ///   - steps: How many there are before this schedule's step 0.
    ///   - startFactor: Which part of the first rate the line begins with.
    /// - Throws: `.invalidArgument` for less than one step, or a factor that doesn't lie in 0 … 1.
    public func afterLinearWarmUp(steps: Int, startFactor: Double) throws -> SequentialLR {
        let line = try LinearLR(learningRate: learningRate(at: 0), startFactor: startFactor, steps: steps)
        return try SequentialLR([line, self], milestones: [steps])
    }
}

extension Optimizer {
    /// Takes the learning rate of the next step, and its momentum where it is said, from a schedule whose steps are the optimiser's.
    ///
    /// Of an optimiser without momentum, as ``Adagrad``, the rate alone.
    public mutating func follow(_ schedule: some Schedule) {
        learningRate = schedule.learningRate(at: stepCount)
        guard let momentum = schedule.momentum(at: stepCount), var follower = self as? any MomentumFollower else {
            return
        }
        follower.followed = FollowedMomentum(
            now: momentum,
            before: schedule.momentum(at: stepCount - 1) ?? momentum
        )
        guard let followed = follower as? Self else { preconditionFailure("an optimiser is of its own type") }
        self = followed
    }
}

/// What schedules demand of their arguments.
enum ScheduleArgument {
    static func check(_ holds: Bool, _ schedule: String, _ rule: @autoclosure () -> String) throws(CrypTenError) {
        if !holds { throw CrypTenError(.invalidArgument, "\(schedule): \(rule())") }
    }

    /// - Throws: `.invalidArgument` for what is negative, infinite or no number.
    static func check(rate: Double, _ schedule: String) throws(CrypTenError) {
        try check(rate >= 0 && rate.isFinite, schedule, "a learning rate of \(rate); it is finite and not negative")
    }

    /// - Throws: `.invalidArgument` for less than one step.
    static func check(steps: Int, _ schedule: String) throws(CrypTenError) {
        try check(steps >= 1, schedule, "\(steps) steps; it takes one or more")
    }

    /// - Throws: `.invalidArgument` for a factor outside of 0 … 1.
    static func check(factor: Double, _ schedule: String) throws(CrypTenError) {
        try check((0...1).contains(factor), schedule, "a factor of \(factor); it lies between 0 and 1")
    }
}
