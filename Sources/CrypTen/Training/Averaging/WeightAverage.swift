import CrypTenBase
import CrypTenExpressions
public import CrypTenRuntime

/// The average of a model's parameters over the steps of a training, which often predicts better than the last of them.
///
/// The averages are secrets that the session keeps, with as many fraction bits as parameters have. How much of the newest parameters enters is
/// a public operand of the run: from the second update on nothing is planned.
///
/// ```swift
/// var average = WeightAverage(.exponential(decay: 0.999))
/// for batch in batches {
///     let (_, gradients, _) = valueAndGradient(of: model) { mseLoss($0(batch.x), batch.y) }
///     try await optimizer.update(&model, gradients, on: session)
///     try await average.update(with: model, on: session)
/// }
/// let averaged = average.applied(to: model)
/// ```
/// > Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; Izmailov and others, "Averaging Weights Leads to Wider
/// > Optima and Better Generalization", UAI 2018.
public struct WeightAverage: Sendable {
    /// How parameters are averaged.
    public enum Rule: Hashable, Sendable {
        /// All alike: a ← a + (p − a) / (n + 1) after n updates, as PyTorch's `AveragedModel` has it.
        case mean
        /// The newest most: a ← a + (1 − decay) · (p − a), as `get_ema_avg_fn` has it.
        case exponential(decay: Double)
    }

    /// How parameters are averaged.
    public var rule: Rule
    /// The averages so far, under the parameters' names; none before the first update, which takes the parameters as they are.
    public private(set) var parameters = ParameterTree()
    /// How many updates there were.
    public private(set) var count = 0

    /// An average of nothing yet.
    public init(_ rule: Rule = .mean) {
        self.rule = rule
    }

    /// Goes on with averages that were kept elsewhere.
    ///
    /// - Parameters:
    ///   - parameters: The averages, as values that the session keeps.
    ///   - count: After how many updates.
    public init(_ rule: Rule, parameters: ParameterTree, count: Int) {
        (self.rule, self.parameters, self.count) = (rule, parameters, count)
    }

    /// Takes a model's parameters into the average.
    ///
    /// - Throws: `.invalidArgument` for a decay that doesn't lie in 0 … 1, and for a model with other parameters than those that were averaged
    ///   so far, which then stay; and as `Session.evaluate`.
    /// - Complexity: one run of its own, of one round: for each parameter 8 bytes opened and 12 dealt; the first update sends nothing.
    public mutating func update(with model: some Module, on session: Session) async throws {
        let newest = model.parameters
        var share = 1 / Double(count + 1)
        if case .exponential(let decay) = rule {
            guard (0...1).contains(decay) else {
                throw CrypTenError(.invalidArgument, "averages can't decay by \(decay): it lies between 0 and 1")
            }
            if count > 0 { share = 1 - decay }
        }
        let bits = TrainingScales(of: session).parameters
        var next: [CrypTensor] = newest.map(\.tensor)
        if count > 0 {
            guard newest.names == parameters.names else {
                throw CrypTenError(
                    .invalidArgument,
                    "the model's parameters \(newest.names) aren't those of the average, \(parameters.names)"
                )
            }
            let rate = try await session.publicValue(Tensor(share), name: "share of the newest")
            next = zip(parameters, newest).map { old, new in old.tensor + (new.tensor - old.tensor) * rate }
        }
        let kept = try await session.evaluate(next.map { ($0, bits) }, revealing: [], to: .all).kept
        let old = parameters.map(\.tensor)
        parameters = ParameterTree(zip(newest.names, kept).map { ($0, $1) })
        count += 1
        try await session.release(old)
    }

    /// A model with the averages in place of its parameters; before the first update the model itself.
    ///
    /// Its buffers stay: the statistics of a batch normalisation are those of other parameters, and are made anew by calls in training.
    public func applied<Model: Module>(to model: Model) -> Model {
        var averaged = model
        if count > 0 { averaged.parameters = parameters }
        return averaged
    }
}
