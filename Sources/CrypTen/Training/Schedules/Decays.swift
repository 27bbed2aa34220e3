import CrypTenRing

/// The rate times `gamma` after every so many steps: `learningRate · gamma^⌊step / stepSize⌋`.
public struct StepLR: Schedule, Hashable {
    private let learningRate: Double
    private let stepSize: Int
    private let gamma: Double

    /// - Throws: `.invalidArgument` for steps of no size, and for numbers that are negative or not finite.
    public init(learningRate: Double, stepSize: Int, gamma: Double = 0.1) throws {
        try ScheduleArgument.check(rate: learningRate, "StepLR")
        try ScheduleArgument.check(steps: stepSize, "StepLR")
        try ScheduleArgument.check(gamma: gamma, "StepLR")
        (self.learningRate, self.stepSize, self.gamma) = (learningRate, stepSize, gamma)
    }

    public func learningRate(at step: Int) -> Double {
        learningRate * PortableFunctions.pow(gamma, Double(max(step, 0) / stepSize))
    }
}

/// The rate times `gamma` at each of some steps.
public struct MultiStepLR: Schedule, Hashable {
    private let learningRate: Double
    private let milestones: [Int]
    private let gamma: Double

    /// - Parameter milestones: The steps, in any order; one that is named twice counts twice.
    /// - Throws: `.invalidArgument` for numbers that are negative or not finite.
    public init(learningRate: Double, milestones: [Int], gamma: Double = 0.1) throws {
        try ScheduleArgument.check(rate: learningRate, "MultiStepLR")
        try ScheduleArgument.check(gamma: gamma, "MultiStepLR")
        (self.learningRate, self.milestones, self.gamma) = (learningRate, milestones, gamma)
    }

    public func learningRate(at step: Int) -> Double {
        learningRate * PortableFunctions.pow(gamma, Double(milestones.count { $0 <= max(step, 0) }))
    }
}

/// The rate times `gamma` at every step.
public struct ExponentialLR: Schedule, Hashable {
    private let learningRate: Double
    private let gamma: Double

    /// - Throws: `.invalidArgument` for numbers that are negative or not finite.
    public init(learningRate: Double, gamma: Double) throws {
        try ScheduleArgument.check(rate: learningRate, "ExponentialLR")
        try ScheduleArgument.check(gamma: gamma, "ExponentialLR")
        (self.learningRate, self.gamma) = (learningRate, gamma)
    }

    public func learningRate(at step: Int) -> Double {
        learningRate * PortableFunctions.pow(gamma, Double(max(step, 0)))
    }
}

extension ScheduleArgument {
    /// - Throws: `.invalidArgument` for what is negative, infinite or no number.
    fileprivate static func check(gamma: Double, _ schedule: String) throws {
        try check(gamma >= 0 && gamma.isFinite, schedule, "gamma is \(gamma); it is finite and not negative")
    }
}
