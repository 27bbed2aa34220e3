import ArgumentParser
import CrypTen

/// How the learning rate changes, and how large gradients may be.
struct ScheduleOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "How the learning rate changes from step to step: constant, cosine, linear, one-cycle, one-cycle:B:M, step:N:G, exponential:G.",
            discussion: """
                Cosine and linear end at 0 with the last step; step multiplies it by G after N steps, exponential by G after each. With one-cycle:B:M \
                momentum, or Adam's first beta, goes down from M to B while the rate goes up, and back.
                """,
            valueName: "schedule"
        )
    )
    var schedule = RateSchedule.constant

    @Option(name: .long, help: ArgumentHelp("Over how many steps the rate rises to the first one.", valueName: "steps"))
    var warmUp: Int?

    @Option(name: .long, help: ArgumentHelp("Make all gradients together no longer than this.", valueName: "norm"))
    var clipNorm: Double?

    @Option(name: .long, help: ArgumentHelp("Make no gradient larger than this.", valueName: "bound"))
    var clipValue: Double?

    func validate() throws {
        if let warmUp, warmUp < 1 { throw ValidationError("--warm-up \(warmUp): choose 1 or more steps") }
        for (name, bound) in [("--clip-norm", clipNorm), ("--clip-value", clipValue)] {
            if let bound, !(bound > 0 && bound <= 1024) {
                throw ValidationError("\(name) \(bound): choose more than 0, and 1024 at most")
            }
        }
        if clipNorm != nil, clipValue != nil { throw ValidationError("give --clip-norm or --clip-value, not both") }
    }

    /// Rates of so many steps; nil: the optimiser's own.
    func make(rate: Double, steps: Int) throws -> (any Schedule)? {
        let rest = max(1, steps - (warmUp ?? 0))
        let base = try schedule.make(rate: rate, steps: rest)
        guard let warmUp else { return base }
        func warmed(_ schedule: some Schedule) throws -> any Schedule {
            try schedule.afterLinearWarmUp(steps: warmUp, startFactor: 1 / Double(warmUp))
        }
        let first: any Schedule = try base ?? ExponentialLR(learningRate: rate, gamma: 1)
        return try warmed(first)
    }

    /// What becomes of gradients.
    var transform: (@Sendable (ParameterTree) throws -> ParameterTree)? {
        if let clipNorm { return { $0.clipped(toNorm: clipNorm) } }
        if let clipValue { return { $0.clipped(toValue: clipValue) } }
        return nil
    }

    /// All of it on one line: equal at all parties. Empty where it changes nothing.
    var summary: String {
        var parts: [String] = schedule == .constant ? [] : ["schedule \(schedule.argument)"]
        if let warmUp { parts.append("warm-up \(warmUp)") }
        if let clipNorm { parts.append("norms to \(clipNorm)") }
        if let clipValue { parts.append("gradients to \(clipValue)") }
        return parts.joined(separator: ", ")
    }

    /// The same for another process.
    var arguments: [String] {
        ["--schedule", schedule.argument] + (warmUp.map { ["--warm-up", "\($0)"] } ?? [])
            + (clipNorm.map { ["--clip-norm", "\($0)"] } ?? []) + (clipValue.map { ["--clip-value", "\($0)"] } ?? [])
    }
}

/// A schedule on the command line.
enum RateSchedule: ExpressibleByArgument, Hashable, Sendable {
    case constant
    case cosine
    case linear
    /// With the momentum that goes the other way, where it does.
    case oneCycle(momentum: ClosedRange<Double>?)
    case step(steps: Int, factor: Double)
    case exponential(factor: Double)

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count) {
        case ("constant", 1): self = .constant
        case ("cosine", 1): self = .cosine
        case ("linear", 1): self = .linear
        case ("one-cycle", 1): self = .oneCycle(momentum: nil)
        case ("one-cycle", 3):
            guard let least = Double(parts[1]), let most = Double(parts[2]), 0 <= least, least <= most, most < 1 else {
                return nil
            }
            self = .oneCycle(momentum: least...most)
        case ("step", 3):
            guard let steps = Int(parts[1]), steps > 0, let factor = Double(parts[2]), (0...1).contains(factor) else {
                return nil
            }
            self = .step(steps: steps, factor: factor)
        case ("exponential", 2):
            guard let factor = Double(parts[1]), (0...1).contains(factor) else { return nil }
            self = .exponential(factor: factor)
        default: return nil
        }
    }

    /// How it stands on a command line.
    var argument: String {
        switch self {
        case .constant: "constant"
        case .cosine: "cosine"
        case .linear: "linear"
        case .oneCycle(let momentum):
            "one-cycle" + (momentum.map { ":\($0.lowerBound):\($0.upperBound)" } ?? "")
        case .step(let steps, let factor): "step:\(steps):\(factor)"
        case .exponential(let factor): "exponential:\(factor)"
        }
    }

    var defaultValueDescription: String { argument }

    /// Whether it changes momentum, too.
    var changesMomentum: Bool {
        if case .oneCycle(.some) = self { true } else { false }
    }

    /// Whether the rates follow from how many steps there are.
    var ends: Bool {
        switch self {
        case .cosine, .linear, .oneCycle: true
        case .constant, .step, .exponential: false
        }
    }

    fileprivate func make(rate: Double, steps: Int) throws -> (any Schedule)? {
        switch self {
        case .constant: nil
        case .cosine: try CosineAnnealingLR(learningRate: rate, steps: steps)
        case .linear: try PolynomialLR(learningRate: rate, steps: steps)
        case .oneCycle(let momentum): try OneCycleLR(largest: rate, steps: steps, momentum: momentum)
        case .step(let each, let factor): try StepLR(learningRate: rate, stepSize: each, gamma: factor)
        case .exponential(let factor): try ExponentialLR(learningRate: rate, gamma: factor)
        }
    }
}
