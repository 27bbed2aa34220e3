import CrypTenBase
public import CrypTenExpressions
public import CrypTenRuntime

/// Takes the steps of training: gradients of a loss on a batch, the optimiser's update, new parameters.
///
/// ```swift
/// var trainer = Trainer(model, Adam(learningRate: 0.003)) { model, batch in crossEntropy(model(batch[0]), labels: batch[1]) }
/// try await trainer.begin(on: session)
/// for epoch in 0..<6 {
///     for rows in order.batches(ofEpoch: epoch) {
///         let loss = try await trainer.step(on: data[rows], session, revealingLossTo: .party(0))
///     }
/// }
/// let scores = try await session.reveal(trainer.model.eval()(images), to: .party(0))
/// ```
///
/// All steps on batches of one size have one plan. What is revealed, to whom and how often, each call says.
public struct Trainer<Model: Module>: Sendable {
    /// The module, with its newest parameters and buffers; in training.
    public var model: Model
    /// The optimiser, with what it remembers; its learning rate may be changed between steps.
    public var optimizer: any Optimizer
    /// The names of the parameters that are trained; nil: all.
    public var trained: Set<String>?
    /// Where the learning rate of each step comes from; nil: from the optimiser as it is.
    public var schedule: (any Schedule)?
    /// A public number by which gradients are multiplied on their way back; see ``valueAndGradient(of:lossScale:file:line:_:)``.
    public var lossScale = 1.0
    /// What becomes of the gradients before the optimiser gets them, such as clipping.
    public var transform: (@Sendable (ParameterTree) throws -> ParameterTree)?
    private let loss: @Sendable (Model, [CrypTensor]) throws -> CrypTensor

    /// A trainer that hasn't begun.
    ///
    /// - Parameter loss: The loss of the module on a batch, a tensor of one element; the module is in training.
    public init(
        _ model: Model,
        _ optimizer: any Optimizer,
        loss: @escaping @Sendable (Model, [CrypTensor]) throws -> CrypTensor
    ) {
        self.model = model.train()
        self.optimizer = optimizer
        self.loss = loss
    }

    /// Keeps the first parameters with the fraction bits that training gives them, so that the first step has the plan of all others.
    ///
    /// The values that the module had before stay: other modules may share them. Whoever needs them no more gives them up.
    ///
    /// - Throws: as `Session.evaluate`.
    /// - Complexity: one run, in which inputs that no run has read are masked: 8 bytes an element.
    public mutating func begin(on session: Session) async throws {
        let state = Array(model.parameters) + Array(model.buffers)
        let kept = try await session.evaluate(
            state.map(\.tensor),
            fractionBits: TrainingScales(of: session).parameters
        ).kept
        let tree = ParameterTree(zip(state, kept).map { ($0.name, $1) })
        (model.parameters, model.buffers) = (tree, tree)
    }

    /// Takes a step.
    ///
    /// - Parameters:
    ///   - batch: What the loss gets.
    ///   - recipients: Who is told the loss before the update; nil: nobody, and what only it needs isn't computed.
    /// - Returns: The loss, at a party that is told.
    /// - Throws: `.noGradient` naming a parameter that no path leads to; what is wrong with the loss, and as ``Optimizer/update(_:_:buffers:on:revealing:to:)``.
    public mutating func step(
        on batch: [CrypTensor],
        _ session: Session,
        revealingLossTo recipients: Recipients? = nil
    ) async throws -> Double? {
        try await step(on: batch, recipients) { optimizer, model, gradients, buffers, told in
            try await optimizer.update(
                &model,
                gradients,
                buffers: buffers,
                on: session,
                revealing: told,
                to: recipients ?? .all
            )
        }
    }

    /// Takes a step on the next batch of streamed data, and has the one after it masked.
    ///
    /// - Parameters:
    ///   - data: Goes on to the next batch.
    ///   - recipients: Who is told the loss before the update; nil: nobody.
    /// - Returns: The loss, at a party that is told.
    /// - Throws: as a step on other batches, and as ``Optimizer/update(_:_:buffers:streaming:on:revealing:to:)``.
    public mutating func step(
        on data: inout StreamedDataset,
        _ session: Session,
        revealingLossTo recipients: Recipients? = nil
    ) async throws -> Double? {
        var streamed = data
        defer { data = streamed }
        return try await step(on: data.batch(), recipients) { optimizer, model, gradients, buffers, told in
            try await optimizer.update(
                &model,
                gradients,
                buffers: buffers,
                streaming: &streamed,
                on: session,
                revealing: told,
                to: recipients ?? .all
            )
        }
    }

    /// Takes a step with an optimiser's update.
    private mutating func step(
        on batch: [CrypTensor],
        _ recipients: Recipients?,
        update: (inout any Optimizer, inout Model, ParameterTree, ParameterTree, [CrypTensor]) async throws -> [Tensor]?
    ) async throws -> Double? {
        try follow()
        let (value, gradients, buffers) = try pass(on: batch)
        let told = try await update(&optimizer, &model, gradients, buffers, recipients == nil ? [] : [value])
        return recipients == nil ? nil : told?[0].doubles[0]
    }

