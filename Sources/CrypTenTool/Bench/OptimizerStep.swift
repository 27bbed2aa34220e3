import CrypTen

/// An optimiser's step in the midst of training, as part of a workload: parameters, what is remembered of them, and rates that change.
struct OptimizerStep<Method: Optimizer>: Sendable {
    /// Parameters, each followed by what is remembered of it.
    let weights: [Workload.Operand]
    /// The fraction bits with which each is kept.
    let fractionBits: [Int]
    /// The public numbers of the step.
    let rates: [Workload.Operand]
    private let parameters: [Workload.Operand]
    private let optimizer: Method
    /// So many steps were taken before.
    private static var steps: Int { 10 }

    /// A step that trains some of a workload's operands.
    init(of parameters: [Workload.Operand], _ optimizer: Method) {
        self.parameters = parameters
        self.optimizer = optimizer
        let scales = TrainingScales(fractionBits: SessionConfiguration().fractionBits)
        var (weights, fractionBits): ([Workload.Operand], [Int]) = ([], [])
        for parameter in parameters {
            weights.append(parameter)
            fractionBits.append(scales.parameters)
            for slot in optimizer.slots {
                var remembered = parameter
                remembered.name = "\(parameter.name)/\(slot.name)"
                remembered.numbers = slot.name == "second" ? .uniform(0.02...0.1) : .uniform(-0.1...0.1)
                remembered.isSquared = slot.name == "second"
                weights.append(remembered)
                fractionBits.append(scales.fractionBits(of: slot))
            }
        }
        (self.weights, self.fractionBits) = (weights, fractionBits)
        rates = optimizer.rates(at: Self.steps + 1).enumerated().map { index, rate in
            Workload.Operand(name: "rate\(index)", owner: 0, shape: [], numbers: .rate(rate))
        }
    }

    /// What succeeds the weights, in their order.
    func callAsFunction(_ gradients: [CrypTensor], _ operands: [String: CrypTensor]) -> [CrypTensor] {
        let rates = rates.map { operands[$0.name]! }
        return zip(parameters, gradients).flatMap { parameter, gradient -> [CrypTensor] in
            let remembered = optimizer.slots.map { ($0.name, operands["\(parameter.name)/\($0.name)"]!) }
            let next = optimizer.step(
                operands[parameter.name]!,
                gradient,
                Dictionary(uniqueKeysWithValues: remembered),
                rates: rates
            )
            return [next.parameter] + optimizer.slots.map { next.remembered[$0.name]! }
        }
    }
}
