import CrypTen
import Foundation
import Testing

/// Numbers that leave scores out are as large as their file has them, and are added to products that aren't truncated yet.
@Suite("Large numbers of masks beside scores")
struct LargeMaskTests {
    private static let scores = [0.5, -1.25, 3.0, 0.75, 2.5, -0.25, 1.0, 4.0]
    private static let isKept = [true, true, false, true, false, true, true, false]

    @Test(
        "a softmax leaves out what a secret mask says",
        arguments: [-1e4, -0x1p25, -0x1p28, -1e9, -0x1p31],
        [0.25, 0.35355339, 1.7]
    )
    func softmax(mask: Double, factor: Double) async throws {
        for fractionBits in [16, 20]
        where mask > -Double(sign: .plus, exponent: 61 - 2 * fractionBits + 4, significand: 1) {
            var configuration = SessionConfiguration()
            configuration.fractionBits = fractionBits
            let answers = try await withLocalParties(2, configuration: configuration) { session in
                let x = try await session.input(from: .party(0)) { Tensor(LargeMaskTests.scores, shape: [2, 4]) }
                let kept = try await session.input(from: .party(1)) {
                    Tensor(LargeMaskTests.isKept.map { $0 ? 1 : 0 }, shape: [2, 4])
                }
                let beside = which(kept .== 1, CrypTensor(0.0), CrypTensor(mask))
                // Twice, as in a network that adds a causal and a padding mask, moved in between.
                let sum = (x * factor + beside).reshape([8]) + (x * 0.1).reshape([8])
                return try await session.reveal(sum.reshape([2, 4]).softmax(axis: -1), to: .party(0))
            }
            let got = try #require(answers[0]).doubles
            for row in 0..<2 {
                let places = (0..<4).filter { LargeMaskTests.isKept[row * 4 + $0] }
                let powers = places.map { exp(LargeMaskTests.scores[row * 4 + $0] * (factor + 0.1)) }
                let total = powers.reduce(0, +)
                for column in 0..<4 {
                    let expected = places.firstIndex(of: column).map { powers[$0] / total } ?? 0
                    #expect(abs(got[row * 4 + column] - expected) < 2e-3, "\(row), \(column), \(fractionBits) bits")
                }
            }
        }
    }
}
