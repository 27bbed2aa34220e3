import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

@Suite("What is predicted of sessions without a dealer")
struct PairPredictionTests {
    private func rehearsal(_ correlations: CorrelationProvider = .parties) throws -> Rehearsal {
        try Rehearsal(parties: 2, fractionBits: 16, correlations: correlations)
    }

    @Test("the time online waits for nobody but the other party, its layers add up, and slower networks take longer")
    func times() throws {
        var rehearsal = try rehearsal()
        let (held, _) = try rehearsal.hold([rehearsal.input(from: .party(1), shape: [20, 30])])
        let y = PredictionTests.network(rehearsal.input(from: .party(0), shape: [7, 20]), held[0])
        let measured = try rehearsal.measure([y], revealingTo: .party(0), threads: 1)
        #expect(measured.cost == (try rehearsal.cost(of: [y], revealingTo: .party(0))))
        let predictions = NetworkProfile.all.map { measured.prediction(on: $0) }
        for prediction in predictions {
            let parts = prediction.parts
            #expect(parts.dealer == 0)
            let sums = [
                prediction.layers.reduce(0) { $0 + $1.seconds }, parts.computing + parts.latency + parts.bandwidth,
            ]
            for sum in sums { #expect(abs(sum - prediction.seconds) <= 1e-6 * prediction.seconds) }
            let waits = Double(measured.cost.rounds - 1) * prediction.network.roundTrip / 2
            #expect(prediction.seconds >= waits, "every round waits for the one before; the first has none")
        }
        for (fast, slow) in zip(predictions, predictions.dropFirst()) { #expect(fast.seconds < slow.seconds) }
    }

    @Test("every kind of gate and of kept value runs on made-up words")
    func allKinds() throws {
        var rehearsal = try rehearsal()
        let x = rehearsal.input(from: .party(0), shape: [1, 4, 8, 8])
        let p = rehearsal.publicInput(shape: [1, 4, 8, 8])
        let (kept, _) = try rehearsal.hold([relu(x), x .< 0.5, x + p])
        let y = x.maxPool2d(2).sum() + (kept[0] * p).sum() + which(kept[1], kept[2], x).sum() + sin(x).sum()
        let z = exp(x).sum() + (x / 3).sum() + x.argmax(axis: 1).toReal().sum()
        let measured = try rehearsal.measure([y, z, argmax(x, axis: 1).sum()], machines: .shared)
        #expect(measured.prediction(on: .lan).seconds > 0)
    }

    @Test("a session predicts without a message, and runs the same plan after")
    func session() async throws {
        var configuration = SessionConfiguration()
        configuration.correlations = .parties
        let seconds = try await withLocalParties(2, configuration: configuration) { session -> Double in
            let x = try await session.input(from: .party(0)) { Tensor([1, -2, 3], shape: [3]) }
            let before = try await session.statistics
            let prediction = try await session.predict(relu(x), on: .wan)
            let after = try await session.statistics
            #expect(after.onlineBytes == before.onlineBytes && after.offlineBytes == before.offlineBytes)
            _ = try await session.reveal(relu(x), to: .all)
            return prediction.seconds
        }
        #expect(seconds.allSatisfy { $0 >= 0.02 }, "half a round trip at least")
    }

    @Test(
        "memory is that of making the correlations or of the run, whichever is more, and a limit of what waits bounds it"
    )
    func memory() throws {
        func run(_ correlations: CorrelationProvider) throws -> (Rehearsal, CrypTensor) {
            var rehearsal = try rehearsal(correlations)
            let x = rehearsal.input(from: .party(0), shape: [1 << 18])
            return (rehearsal, relu(x * x))
        }
        let (made, y) = try run(.parties)
        let offline = try made.offlineCost(of: [y])
        let memory = try made.memory(of: [y])
        #expect(memory.dealerBytes == 0 && memory.heldDealerBytes == 0)
        // At the party that more is sent to.
        #expect(try #require(memory.bytesPerParty.max()) >= offline.storedBytes + offline.memoryBytes)
        let (dealt, z) = try run(.dealer)
        #expect(try dealt.memory(of: [z]).dealerBytes > 0)
        let usual = try made.run([Reveal(y, to: .all)])
        let limited = try usual.memory(correctionWindow: 4 << 20, waitingLimit: 16 << 20).memory
        #expect(limited.bytesPerParty[0] < memory.bytesPerParty[0] - (100 << 20))
        #expect(throws: CrypTenError.self) { try Rehearsal(parties: 3, fractionBits: 16, correlations: .parties) }
    }
}
