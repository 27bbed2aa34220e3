/// A way up from a low rate to the largest one, and down to a much lower one.
///
/// With three phases the way down ends at the first rate after as many steps as the way up took, and only then goes further.
/// After the last step the rate stays. Momentum, where it is cycled, goes the other way: it is largest where the rate is lowest.
/// > Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2018.
public struct OneCycleLR: Schedule, Hashable {
    /// What the ways are.
    public enum Anneal: Hashable, Sendable {
        /// Half cosines.
        case cosine
        /// Lines.
        case linear
    }

    /// A way and the step at which it ends, which needn't be whole.
    private struct Phase: Hashable {
        var end: Double
        var from: Double
        var to: Double
    }

    private let phases: [Phase]
    /// The same of momentum; nil where it stays as it is.
    private let momenta: [Phase]?
    private let last: Int
    private let anneal: Anneal

    /// - Parameters:
    ///   - largest: The largest rate; PyTorch calls it `max_lr`.
    ///   - steps: All steps of the training.
    ///   - risingPart: Which part of them the way up takes, `pct_start`.
    ///   - anneal: What the ways are, `anneal_strategy`.
    ///   - divisor: The first rate is the largest over this, `div_factor`.
    ///   - finalDivisor: The last rate is the first over this, `final_div_factor`.
    ///   - threePhases: Whether the way down takes two phases.
    ///   - momentum: Between what momentum, or Adam's first β, is cycled, `base_momentum` and `max_momentum`, PyTorch's 0.85 and 0.95; nil: it stays
    ///     as it is, `cycle_momentum=False`.
    /// - Throws: `.invalidArgument` for less than one step, a part that doesn't lie in 0 … 1 (with three phases 0 … ½), a negative rate,
    ///   divisors that aren't positive, and momentum that doesn't lie from 0 to less than 1.
    public init(
        largest: Double,
        steps: Int,
        risingPart: Double = 0.3,
        anneal: Anneal = .cosine,
        divisor: Double = 25,
        finalDivisor: Double = 1e4,
        threePhases: Bool = false,
        momentum: ClosedRange<Double>? = nil
    ) throws {
        try ScheduleArgument.check(rate: largest, "OneCycleLR")
        try ScheduleArgument.check(steps: steps, "OneCycleLR")
        let most = threePhases ? 0.5 : 1
        try ScheduleArgument.check(
            (0...most).contains(risingPart),
            "OneCycleLR",
            "\(risingPart) of the steps rise; it lies between 0 and \(most)"
        )
        for divisor in [divisor, finalDivisor] {
            try ScheduleArgument.check(
                divisor > 0 && divisor.isFinite,
                "OneCycleLR",
                "rates are divided by \(divisor); it is positive and finite"
            )
        }
        if let momentum {
            try ScheduleArgument.check(
                momentum.lowerBound >= 0 && momentum.upperBound < 1,
                "OneCycleLR",
                "momentum from \(momentum.lowerBound) to \(momentum.upperBound); it lies from 0 to less than 1"
            )
        }
        let (first, lowest) = (largest / divisor, largest / divisor / finalDivisor)
        last = steps - 1
        self.anneal = anneal
        let (top, end) = (risingPart * Double(steps) - 1, Double(last))
        func cycle(_ first: Double, _ largest: Double, _ last: Double) -> [Phase] {
            threePhases
                ? [
                    Phase(end: top, from: first, to: largest),
                    Phase(end: 2 * risingPart * Double(steps) - 2, from: largest, to: first),
                    Phase(end: end, from: first, to: last),
                ] : [Phase(end: top, from: first, to: largest), Phase(end: end, from: largest, to: last)]
        }
        phases = cycle(first, largest, lowest)
        momenta = momentum.map { cycle($0.upperBound, $0.lowerBound, $0.upperBound) }
    }

    public func learningRate(at step: Int) -> Double {
        value(of: phases, at: step)
    }

    public func momentum(at step: Int) -> Double? {
        momenta.map { value(of: $0, at: step) }
    }

    private func value(of phases: [Phase], at step: Int) -> Double {
        let place = Double(min(max(step, 0), last))
        var start = 0.0
        for phase in phases {
            if place <= phase.end {
                let part = phase.end > start ? (place - start) / (phase.end - start) : 1
                switch anneal {
                case .cosine: return HalfCosine.value(from: phase.from, to: phase.to, at: part)
                case .linear: return phase.from + (phase.to - phase.from) * part
                }
            }
            start = phase.end
        }
        return phases[phases.count - 1].to
    }
}
