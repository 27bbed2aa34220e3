import CrypTenRing

/// A line from one part of the rate to another, where it stays: a warm-up.
///
///     learningRate · (startFactor + (endFactor − startFactor) · min(step, steps) / steps)
public struct LinearLR: Schedule, Hashable {
    private let learningRate: Double
    private let startFactor: Double
    private let endFactor: Double
    private let steps: Int

    /// - Parameter steps: How many it takes.
    /// - Throws: `.invalidArgument` for less than one step, a negative rate, or factors that don't lie in 0 … 1.
    public init(learningRate: Double, startFactor: Double = 1.0 / 3, endFactor: Double = 1, steps: Int = 5) throws {
        try ScheduleArgument.check(rate: learningRate, "LinearLR")
        try ScheduleArgument.check(steps: steps, "LinearLR")
        for factor in [startFactor, endFactor] { try ScheduleArgument.check(factor: factor, "LinearLR") }
        (self.learningRate, self.steps) = (learningRate, steps)
        (self.startFactor, self.endFactor) = (startFactor, endFactor)
    }

    public func learningRate(at step: Int) -> Double {
        let part = Double(min(max(step, 0), steps)) / Double(steps)
        return learningRate * (startFactor + (endFactor - startFactor) * part)
    }
}

/// A part of the rate for some steps, then the whole of it.
public struct ConstantLR: Schedule, Hashable {
    private let learningRate: Double
    private let factor: Double
    private let steps: Int

    /// - Parameters:
    ///   - factor: The part.
    ///   - steps: For how many.
    /// - Throws: `.invalidArgument` for a negative number of steps, a negative rate, or a factor that doesn't lie in 0 … 1.
    public init(learningRate: Double, factor: Double = 1.0 / 3, steps: Int = 5) throws {
        try ScheduleArgument.check(rate: learningRate, "ConstantLR")
        try ScheduleArgument.check(factor: factor, "ConstantLR")
        try ScheduleArgument.check(steps >= 0, "ConstantLR", "\(steps) steps; their number isn't negative")
        (self.learningRate, self.factor, self.steps) = (learningRate, factor, steps)
    }

    public func learningRate(at step: Int) -> Double {
        max(step, 0) < steps ? learningRate * factor : learningRate
    }
}

/// A power of what is left of the steps: `learningRate · (1 − min(step, steps) / steps)^power`.
public struct PolynomialLR: Schedule, Hashable {
    private let learningRate: Double
    private let steps: Int
    private let power: Double

    /// - Parameter steps: After how many the rate is 0.
    /// - Throws: `.invalidArgument` for less than one step, a negative rate, or a power that isn't positive.
    public init(learningRate: Double, steps: Int = 5, power: Double = 1) throws {
        try ScheduleArgument.check(rate: learningRate, "PolynomialLR")
        try ScheduleArgument.check(steps: steps, "PolynomialLR")
        try ScheduleArgument.check(
            power > 0 && power.isFinite,
            "PolynomialLR",
            "a power of \(power); it is positive and finite"
        )
        (self.learningRate, self.steps, self.power) = (learningRate, steps, power)
    }

    public func learningRate(at step: Int) -> Double {
        let left = 1 - Double(min(max(step, 0), steps)) / Double(steps)
        return left == 0 ? 0 : learningRate * PortableFunctions.pow(left, power)
    }
}
