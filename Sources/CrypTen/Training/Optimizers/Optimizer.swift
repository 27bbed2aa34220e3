import CrypTenBase
public import CrypTenExpressions
public import CrypTenRuntime

/// Makes new parameters of old ones and their gradients, step by step.
///
/// Parameters and what an optimiser remembers of them are secrets that the session keeps, with more fraction bits than activations have:
/// steps are smaller than a unit of those. What changes from step to step, as the learning rate, is a public number of the run: the plan is the
/// same, so that from the second step on nothing is planned and no plan is sent.
///
/// ```swift
/// var optimizer = SGD(learningRate: 0.1, momentum: 0.9)
/// for batch in batches {
///     let (loss, gradients, _) = valueAndGradient(of: model) { mseLoss($0(batch.x), batch.y) }
///     try await optimizer.update(&model, gradients, on: session)
/// }
/// ```
public protocol Optimizer: Sendable {
    /// By what steps are multiplied: public, and free to change between them.
    var learningRate: Double { get set }
    /// How many steps were taken.
    var stepCount: Int { get set }
    /// What is remembered of each parameter, under its name and the slot's: `"fc.weight/momentum"`.
    var state: ParameterTree { get set }

    /// What is remembered of each parameter.
    var slots: [OptimizerSlot] { get }
    /// The public numbers of a step, which count from 1.
    func rates(at step: Int) -> [Double]
    /// One parameter's step.
    ///
    /// - Parameters:
    ///   - remembered: By slot.
    ///   - rates: What `rates(at:)` gives, as public tensors of one element.
    /// - Returns: The new parameter, and what is remembered from now on, by slot.
    func step(
        _ parameter: CrypTensor,
        _ gradient: CrypTensor,
        _ remembered: [String: CrypTensor],
        rates: [CrypTensor]
    ) -> (parameter: CrypTensor, remembered: [String: CrypTensor])
}

/// What an optimiser remembers of each parameter, a tensor of its shape.
public struct OptimizerSlot: Hashable, Sendable {
    /// What it is called.
    public var name: String
    /// With how many fraction bits it is kept, but for what the session leaves room for.
    public var fractionBits: Int
    /// What its elements are before the first step.
    public var initial: Double
    /// Whether steps divide by its root: then it is compared, and so masked, in the step that makes it, and kept so.
    public var isDivisor: Bool

    public init(_ name: String, fractionBits: Int, initial: Double = 0, isDivisor: Bool = false) {
        self.name = name
        self.fractionBits = fractionBits
        self.initial = initial
        self.isDivisor = isDivisor
    }

    /// Those of values by which steps divide.
    fileprivate static func divisors(
        of slots: [(name: String, slot: OptimizerSlot)],
        _ values: [CrypTensor]
    ) -> [CrypTensor] {
        zip(slots, values).filter { $0.0.slot.isDivisor }.map(\.1)
    }

    /// Values with others in the place of those by which steps divide.
    fileprivate static func replacingDivisors(
        of slots: [(name: String, slot: OptimizerSlot)],
        _ values: [CrypTensor],
        by others: [CrypTensor]
    ) -> [CrypTensor] {
        var others = others[...]
        return zip(slots, values).map { $0.slot.isDivisor ? others.removeFirst() : $1 }
    }

    /// A parameter's, before the first step.
    func first(of parameter: CrypTensor) -> CrypTensor {
        initial == 0 ? parameter * 0.0 : parameter * 0.0 + initial
    }
}

extension Optimizer {
    /// Takes a step, and keeps the new parameters.
    ///
    /// - Parameters:
    ///   - model: Gets the new parameters.
    ///   - gradients: As `valueAndGradient` gives them: those of all parameters, or of some, which then are the ones that are trained.
    ///   - buffers: As `valueAndGradient` gives them, of a module that has any: those that are new are kept, too.
    ///   - session: Keeps them; the old ones are released.
    ///   - revealed: What is told at this step, as its loss.
    ///   - recipients: Whom.
    /// - Returns: What was told, nil at a party that isn't.
    /// - Throws: what is wrong with the gradients' expressions, `.invalidArgument` for a gradient of no parameter; and as `Session.evaluate`.
    /// - Complexity: one run.
    @discardableResult
    public mutating func update<Model: Module>(
        _ model: inout Model,
        _ gradients: ParameterTree,
        buffers: ParameterTree? = nil,
        on session: Session,
        revealing revealed: [CrypTensor] = [],
        to recipients: Recipients = .all
    ) async throws -> [Tensor]? {
        try await take(&model, gradients, buffers, keeping: [], on: session, revealing: revealed, to: recipients).told
    }

