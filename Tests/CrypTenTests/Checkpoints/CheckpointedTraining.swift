import CrypTen
import Foundation
import Testing

/// A small training whose parties keep checkpoints, each in a folder of its own, and what becomes of the folders in between.
final class CheckpointedTraining: Sendable {
    let root: URL
    let parties: Int

    init(parties: Int) throws {
        self.parties = parties
        root = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(at: root)
    }

    /// A party's folder.
    func folder(_ party: Int) -> URL {
        root.appendingPathComponent("party-\(party)")
    }

    /// A party's checkpoints, the older ones first.
    func files(_ party: Int) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder(party).path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder(party).path).sorted()
    }

    func file(_ party: Int, _ index: Int) throws -> URL {
        folder(party).appendingPathComponent(try files(party)[index])
    }

    // MARK: The program

    static func network() -> Sequential {
        Sequential {
            Linear(6, 4)
            BatchNorm1d(4)
            ReLU()
            Linear(4, 3)
        }
    }

    /// The network and its optimiser.
    struct Learner {
        var model = CheckpointedTraining.network().train()
        var optimizer = Adam(learningRate: 0.02)

        /// A step on the batch that is its turn.
        mutating func step(on session: Session) async throws {
            let (x, labels) = TrainingTests.data(rows: 64, columns: 6, classes: 3)
            let rows = (0..<16).map { (optimizer.stepCount % 4) * 16 + $0 }
            let data = try await session.input(from: .party(0)) { x.selecting(rows) }
            let classes = try await session.input(from: .party(1)) { labels.selecting(rows) }
            let (_, gradients, buffers) = valueAndGradient(of: model) { crossEntropy($0(data), labels: classes) }
            try await optimizer.update(&model, gradients, buffers: buffers, on: session)
        }

        func state(epoch: Int = 0, summary: String = "Adam, cross entropy") -> TrainingState {
            TrainingState(
                of: model,
                optimizer,
                epoch: epoch,
                orderSeed: 0x5EED,
                summary: summary,
                notes: ["data": "rows"]
            )
        }
    }

    /// All of a state, by name, as all parties learn it.
    static func revealed(_ state: TrainingState, on session: Session) async throws -> [String: Tensor] {
        let named =
            state.parameters.map { ("parameter/\($0)", $1) } + state.buffers.map { ("buffer/\($0)", $1) }
            + state.optimizerState.map { ("optimizer/\($0)", $1) }
        let tensors = try #require(try await session.reveal(named.map(\.1), to: .all))
        return Dictionary(uniqueKeysWithValues: zip(named.map(\.0), tensors))
    }

    /// Begins a training, and saves after each step.
    ///
    /// - Returns: The last state that was saved.
    @discardableResult
    func begin(steps: Int, key: CheckpointKey? = nil) async throws -> [String: Tensor] {
        try await withLocalParties(parties) { [self] session in
            var learner = Learner()
            try await session.initialize(&learner.model, owner: .party(1), seed: 3)
            let store = try CheckpointStore(directory: folder(session.party.index), key: key)
            for _ in 0..<steps {
                try await learner.step(on: session)
                try await store.save(learner.state(epoch: learner.optimizer.stepCount / 4), on: session)
            }
            return try await Self.revealed(learner.state(), on: session)
        }[0]
    }

    /// What a party has found when it resumed.
    struct Resumed: Sendable {
        var header: CheckpointHeader?
        var state: [String: Tensor] = [:]
        var error: CrypTenError?
        var damaged: [CrypTenError] = []
        /// Whether the session could still be used.
        var lives = false
    }

    /// Resumes in a new session, and trains and saves some steps more.
    ///
    /// - Returns: By party, what was found, and the state that was loaded.
    func resume(
        steps: Int = 0,
        key: CheckpointKey? = nil,
        configuration: SessionConfiguration = SessionConfiguration()
    ) async throws -> [Resumed] {
        try await withLocalParties(parties, configuration: configuration) { [self] session in
            let store = try CheckpointStore(directory: folder(session.party.index), key: key)
            var resumed = Resumed()
            do {
                resumed.header = try await store.newest(on: session)
                if let header = resumed.header {
                    var learner = Learner()
                    let state = try await store.load(header, for: learner.model, on: session)
                    resumed.state = try await Self.revealed(state, on: session)
                    try state.restore(&learner.model, &learner.optimizer)
                    for _ in 0..<steps {
                        try await learner.step(on: session)
                        try await store.save(learner.state(), on: session)
                    }
                }
            } catch let error as CrypTenError {
                resumed.error = error
            }
            resumed.damaged = await store.damaged
            let one = try await session.input(from: .party(0)) { Tensor(1.0) }
            resumed.lives = try await session.reveal(one, to: .all) == Tensor(1.0)
            return resumed
        }
    }
}

extension Tensor {
    /// Rows of a matrix.
    func selecting(_ rows: [Int]) -> Tensor {
        let (values, width) = (doubles, shape[1])
        return Tensor(rows.flatMap { values[$0 * width..<($0 + 1) * width] }, shape: [rows.count, width])
    }
}
