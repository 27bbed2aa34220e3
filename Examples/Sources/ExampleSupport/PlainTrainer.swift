public import CrypTen

/// Runs a program on numbers that everybody knows, and gives what its first party returns.
///
/// Public expressions are computed in double and sent nowhere; what is revealed of them is rounded to 2⁻²⁸.
public func withPublicNumbers<Result: Sendable>(
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> Result {
    var configuration = SessionConfiguration()
    configuration.fractionBits = 28
    return try await withLocalParties(2, configuration: configuration, body)[0]
}

/// Takes the steps that a `Trainer` takes, with the same module, optimiser, first weights and loss, on public numbers: what secret training is
/// held against.
///
/// ```swift
/// let plain = try await withPublicNumbers { session in
///     var trainer = try await PlainTrainer(network, SGD(learningRate: 0.1), seed: 7, on: session, loss: loss)
///     for rows in batches { _ = try await trainer.step(on: [x.rows(rows), y.rows(rows)]) }
///     return try await trainer.value(on: [test]) { network, batch in network(batch[0]) }
/// }
/// ```
public struct PlainTrainer<Model: Module>: Sendable {
    /// What a module and a batch give.
    public typealias Function = @Sendable (Model, [CrypTensor]) throws -> CrypTensor

    private var model: Model
    private var optimizer: any Optimizer
    private let session: Session
    private let loss: Function
    /// What the optimiser remembers, by parameter and slot.
    private var memory: [String: Tensor] = [:]

    /// A trainer with the first weights that `session.initialize(&model, owner:seed:)` draws.
    public init(
        _ model: Model,
        _ optimizer: any Optimizer,
        seed: UInt64,
        on session: Session,
        loss: @escaping Function
    ) async throws {
        (self.model, self.optimizer, self.session, self.loss) = (model.train(), optimizer, session, loss)
        try await session.initialize(&self.model, owner: .party(0), seed: seed)
        let state = Array(self.model.parameters) + Array(self.model.buffers)
        try await assign(try await told(state.map(\.tensor)), to: state.map(\.name))
    }

    /// Takes a step, and gives the loss before it.
    @discardableResult
    public mutating func step(on batch: [Tensor]) async throws -> Double {
        let inputs = try await known(batch)
        let rates = try await known(optimizer.rates(at: optimizer.stepCount + 1).map { Tensor($0) })
        let (value, gradients, buffers) = try valueAndGradient(of: model) { try loss($0, inputs) }
        let parameters = model.parameters
        let slots = optimizer.slots.map(\.name)
        var (results, places): ([CrypTensor], [String]) = ([], [])
        for (name, gradient) in gradients {
            guard let parameter = parameters[name] else { continue }
            var remembered: [String: CrypTensor] = [:]
            for slot in slots {
                let zeros = Tensor([Double](repeating: 0, count: parameter.count), shape: parameter.shape)
                remembered[slot] = try await session.publicValue(memory["\(name)/\(slot)"] ?? zeros)
            }
            let next = optimizer.step(parameter, gradient, remembered, rates: rates)
            results.append(next.parameter)
            results += slots.compactMap { next.remembered[$0] }
            places += [name] + slots.map { "\(name)/\($0)" }
        }
        let values = try await told([value] + results + buffers.map(\.tensor))
        try await assign(Array(values.dropFirst()), to: places + buffers.names)
        optimizer.stepCount += 1
        return values[0].doubles[0]
    }

    /// What the module gives as it is now, in evaluation.
    public func value(on batch: [Tensor], of function: Function) async throws -> Tensor {
        let inputs = try await known(batch)
        return try await told([function(model.eval(), inputs)])[0]
    }

    /// The parameters as they are now, by name.
    public var weights: [String: Tensor] {
        get async throws {
            let parameters = Array(model.parameters)
            let values = try await told(parameters.map(\.tensor))
            return Dictionary(uniqueKeysWithValues: zip(parameters.map(\.name), values))
        }
    }

    /// New values of parameters, buffers and of what is remembered.
    private mutating func assign(_ values: [Tensor], to names: [String]) async throws {
        var tree = ParameterTree()
        for (name, value) in zip(names, values) {
            if name.contains("/") { memory[name] = value } else { tree[name] = try await session.publicValue(value) }
        }
        (model.parameters, model.buffers) = (tree, tree)
    }

    private func known(_ tensors: [Tensor]) async throws -> [CrypTensor] {
        var out: [CrypTensor] = []
        for tensor in tensors { out.append(try await session.publicValue(tensor)) }
        return out
    }

    private func told(_ expressions: [CrypTensor]) async throws -> [Tensor] {
        guard let tensors = try await session.reveal(expressions, to: .all) else {
            throw Failure("what all may know was told to nobody")
        }
        return tensors
    }
}
