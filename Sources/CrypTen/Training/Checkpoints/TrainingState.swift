internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What a training goes on from: the network, what its optimiser remembers, and where in the data it is.
///
/// ```swift
/// try await store.save(TrainingState(of: model, optimizer, epoch: 3), on: session)
/// ```
public struct TrainingState: Sendable {
    /// What is trained.
    public var parameters: ParameterTree
    /// What belongs to the network and isn't trained.
    public var buffers: ParameterTree
    /// What the optimiser remembers of each parameter.
    public var optimizerState: ParameterTree
    /// How many steps were taken.
    public var stepCount: Int
    /// The epoch that the next step belongs to, counted from 0.
    public var epoch: Int
    /// What the order of the data follows from.
    public var orderSeed: UInt64
    /// Loss, optimiser and schedule in words; whoever resumes compares it with its own.
    public var summary: String
    /// Whatever else the program must find again: public, and the same at all parties.
    public var notes: [String: String]
    /// Tensors of the network that were public when the checkpoint was made: the program has them, and they aren't in it.
    var publicNames: Set<String> = []

    /// A state of trees.
    public init(
        parameters: ParameterTree,
        buffers: ParameterTree = ParameterTree(),
        optimizerState: ParameterTree = ParameterTree(),
        stepCount: Int,
        epoch: Int = 0,
        orderSeed: UInt64 = 0,
        summary: String = "",
        notes: [String: String] = [:]
    ) {
        (self.parameters, self.buffers, self.optimizerState) = (parameters, buffers, optimizerState)
        (self.stepCount, self.epoch, self.orderSeed) = (stepCount, epoch, orderSeed)
        (self.summary, self.notes) = (summary, notes)
    }

    /// The state of a network and its optimiser.
    public init(
        of model: some Module,
        _ optimizer: some Optimizer,
        epoch: Int = 0,
        orderSeed: UInt64 = 0,
        summary: String = "",
        notes: [String: String] = [:]
    ) {
        self.init(
            parameters: model.parameters,
            buffers: model.buffers,
            optimizerState: optimizer.state,
            stepCount: optimizer.stepCount,
            epoch: epoch,
            orderSeed: orderSeed,
            summary: summary,
            notes: notes
        )
    }

    /// Gives a network and an optimiser what the state has of them.
    ///
    /// - Throws: `.wrongSession` where the state is of another network, naming the first tensor that differs. Nothing is changed then.
    public func restore<Model: Module>(_ model: inout Model, _ optimizer: inout some Optimizer) throws {
        try check(against: model)
        model.parameters = parameters
        model.buffers = buffers
        optimizer.state = optimizerState
        optimizer.stepCount = stepCount
    }

    /// Whether it is a network's: each tensor of either has the name and shape of one of the other's.
    func check(against model: some Module) throws {
        let stored = Array(parameters) + Array(buffers)
        try TrainingState.check(stored.map { ($0.name, $0.tensor.shape) }, publicNames, against: model)
    }

    /// Whether tensors are those of a network.
    ///
    /// - Throws: `.wrongSession` naming the first that isn't, or is missing.
    static func check(
        _ stored: [(name: String, shape: Shape)],
        _ publicNames: Set<String>,
        against model: some Module
    ) throws {
        func another(_ what: String) -> CrypTenError {
            CrypTenError(.wrongSession, "the checkpoint is of another network: \(what)")
        }
        let known = Dictionary(model.stateForms.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        for (name, shape) in stored {
            guard let own = known[name] else { throw another("it has '\(name)', and this one hasn't") }
            guard own == shape else { throw another("its '\(name)' has shape \(shape), and this one's \(own)") }
        }
        let names = publicNames.union(stored.map(\.name))
        if let missing = model.stateForms.first(where: { !names.contains($0.name) }) {
            throw another("it hasn't '\(missing.name)', and this one has")
        }
    }
}
