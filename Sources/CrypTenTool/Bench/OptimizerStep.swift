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
        var weights: [Workload.Operand] = []
        for parameter in parameters {
            weights.append(parameter)
            for slot in optimizer.slots {
                var remembered = parameter
                remembered.name = "\(parameter.name)/\(slot.name)"
                remembered.numbers = slot.name == "second" ? .uniform(0.02...0.1) : .uniform(-0.1...0.1)
                remembered.isSquared = slot.name == "second"
                weights.append(remembered)
            }
        }
        self.weights = weights
        fractionBits = parameters.flatMap { _ in optimizer.fractionBits(scales) }
        rates = optimizer.rates(at: Self.steps + 1).enumerated().map { index, rate in
            Workload.Operand(name: "rate\(index)", owner: 0, shape: [], numbers: .rate(rate))
        }
    }

    /// What succeeds the weights, in their order.
    func callAsFunction(_ gradients: [CrypTensor], _ operands: [String: CrypTensor]) -> [CrypTensor] {
        // Parameters and what is remembered of them, each under its name.
        let state = ParameterTree(weights.map { ($0.name, operands[$0.name]!) })
        var optimizer = optimizer
        optimizer.state = state
        let named = ParameterTree(zip(parameters, gradients).map { ($0.name, $1) })
        return optimizer.successors(of: state, named, rates: rates.map { operands[$0.name]! })
    }
}
