import CrypTenRing

/// Half a cosine from the rate down to another one, and, after its steps, up again:
///
///     end + (learningRate − end) · (1 + cos(π · step / steps)) / 2
///
/// > Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.
public struct CosineAnnealingLR: Schedule, Hashable {
    private let learningRate: Double
    private let steps: Int
    private let end: Double

    /// - Parameters:
    ///   - steps: How many it takes down; PyTorch calls it `T_max`.
    ///   - end: The rate after them, `eta_min`.
    /// - Throws: `.invalidArgument` for less than one step, and for rates that are negative or not finite.
    public init(learningRate: Double, steps: Int, end: Double = 0) throws {
        for rate in [learningRate, end] { try ScheduleArgument.check(rate: rate, "CosineAnnealingLR") }
        try ScheduleArgument.check(steps: steps, "CosineAnnealingLR")
        (self.learningRate, self.steps, self.end) = (learningRate, steps, end)
    }

    public func learningRate(at step: Int) -> Double {
        // The way up is the way down from the other side.
        let (turns, place) = max(step, 0).quotientAndRemainder(dividingBy: steps)
        let part = Double(turns % 2 == 0 ? place : steps - place) / Double(steps)
        return HalfCosine.value(from: learningRate, to: end, at: part)
    }
}

/// Half cosines from the rate down to another one, each of which starts from the top, and may be longer than the last.
///
/// > Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.
public struct CosineAnnealingWarmRestarts: Schedule, Hashable {
    private let learningRate: Double
    private let firstSteps: Int
    private let growth: Int
    private let end: Double

    /// - Parameters:
    ///   - firstSteps: How many the first takes; PyTorch calls it `T_0`.
    ///   - growth: How many times as long as the last each other one is, `T_mult`.
    ///   - end: The rate that each ends before, `eta_min`.
    /// - Throws: `.invalidArgument` for less than one step or a growth of less than 1, and for rates that are negative or not finite.
    public init(learningRate: Double, firstSteps: Int, growth: Int = 1, end: Double = 0) throws {
        for rate in [learningRate, end] { try ScheduleArgument.check(rate: rate, "CosineAnnealingWarmRestarts") }
        try ScheduleArgument.check(steps: firstSteps, "CosineAnnealingWarmRestarts")
        try ScheduleArgument.check(
            growth >= 1,
            "CosineAnnealingWarmRestarts",
            "a growth of \(growth); it is 1 or more"
        )
        (self.learningRate, self.firstSteps) = (learningRate, firstSteps)
        (self.growth, self.end) = (growth, end)
    }

    public func learningRate(at step: Int) -> Double {
        var (place, length) = (max(step, 0), firstSteps)
        if growth == 1 { place %= length }
        while place >= length {
            place -= length
            let (longer, isTooLong) = length.multipliedReportingOverflow(by: growth)
            length = isTooLong ? .max : longer
        }
        return HalfCosine.value(from: learningRate, to: end, at: Double(place) / Double(length))
    }
}

/// The way between two numbers along half a cosine.
enum HalfCosine {
    /// - Parameter part: Of the way, from 0 to 1.
    static func value(from start: Double, to end: Double, at part: Double) -> Double {
        end + (start - end) * (1 + PortableFunctions.cos(.pi * part)) / 2
    }
}
