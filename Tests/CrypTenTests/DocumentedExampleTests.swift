import CrypTen
import Testing

@Suite("The examples of the documentation do what they say")
struct DocumentedExampleTests {
    @Test("README: a risk from a patient's and a model's secrets")
    func readme() async throws {
        let answers = try await withLocalParties(2) { session -> Tensor? in
            let patient = try await session.input(from: .party(0), name: "patient") {
                Tensor([0.5, -1.25, 3.0, 0.75], shape: [1, 4])
            }
            let weights = try await session.input(from: .party(1), name: "weights") {
                Tensor([0.2, -0.4, 0.1, 0.7, 1.5, 0.3, -0.6, 0.9], shape: [4, 2])
            }
            let risk = sigmoid(relu(patient.matmul(weights)).sum(axis: -1))
            let cost = try await session.cost(of: risk, revealingTo: .party(0))
            #expect(cost.rounds > 0 && cost.onlineBytes.count == 2)
            return try await session.reveal(risk, to: .party(0))
        }
        // relu([4.025, 0.5]) sums to 4.525.
        let risk = try #require(answers[0]?.doubles.first)
        #expect(abs(risk - 0.989282) < 2e-4)
        #expect(answers[1] == nil)
    }

    @Test("Random numbers: counts that are published with noise, rows in an order that nobody knows")
    func randomNumbers() async throws {
        let answers = try await withLocalParties(2) { session -> [Tensor] in
            let x = try await session.input(from: .party(0)) {
                Tensor([0.25, 0.75, 1, 0, 0.5, 0.625, 2, 0, 3], shape: [3, 3])
            }
            let counts = (x .> 0.5).toReal().sum(axis: 0)
            let noise = try await session.binomialNoise(counts.shape, trials: 4096)
            let lot = try await session.permutation(3, drawnBy: .everyone)
            return try await session.reveal([counts + noise, lot.toReal()], to: .all)!
        }
        // The counts are 1, 2 and 2; the noise ends at 2,048, which is 64 deviations.
        let published = answers[0][0].doubles
        #expect(zip(published, [1, 2, 2] as [Double]).allSatisfy { abs($0 - $1) <= 2048 && $0 == $0.rounded() })
        #expect(answers[0][1].doubles.sorted() == [0, 1, 2])
        #expect(answers[1] == answers[0])
    }

    @Test("Getting started: raises, choices, costs, kept values")
    func gettingStarted() async throws {
        let answers = try await withLocalParties(2) { session -> [Tensor?] in
            let salaries = try await session.input(from: .party(0), name: "salaries") {
                Tensor([4100, 3900.5, 5200], shape: [3])
            }
            let offers = try await session.input(from: .party(1), name: "offers") {
                Tensor([4000, 4500, 5000.25], shape: [3])
            }
            let raises = relu(offers - salaries)
            let first = try await session.reveal(raises.sum(), to: .party(0))

            let x = try await session.input(from: .party(0)) { Tensor([1, 2, 3, 4] as [Double], shape: [2, 2]) }
            let y = x * 2.0 + 1.0
            let b = (y .> 3.0) & (y .< 8.0)
            let z = `where`(b, y, 0.0)
            let cost = try await session.cost(of: z, revealingTo: .party(0))
            let before = try await session.statistics
            let second = try await session.reveal(z, to: .party(0))
            let spent = try await session.statistics
            #expect(spent.onlineBytes - before.onlineBytes == cost.onlineBytes[session.party.index])

            let weight = try await session.input(from: .party(1)) { Tensor([1, -1, 0.5, 2], shape: [2, 2]) }
            let bias = try await session.input(from: .party(1)) { Tensor([0.25, 3], shape: [2]) }
            let layer = try await session.hold([weight, bias])
            let state = try await session.evaluate([relu(x.matmul(layer[0]) + layer[1])])[0]
            let label = try await session.reveal(argmax(state, axis: -1), to: .all)

            let ahead = try await session.placeholder(from: .party(0), shape: [3, 2])
            try await session.prepare([relu(ahead.matmul(layer[0]))], revealingTo: .all, runs: 2)
            let images = try await session.input(from: .party(0), shape: [3, 2]) {
                Tensor([1, 2, 3, 4, 5, 6] as [Double], shape: [3, 2])
            }
            #expect(try await session.reveal(relu(images.matmul(layer[0])), to: .all)?.shape == [3, 2])
            #expect(try await session.statistics.preparedRuns == 1)
            return [first, second, label]
        }
        let raises = try #require(answers[0][0]?.doubles.first)
        #expect(abs(raises - 599.5) < 1e-3)
        #expect(answers[0][1]?.doubles == [0, 5, 7, 0])
        #expect(answers[1][0] == nil)
        #expect(answers[1][2]?.integers == [1, 1])
    }

    @Test("Head room: a checked session reports on each layer")
    func headRoom() async throws {
        let reports = try await withInsecureCheckedParties(2) { session in
            let x = try await session.input(from: .party(0)) { Tensor([1, 2, 3] as [Double], shape: [3]) }
            return try await session.check(sigmoid(x * x))
        }
        #expect(reports[0].violation == nil)
        // 9 is compared with where the series begins, −10.06: a difference of 19.06 where 2^31 are right.
        let room = try #require(reports[0].layers.compactMap(\.headRoomBits).min())
        #expect(abs(room - 26.75) < 0.01)
    }
}
