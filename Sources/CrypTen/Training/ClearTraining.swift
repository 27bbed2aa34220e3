public import CrypTenBase
public import CrypTenExpressions

/// The values of expressions that are made of constants alone, computed here and now: what secret results are compared with.
///
/// No session takes part, and nothing is sent. Reals are doubles and aren't rounded to fixed point; functions are those of mathematics. What
/// several expressions have in common is computed once.
///
/// ```swift
/// let x = CrypTensor(constant: Tensor([-1, 2.5], shape: [2]))
/// let plain = try valuesInTheClear(of: [relu(x)])[0].doubles                 // 0, 2.5
/// ```
///
/// - Returns: The values in the expressions' order.
/// - Throws: the error of an ill-formed expression; `.invalidArgument` for one that reads a session's inputs, kept values or random numbers.
/// - Complexity: one thread, no round, no bytes.
public func valuesInTheClear(of expressions: [CrypTensor]) throws -> [Tensor] {
    try ClearEvaluator { node in
        let layer = node.layer.map { " of \($0)" } ?? ""
        throw CrypTenError(
            .invalidArgument,
            "\(node.operation.name)\(layer) isn't a constant: only expressions of constants have values without a session"
        )
    }.evaluate(expressions.map(\.node))
}

extension Module {
    /// Gives a module its first parameters and buffers as constants that everybody has: those that a session's
    /// ``Session/initialize(_:owner:seed:)`` draws as a party's secrets from the same seed.
    ///
    /// - Throws: what is wrong with a layer's arguments or with its initialiser; the module is unchanged then.
    public mutating func initializeInTheClear(seed: UInt64) throws {
        let specifications = try checkedSpecifications()
        let tensors = try specifications.enumerated().map { position, specification in
            var generator = SeededGenerator(seed: seed, stream: position)
            return CrypTensor(constant: try specification.draw(using: &generator))
        }
        assign(tensors, to: specifications)
    }

    /// This module with the values that an owner has of its parameters and buffers: secrets of a session, masked and sent once.
    ///
    /// - Parameters:
    ///   - owner: The party whose module it is; parameters and buffers are constants there. At the others they may have any values, which
    ///     aren't read.
    ///   - session: Keeps them.
    /// - Returns: The module of kept values.
    /// - Throws: at the owner `.invalidArgument` where a parameter isn't a constant; otherwise as `Session.hold`.
    /// - Complexity: 8 bytes an element from the owner to each other party, counted as setup.
    public func shared(from owner: PartyID, on session: Session) async throws -> Self {
        var inputs: [CrypTensor] = []
        let state = stateTree
        for (name, tensor) in state {
            if let error = tensor.error { throw error }
            inputs.append(
                try await session.input(from: owner, shape: tensor.shape, kind: tensor.kind, name: name) {
                    try valuesInTheClear(of: [tensor])[0]
                }
            )
        }
        let kept = try await session.hold(inputs)
        let tree = ParameterTree(zip(state.names, kept).map { ($0, $1) })
        var out = self
        (out.parameters, out.buffers) = (tree, tree)
        return out
    }
}

extension Trainer {
    /// Takes a step of a model and on a batch that are constants, in double: what the step of ``step(on:_:revealingLossTo:)`` would be if nothing
    /// was secret and nothing rounded.
    ///
    /// Of one trainer either all steps are taken in the clear, or none.
    ///
    /// ```swift
    /// var plain = Trainer(model, SGD(learningRate: 0.1)) { model, batch in crossEntropy(model(batch[0]), labels: batch[1]) }
    /// try plain.model.initializeInTheClear(seed: 1)
    /// let loss = try plain.stepInTheClear(on: [CrypTensor(constant: x), CrypTensor(constant: labels)])
    /// ```
    ///
    /// - Returns: The loss before the update.
    /// - Throws: as ``valuesInTheClear(of:)``, which knows no random numbers: a network with dropout isn't trained so; `.noGradient` naming
    ///   a parameter that no path leads to.
    @discardableResult
    public mutating func stepInTheClear(on batch: [CrypTensor]) throws -> Double {
        try follow()
        let (value, gradients, buffers) = try pass(on: batch)
        let rates = optimizer.rates(at: optimizer.stepCount + 1).map { CrypTensor($0) }
        var parameters = model.parameters
        for (name, slot) in optimizer.missing(gradients.names) {
            let shape = parameters[name]!.shape
            let first = Tensor([Double](repeating: slot.initial, count: shape.count), shape: shape)
            optimizer.state[optimizer.key(name, slot)] = CrypTensor(constant: first)
        }
        let next = optimizer.successors(of: parameters, gradients, rates: rates)
        let values = try valuesInTheClear(of: [value] + next + buffers.map(\.tensor))
        let constants = values.dropFirst().map { CrypTensor(constant: $0) }
        _ = optimizer.accept(constants.prefix(next.count), of: gradients.names, &parameters)
        model.parameters = parameters
        model.buffers = ParameterTree(zip(buffers.names, constants.dropFirst(next.count)).map { ($0, $1) })
        optimizer.stepCount += 1
        return values[0].doubles[0]
    }
}