    /// Takes a step on a batch of streamed data, whose run masks the next one beside what it opens.
    ///
    /// - Parameters:
    ///   - data: What ``StreamedDataset/batch()`` gave is what the gradients are of; goes on to the next batch.
    ///   - model: Gets the new parameters.
    ///   - gradients: As for ``update(_:_:buffers:on:revealing:to:)``.
    ///   - buffers: As there.
    ///   - session: Keeps them; the old ones, and the batch that was read, are released.
    ///   - revealed: What is told at this step, as its loss.
    ///   - recipients: Whom.
    /// - Returns: What was told, nil at a party that isn't.
    /// - Throws: as there; where an owner can't read its rows, its own error there, and the session is over.
    /// - Complexity: one run, of as many rounds, in which owners send 8 bytes an element of the next batch besides.
    @discardableResult
    public mutating func update<Model: Module>(
        _ model: inout Model,
        _ gradients: ParameterTree,
        buffers: ParameterTree? = nil,
        streaming data: inout StreamedDataset,
        on session: Session,
        revealing revealed: [CrypTensor] = [],
        to recipients: Recipients = .all
    ) async throws -> [Tensor]? {
        let next = try await data.next(on: session)
        let (told, masked) = try await take(
            &model,
            gradients,
            buffers,
            keeping: next,
            on: session,
            revealing: revealed,
            to: recipients
        )
        try await session.release(data.advance(to: masked))
        return told
    }

    /// A step, whose run keeps more.
    private mutating func take<Model: Module>(
        _ model: inout Model,
        _ gradients: ParameterTree,
        _ buffers: ParameterTree?,
        keeping others: [CrypTensor],
        on session: Session,
        revealing revealed: [CrypTensor],
        to recipients: Recipients
    ) async throws -> (told: [Tensor]?, kept: [CrypTensor]) {
        var parameters = model.parameters
        try check(gradients, of: parameters)
        try await begin(gradients.names, parameters, on: session)
        var rates: [CrypTensor] = []
        for rate in self.rates(at: stepCount + 1) {
            rates.append(try await session.publicValue(Tensor(rate), name: "rate"))
        }
        var newBuffers = model.buffers
        let changed = changes(of: newBuffers, to: buffers)
        let (all, tensors) = try await session.evaluate(
            results(of: gradients, parameters, changed, rates: rates, TrainingScales(of: session)),
            keeping: others,
            revealing: revealed,
            to: recipients
        )
        let kept = all.dropLast(others.count)
        var old = accept(kept.dropLast(changed.count), of: gradients.names, &parameters)
        for (place, buffer) in zip(kept.suffix(changed.count), changed) {
            old.append(newBuffers[buffer.name]!)
            newBuffers[buffer.name] = place
        }
        model.parameters = parameters
        if !changed.isEmpty { model.buffers = newBuffers }
        stepCount += 1
        try await session.releaseReplaced(old)
        return (tensors, Array(all.suffix(others.count)))
    }

    /// First values for what isn't remembered yet.
    private mutating func begin(_ names: [String], _ parameters: ParameterTree, on session: Session) async throws {
        let (missing, scales) = (missing(names), TrainingScales(of: session))
        if missing.isEmpty { return }
        let shared = try await session.evaluate(
            missing.map { ($0.slot.first(of: parameters[$0.name]!), scales.fractionBits(of: $0.slot)) },
            revealing: [],
            to: .all
        ).kept
        let masked = try await session.masked(OptimizerSlot.divisors(of: missing, shared))
        let first = OptimizerSlot.replacingDivisors(of: missing, shared, by: masked)
        for ((name, slot), value) in zip(missing, first) { state[key(name, slot)] = value }
    }

    private func check(_ gradients: ParameterTree, of parameters: ParameterTree) throws {
        if let stranger = gradients.names.first(where: { parameters[$0] == nil }) {
            throw CrypTenError(
                .invalidArgument,
                "there is a gradient of \(stranger), which is no parameter of the model"
            )
        }
        for (_, gradient) in gradients { if let error = gradient.error { throw error } }
    }

    /// Under which name something is remembered of a parameter.
    func key(_ name: String, _ slot: OptimizerSlot) -> String {
        "\(name)/\(slot.name)"
    }

    /// What isn't remembered yet of parameters.
    func missing(_ names: [String]) -> [(name: String, slot: OptimizerSlot)] {
        names.flatMap { name in slots.map { (name: name, slot: $0) } }.filter { state[key($0.name, $0.slot)] == nil }
    }

    /// What succeeds parameters and what is remembered of them: of each gradient the parameter, and then its slots.
    package func successors(
        of parameters: ParameterTree,
        _ gradients: ParameterTree,
        rates: [CrypTensor]
    ) -> [CrypTensor] {
        gradients.flatMap { name, gradient -> [CrypTensor] in
            let remembered = Dictionary(uniqueKeysWithValues: slots.map { ($0.name, state[key(name, $0)]!) })
            let next = step(parameters[name]!, gradient, remembered, rates: rates)
            return [next.parameter] + slots.map { next.remembered[$0.name]! }
        }
    }

    /// The fraction bits with which the successors of one parameter are kept.
    package func fractionBits(_ scales: TrainingScales) -> [Int] {
        [scales.parameters] + slots.map { scales.fractionBits(of: $0) }
    }

