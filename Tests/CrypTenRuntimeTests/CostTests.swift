import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing
import _CrypTenTestSupport

/// What runs cost, by the transport's own counters: per element, two parties, headers included.
@Suite("Runs cost what is claimed, by the transport's counters")
struct CostTests {
    struct Spent: Sendable, Equatable {
        var rounds: Int
        var bytes: Int
        var dealerBytes: Int
    }

    static let count = 100_000

    /// What keeping an expression costs party 0, and its plan's figures for the dealer.
    static func spent(
        parties: Int = 2,
        _ make: @escaping @Sendable (Session) async throws -> CrypTensor
    ) async throws -> Spent {
        try await withLocalParties(parties) { session in
            let expression = try await make(session)
            let before = try await session.statistics
            let planned = try await session.costOfKeeping([expression])
            _ = try await session.evaluate([expression])
            let after = try await session.statistics
            let bytes = after.onlineBytes - before.onlineBytes
            #expect(bytes == planned.onlineBytes[session.party.index], "the plan predicts the bytes")
            #expect(after.rounds - before.rounds == planned.rounds, "the plan predicts the rounds")
            return Spent(rounds: after.rounds - before.rounds, bytes: bytes, dealerBytes: planned.dealerBytes)
        }[0]
    }

    /// A kept share: what a ReLU leaves.
    static func share(_ session: Session, owner: Int, shape: Shape = [count]) async throws -> CrypTensor {
        let x = try await session.input(from: .party(owner), shape: shape) {
            Tensor((0..<shape.count).map { Double($0 % 200 - 100) / 16 }, shape: shape)
        }
        return try await session.evaluate([relu(x)])[0]
    }

    static func weights(_ session: Session, _ shape: Shape) async throws -> CrypTensor {
        let w = try await session.input(from: .party(1), shape: shape, name: "w") {
            Tensor((0..<shape.count).map { Double($0 * 7 % 13 - 6) / 64 }, shape: shape)
        }
        return try await session.hold([w])[0]
    }

    @Test("comparison of two shares: 4 rounds, 13 bytes, 45 dealt")
    func comparison() async throws {
        let spent = try await Self.spent { session in
            let (x, y) = (try await Self.share(session, owner: 0), try await Self.share(session, owner: 1))
            return x .< y
        }
        #expect(spent.rounds == 4)
        #expect(Double(spent.bytes) <= 13 * Double(Self.count))
        #expect(Double(spent.dealerBytes) <= 45 * Double(Self.count))
    }

    @Test("ReLU after a linear layer: 4 rounds, 11.8 bytes, 62 dealt")
    func reluAfterLinear() async throws {
        let spent = try await Self.spent { session in
            let x = try await Self.share(session, owner: 0, shape: [500, 20])
            let w = try await Self.weights(session, [20, 200])
            let masked = try await session.input(from: .party(0), shape: [500, 20]) {
                Tensor([Double](repeating: 0.5, count: 10_000), shape: [500, 20])
            }
            _ = x
            let held = try await session.hold([masked])[0]
            return relu(held.matmul(w))
        }
        #expect(spent.rounds == 4)
        #expect(Double(spent.bytes) <= 11.8 * Double(Self.count))
        #expect(Double(spent.dealerBytes) <= 62 * Double(Self.count))
    }

    @Test(
        "stacked convolution and ReLU: 5 rounds and 19.8 bytes an activation each, for 2, 3 and 5 parties",
        arguments: [2, 3, 5]
    )
    func stackedConvolutions(parties: Int) async throws {
        func stack(_ layers: Int) async throws -> Spent {
            try await Self.spent(parties: parties) { session in
                let w = try await Self.weights(session, [16, 16, 3, 3])
                let x = try await session.input(from: .party(0), shape: [1, 16, 80, 80]) {
                    Tensor((0..<102_400).map { Double($0 % 17) / 16 }, shape: [1, 16, 80, 80])
                }
                var y = try await session.hold([x])[0]
                for _ in 0..<layers { y = relu(y.conv2d(w, padding: 1)) }
                return y
            }
        }
        let (one, four) = (try await stack(1), try await stack(4))
        let activations = Double(3 * 102_400 * (parties - 1))
        #expect(four.rounds - one.rounds == 3 * 5)
        #expect(Double(four.bytes - one.bytes) <= 19.8 * activations)
    }

    @Test("2×2 max-pool of shares: 6 rounds with the masking of its result")
    func maxPool() async throws {
        let spent = try await Self.spent { session in
            let x = try await Self.share(session, owner: 0, shape: [1, 4, 32, 32])
            let w = try await Self.weights(session, [2, 4, 1, 1])
            // The product opens nothing, so what is counted ends with the masking of the pool's result.
            return x.maxPool2d(2).conv2d(w).sum(axes: [0, 1, 2, 3])
        }
        #expect(spent.rounds <= 6 + 1, "and one opening of the sum")
    }

    @Test("a second inference with the same weights sends no byte for weights")
    func weightsOnce() async throws {
        let bytes = try await withLocalParties(2) { session -> [Int] in
            let w = try await Self.weights(session, [64, 64])
            var spent: [Int] = []
            for run in 0..<3 {
                let before = try await session.statistics
                let x = try await session.input(from: .party(0), shape: [1, 64]) {
                    Tensor([Double](repeating: Double(run), count: 64), shape: [1, 64])
                }
                _ = try await session.reveal(x.matmul(w), to: .all)
                let after = try await session.statistics
                spent.append(after.onlineBytes - before.onlineBytes)
                #expect(after.setupBytes == before.setupBytes)
            }
            return spent
        }
        #expect(Set(bytes[1]).count == 1)
        #expect(bytes[1][0] < 64 * 64 * 8, "party 1, who owns the weights, sends less than they take")
    }
}
