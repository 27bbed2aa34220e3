import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing

@Suite("Random numbers that no party knows")
struct RandomTests {
    @Test("of the dealer's have the distributions that they should")
    func distributions() async throws {
        let count = 20_000
        let drawn = try await withLocalParties(2) { session -> [[Double]] in
            let shape: Shape = [count]
            let normal = try await session.normal(shape)
            let probabilities = try await session.input(from: .party(1), shape: shape) {
                Tensor((0..<count).map { Double($0) / Double(count) }, shape: shape)
            }
            let bits = try await session.bernoulli(probabilities).toReal()
            let ones = CrypTensor(constant: Tensor([Double](repeating: 1, count: count), shape: shape))
            let dropped = try await session.dropout(probabilities * 0.0 + ones, probability: 0.25)
            return try await session.reveal([normal, bits, dropped], to: .all)!.map(\.doubles)
        }
        #expect(drawn[0] == drawn[1], "all parties learn the same")
        let (normal, bits, dropped) = (drawn[0][0], drawn[0][1], drawn[0][2])
        func moment(_ order: Int) -> Double { normal.reduce(0) { $0 + pow($1, Double(order)) } / Double(count) }
        // Five standard deviations of each estimate.
        let scale = 5 / Double(count).squareRoot()
        #expect(abs(moment(1)) <= scale)
        #expect(abs(moment(2) - 1) <= scale * 2.0.squareRoot())
        #expect(abs(moment(3)) <= scale * 15.0.squareRoot())
        #expect(abs(moment(4) - 3) <= scale * 96.0.squareRoot())
        for quarter in 0..<4 {
            let share = bits[quarter * count / 4..<(quarter + 1) * count / 4].reduce(0, +) / Double(count / 4)
            let expected = (Double(quarter) + 0.5) / 4
            #expect(abs(share - expected) <= scale)
        }
        #expect(dropped.allSatisfy { $0 == 0 || abs($0 - 4.0 / 3) < 1e-4 })
        let kept = Double(dropped.count { $0 != 0 }) / Double(count)
        #expect(abs(kept - 0.75) <= scale * 0.4375.squareRoot())
    }

    @Test("orders are permutations, and another one each time")
    func permutations() async throws {
        let drawn = try await withLocalParties(2) { session -> [[Double]] in
            let orders = [try await session.permutation(64), try await session.permutation(64)]
            let order = try await session.evaluate(orders)
            let secret = try await session.input(from: .party(0), shape: [64]) {
                Tensor((0..<64).map { Double($0) / 4 }, shape: [64])
            }
            return try await session.reveal(order + [secret.take(order[0], axis: 0)], to: .all)!.map(\.doubles)
        }[0]
        #expect(drawn[0].sorted() == (0..<64).map(Double.init))
        #expect(drawn[1].sorted() == drawn[0].sorted())
        #expect(drawn[0] != drawn[1])
        #expect(zip(drawn[0], drawn[2]).allSatisfy { $0 / 4 == $1 })
    }
}