    /// Takes what ``successors(of:_:rates:)`` gives over, in its order.
    ///
    /// - Returns: What was in their places.
    mutating func accept(
        _ successors: some Sequence<CrypTensor>,
        of names: [String],
        _ parameters: inout ParameterTree
    ) -> [CrypTensor] {
        var (old, next): ([CrypTensor], _) = ([], successors.makeIterator())
        for name in names {
            old.append(parameters[name]!)
            parameters[name] = next.next()!
            for slot in slots {
                old.append(state[key(name, slot)]!)
                state[key(name, slot)] = next.next()!
            }
        }
        return old
    }

    /// The buffers that are others after a step.
    private func changes(of buffers: ParameterTree, to new: ParameterTree?) -> [ParameterTree.Element] {
        (new ?? buffers).filter { name, tensor in buffers[name].map { $0.node !== tensor.node } ?? false }
    }

    /// What a step keeps: of each gradient its parameter and what is remembered of it, in the slots' order, then buffers.
    private func results(
        of gradients: ParameterTree,
        _ parameters: ParameterTree,
        _ buffers: [ParameterTree.Element],
        rates: [CrypTensor],
        _ scales: TrainingScales
    ) -> [(tensor: CrypTensor, fractionBits: Int)] {
        let bits = gradients.flatMap { _ in fractionBits(scales) }
        return zip(successors(of: parameters, gradients, rates: rates), bits).map { (tensor: $0, fractionBits: $1) }
            + buffers.map { ($0.tensor, scales.parameters) }
    }

    /// What a step would keep, whose parameters a rehearsal keeps already, to be priced.
    package mutating func rehearsed(
        _ model: some Module,
        _ gradients: ParameterTree,
        buffers: ParameterTree?,
        on rehearsal: inout Rehearsal
    ) throws -> [(tensor: CrypTensor, fractionBits: Int)] {
        let (parameters, scales) = (model.parameters, TrainingScales(fractionBits: rehearsal.fractionBits))
        try check(gradients, of: parameters)
        let missing = missing(gradients.names)
        if !missing.isEmpty {
            let shared = try rehearsal.evaluate(
                missing.map { ($0.slot.first(of: parameters[$0.name]!), scales.fractionBits(of: $0.slot)) }
            ).kept
            let masked = try rehearsal.masked(OptimizerSlot.divisors(of: missing, shared)).kept
            let first = OptimizerSlot.replacingDivisors(of: missing, shared, by: masked)
            for ((name, slot), value) in zip(missing, first) { state[key(name, slot)] = value }
        }
        let rates = rates(at: 1).map { _ in rehearsal.publicInput(shape: [], name: "rate") }
        return results(of: gradients, parameters, changes(of: model.buffers, to: buffers), rates: rates, scales)
    }

    /// Takes over what a rehearsed step keeps, for the next one.
    package mutating func accept(
        rehearsed kept: [CrypTensor],
        of names: [String],
        buffers: ParameterTree?,
        _ model: inout some Module
    ) {
        let changed = changes(of: model.buffers, to: buffers)
        var (parameters, newBuffers) = (model.parameters, model.buffers)
        _ = accept(kept.dropLast(changed.count), of: names, &parameters)
        for (value, buffer) in zip(kept.suffix(changed.count), changed) { newBuffers[buffer.name] = value }
        model.parameters = parameters
        if !changed.isEmpty { model.buffers = newBuffers }
        stepCount += 1
    }
}

/// With how many fraction bits a session keeps what training adds small changes to.
package struct TrainingScales {
    private let fractionBits: Int

    package init(fractionBits: Int) {
        self.fractionBits = fractionBits
    }

    init(of session: Session) {
        self.init(fractionBits: session.configuration.fractionBits)
    }

    /// Of parameters: as many as their products have room for, at most 24.
    package var parameters: Int {
        let range = SessionConfiguration.fractionBitsOfKept(with: fractionBits)
        return max(range.lowerBound, min(24, range.upperBound))
    }

    /// Of what is remembered of them: as many as leave it 14 bits above the point.
    package func fractionBits(of slot: OptimizerSlot) -> Int {
        max(fractionBits, min(slot.fractionBits, 48))
    }
}

extension CrypTensor {
    /// A gradient and so much of its parameter: what weight decay makes of it, nothing where that is 0.
    func adding(_ decay: Double, of parameter: CrypTensor) -> CrypTensor {
        decay == 0 ? self : self + parameter * decay
    }

    /// This, of which a part of 1 − `rate` has gone: where 1 / (1 − rate) is a whole number, less a quotient by it, which is exact to a unit.
    func decayed(to rate: Double) -> CrypTensor {
        let parts = (1 / (1 - rate)).rounded()
        guard parts >= 2, parts < 0x1p30, (1 - 1 / parts - rate).magnitude < 1e-9 else { return self * rate }
        return self - self * (1 / parts)
    }
}
