/// Schedules one after the other, each of which begins at its own step 0.
public struct SequentialLR: Schedule {
    private let schedules: [any Schedule]
    private let milestones: [Int]

    /// - Parameters:
    ///   - schedules: In their order; their rates are their own.
    ///   - milestones: The step at which each but the first begins.
    /// - Throws: `.invalidArgument` where there isn't one milestone less than schedules, or milestones aren't positive and in ascending order.
    public init(_ schedules: [any Schedule], milestones: [Int]) throws {
        try ScheduleArgument.check(
            schedules.count == milestones.count + 1,
            "SequentialLR",
            "\(schedules.count) schedules and \(milestones.count) milestones; each schedule but the first has one"
        )
        try ScheduleArgument.check(
            zip([0] + milestones, milestones).allSatisfy { $0 < $1 },
            "SequentialLR",
            "milestones are \(milestones); they are positive and ascend"
        )
        (self.schedules, self.milestones) = (schedules, milestones)
    }

    public func learningRate(at step: Int) -> Double {
        let (schedule, place) = place(of: step)
        return schedule.learningRate(at: place)
    }

    /// What the schedule says whose turn it is; where that says nothing and others do, what the first that does says of its step 0.
    public func momentum(at step: Int) -> Double? {
        let (schedule, place) = place(of: step)
        return schedule.momentum(at: place) ?? schedules.lazy.compactMap { $0.momentum(at: 0) }.first
    }

    /// The schedule of a step, and which of its steps that is.
    private func place(of step: Int) -> (schedule: any Schedule, step: Int) {
        let place = max(step, 0)
        let which = milestones.count { $0 <= place }
        return (schedules[which], which == 0 ? place : place - milestones[which - 1])
    }
}