    /// Takes what the schedule says of the next step.
    ///
    /// - Throws: `.invalidArgument` for a schedule of momentum where the optimiser has none.
    mutating func follow() throws {
        guard let schedule else { return }
        guard schedule.momentum(at: 0) == nil || optimizer is any MomentumFollower else {
            throw CrypTenError(
                .invalidArgument,
                "the schedule changes momentum, and \(type(of: optimizer)) has none: give it SGD, RMSprop or Adam, or no momentum"
            )
        }
        optimizer.follow(schedule)
    }

    /// What training goes on from, to be saved.
    ///
    /// - Parameters:
    ///   - epoch: The epoch that the next step belongs to, counted from 0.
    ///   - orderSeed: What the order of the data follows from.
    ///   - summary: Loss, optimiser and schedule in words.
    public func state(epoch: Int, orderSeed: UInt64 = 0, summary: String = "") -> TrainingState {
        func state(of optimizer: some Optimizer) -> TrainingState {
            TrainingState(of: model, optimizer, epoch: epoch, orderSeed: orderSeed, summary: summary)
        }
        return state(of: optimizer)
    }

    /// Goes on from a state, instead of ``begin(on:)``.
    ///
    /// - Throws: `.wrongSession` where it is of another network, naming the first tensor that differs.
    public mutating func restore(_ state: TrainingState) throws {
        func restored(_ optimizer: some Optimizer) throws -> any Optimizer {
            var optimizer = optimizer
            try state.restore(&model, &optimizer)
            return optimizer
        }
        optimizer = try restored(optimizer)
    }

    /// Whether a step on a batch could be taken: nothing is computed, and nothing sent.
    ///
    /// - Throws: `.noGradient` naming a parameter that no path leads to, and what is wrong with the loss.
    public func check(on batch: [CrypTensor]) throws {
        _ = try pass(on: batch)
    }

    /// The loss of a batch, the gradients that the optimiser gets, and the buffers after it.
    func pass(
        on batch: [CrypTensor]
    ) throws -> (value: CrypTensor, gradients: ParameterTree, buffers: ParameterTree) {
        var (value, gradients, buffers) = try valueAndGradient(of: model, lossScale: lossScale) { try loss($0, batch) }
        if let error = value.error { throw error }
        if let trained {
            gradients = ParameterTree(gradients.filter { trained.contains($0.name) }.map { ($0.name, $0.tensor) })
        }
        for (_, gradient) in gradients { if let error = gradient.error { throw error } }
        if let transform { gradients = try transform(gradients) }
        return (value, gradients, buffers)
    }

    /// What training would cost, without a session: of the first masking of parameters, of the first step, and of one of those that follow, on a batch.
    ///
    /// With a dealer all steps cost the same. Where the parties make the correlations, the first one's products with weights that one party masked
    /// alone are cheaper.
    ///
    /// - Parameters:
    ///   - batch: Rows of what the rehearsal keeps.
    ///   - next: What the step would mask for the one after it: of streamed data.
    ///   - rehearsal: Keeps the parameters from now on.
    ///   - recipients: Who would be told the loss; nil: nobody.
    /// - Throws: as ``step(on:_:revealingLossTo:)`` before it sends anything.
    package mutating func rehearse(
        on batch: [CrypTensor],
        masking next: [CrypTensor] = [],
        _ rehearsal: inout Rehearsal,
        revealingLossTo recipients: Recipients? = nil
    ) throws -> (masking: Cost, first: RehearsedRun, step: RehearsedRun) {
        let bits = TrainingScales(fractionBits: rehearsal.fractionBits).parameters
        let state = Array(model.parameters) + Array(model.buffers)
        let masked = try rehearsal.evaluate(state.map { ($0.tensor, bits) })
        let tree = ParameterTree(zip(state, masked.kept).map { ($0.name, $1) })
        (model.parameters, model.buffers) = (tree, tree)
        let first = try rehearseStep(on: batch, masking: next, &rehearsal, recipients)
        guard rehearsal.correlations == .parties else { return (masked.run.cost, first, first) }
        return (masked.run.cost, first, try rehearseStep(on: batch, masking: next, &rehearsal, recipients))
    }

    private mutating func rehearseStep(
        on batch: [CrypTensor],
        masking next: [CrypTensor],
        _ rehearsal: inout Rehearsal,
        _ recipients: Recipients?
    ) throws -> RehearsedRun {
        try follow()
        let (value, gradients, buffers) = try pass(on: batch)
        let results = try optimizer.rehearsed(model, gradients, buffers: buffers, on: &rehearsal)
        let step = try rehearsal.evaluate(
            results,
            keeping: next,
            revealing: recipients == nil ? [] : [value],
            to: recipients ?? .all
        )
        optimizer.accept(
            rehearsed: Array(step.kept.dropLast(next.count)),
            of: gradients.names,
            buffers: buffers,
            &model
        )
        return step.run
    }
}
