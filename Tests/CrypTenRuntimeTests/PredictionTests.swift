import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

@Suite("A prediction is of the run that would be made")
struct PredictionTests {
    /// Two layers whose gates open, deal, and read kept weights.
    static func network(_ x: CrypTensor, _ w: CrypTensor) -> CrypTensor {
        let hidden = withLayer("hidden") { relu(x.matmul(w)) }
        return withLayer("head") { sigmoid(hidden.sum(axis: -1)) }
    }

    @Test("rounds and bytes are the plan's, layers add up, and slower networks take longer", arguments: [2, 3])
    func rehearsal(parties: Int) throws {
        var rehearsal = try Rehearsal(parties: parties, fractionBits: 16)
        let (held, _) = try rehearsal.hold([rehearsal.input(from: .party(1), shape: [20, 30])])
        let y = Self.network(rehearsal.input(from: .party(0), shape: [7, 20]), held[0])
        let measured = try rehearsal.measure([y], revealingTo: .party(0), threads: 1)
        #expect(measured.cost == (try rehearsal.cost(of: [y], revealingTo: .party(0))))
        let predictions = NetworkProfile.all.map { measured.prediction(on: $0) }
        for prediction in predictions {
            #expect(prediction.layers.map(\.name) == measured.cost.layers.map(\.name))
            let parts = prediction.parts
            let sums = [
                prediction.layers.reduce(0) { $0 + $1.seconds },
                parts.computing + parts.latency + parts.bandwidth + parts.dealer,
            ]
            for sum in sums { #expect(abs(sum - prediction.seconds) <= 1e-6 * prediction.seconds) }
            let waits = Double(measured.cost.rounds - 1) * prediction.network.roundTrip / 2
            #expect(prediction.seconds >= waits, "every round waits for the one before; the first has none")
        }
        for (fast, slow) in zip(predictions, predictions.dropFirst()) { #expect(fast.seconds < slow.seconds) }
    }

    @Test("every kind of gate and of kept value runs on made-up words", arguments: [2, 3])
    func allKinds(parties: Int) throws {
        var rehearsal = try Rehearsal(parties: parties, fractionBits: 16)
        let x = rehearsal.input(from: .party(0), shape: [1, 4, 8, 8])
        let p = rehearsal.publicInput(shape: [1, 4, 8, 8])
        let (kept, _) = try rehearsal.hold([relu(x), x .< 0.5, x + p])
        let y = x.maxPool2d(2).sum() + (kept[0] * p).sum() + which(kept[1], kept[2], x).sum() + sin(x).sum()
        let measured = try rehearsal.measure([y, argmax(x, axis: 1).sum()], machines: .shared)
        #expect(measured.prediction(on: .lan).seconds > 0)
    }

    @Test("a session predicts without a message, and runs the same plan after")
    func session() async throws {
        let seconds = try await withLocalParties(2) { session -> Double in
            let x = try await session.input(from: .party(0)) { Tensor([1, -2, 3], shape: [3]) }
            let before = try await session.statistics
            let prediction = try await session.predict(relu(x), on: .wan)
            #expect(try await session.statistics.onlineBytes == before.onlineBytes)
            _ = try await session.reveal(relu(x), to: .all)
            return prediction.seconds
        }
        #expect(seconds.allSatisfy { $0 >= 0.02 }, "half a round trip at least")
    }
}
