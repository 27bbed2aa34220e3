import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import Testing

/// What a training leaves behind: values that parties keep, and masks of them at the dealer.
@Suite("What training keeps")
struct KeptValueTests {
    /// What is kept at the end of a session.
    struct Kept: Equatable, Sendable {
        /// At each party, after each step.
        var parties: [[Int]] = [[], []]
        /// Masks at the dealer, when all have left.
        var dealer = 0
    }

    /// Runs a program as two parties and a dealer that is asked for what it keeps when they have left.
    private func kept(_ body: @escaping @Sendable (Session, inout [Int]) async throws -> Void) async throws -> Kept {
        let configuration = SessionConfiguration()
        let kernels = NativeKernels(threads: 1)
        let mesh = try MemoryTransport.mesh(parties: 2, session: "kept", parameters: configuration.agreement)
        async let dealer = withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int, any Error>) in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let dealer = Dealer(transport: mesh.dealer, kernels: kernels, configuration: configuration)
                        try dealer.serve()
                        return dealer.keptCount
                    }
                )
            }
        }
        let parties = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
            for transport in mesh.parties {
                group.addTask {
                    let session = try Session(transport: transport, kernels: kernels, configuration: configuration)
                    var counts: [Int] = []
                    do { try await body(session, &counts) } catch {
                        session.abort(CrypTenError(failure: error, of: .party(session.party)))
                        throw error
                    }
                    await session.close()
                    return (session.party.index, counts)
                }
            }
            var counts: [[Int]] = [[], []]
            for try await (party, own) in group { counts[party] = own }
            return counts
        }
        return Kept(parties: parties, dealer: try await dealer)
    }

    private static func network() -> Sequential {
        Sequential {
            Linear(6, 4)
            BatchNorm1d(4)
            ReLU()
            Dropout(0.25)
            Linear(4, 3)
        }
    }

    @Test(
        "after a thousand steps of Adam, rates on a cosine and dropout, parties and dealer keep as many values as after three",
        arguments: [false, true]
    )
    func steps(isStreamed: Bool) async throws {
        let (x, labels) = TrainerTests.examples(24)
        func train(_ steps: Int) async throws -> Kept {
            try await kept { session, counts in
                var network = Self.network()
                try await session.initialize(&network, owner: .party(1), seed: 3)
                var trainer = Trainer(network, Adam(learningRate: 0.01)) { model, batch in
                    crossEntropy(model(batch[0]), labels: batch[1])
                }
                trainer.schedule = try CosineAnnealingLR(learningRate: 0.01, steps: steps)
                try await trainer.begin(on: session)
                let (parameters, buffers) = (trainer.model.parameters.names.count, trainer.model.buffers.names.count)
                // First weights and those of the steps, two moments, and the batch or the data.
                counts.append(parameters * 4 + buffers * 2 + 2)
                let batches = (0..<steps).map { step in (0..<4).map { ($0 + step * 4) % 24 } }
                if isStreamed {
                    let examples = try await session.stream(from: .party(0)) { StreamedDataTests.Rows(tensor: x) }
                    let classes = try await session.stream(from: .party(1)) { StreamedDataTests.Rows(tensor: labels) }
                    var data = try await StreamedDataset([examples, classes], batches: batches, on: session)
                    while !data.isAtEnd {
                        _ = try await trainer.step(on: &data, session)
                        counts.append(try await session.keptCount)
                    }
                } else {
                    let data = try await TensorDataset(
                        try await session.input(from: .party(0)) { x },
                        try await session.input(from: .party(1)) { labels },
                        on: session
                    )
                    for rows in batches {
                        _ = try await trainer.step(on: data[rows], session)
                        counts.append(try await session.keptCount)
                    }
                }
                // What the dealer hears of releases comes with the next request.
                _ = try await session.reveal(trainer.model.parameters["0.bias"]!, to: .all)
            }
        }
        let (few, many) = (try await train(3), try await train(1000))
        for counts in few.parties + many.parties {
            #expect(Set(counts.dropLast()).count == 1, "\(Set(counts))")
            // Nothing is left of streamed data after the last step.
            #expect(counts.last == (isStreamed ? counts[0] - 2 : counts[0]))
        }
        #expect(many.dealer == few.dealer && few.dealer == few.parties[0].last)
    }

    @Test(
        "weights that are replaced by loaded ones are given up; what training begins with stays, for other modules may share it"
    )
    func replaced() async throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-kept-\(getpid()).npz")
        defer { try? FileManager.default.removeItem(at: url) }
        let kept = try await kept { session, counts in
            var network = Sequential {
                Linear(6, 4)
                ReLU()
                Linear(4, 3)
            }
            try await session.initialize(&network, owner: .party(1), seed: 3)
            counts.append(try await session.keptCount)
            try await session.saveWeights(of: network, to: .party(0), file: url)
            for _ in 0..<3 {
                try await session.loadWeights(into: &network, from: .party(0), file: url)
                counts.append(try await session.keptCount)
            }
            var trainer = Trainer(network, SGD(learningRate: 0.01, momentum: 0.9)) { model, batch in
                model(batch[0]).square().mean()
            }
            for _ in 0..<2 {
                try await trainer.begin(on: session)
                counts.append(try await session.keptCount)
            }
            // The dealer hears of it with the next run.
            _ = try await session.reveal(trainer.model.parameters["0.bias"]!, to: .all)
        }
        #expect(kept == Kept(parties: [[4, 4, 4, 4, 8, 12], [4, 4, 4, 4, 8, 12]], dealer: 12))
    }
}
