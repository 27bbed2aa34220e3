import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation

/// What pairs of parties run here, and the same in the clear: everything that a gate can do with bits of a mask, and kept values.
enum PairProgram {
    static let weights = (0..<40).map { (index: Int) -> Double in Double(index * 7 % 13 - 6) / 8 }
    static let images = (0..<32).map { (index: Int) -> Double in Double(index % 7) / 4 - 1 }

    /// A small network of a held weight: products, truncations, ReLU, comparisons, a maximum, exponentials, sines.
    static func network(_ x: CrypTensor, _ w: CrypTensor) -> CrypTensor {
        let hidden = relu(x.matmul(w))
        let pooled = hidden.max(axis: -1)
        return sigmoid(hidden.sum(axis: -1)) + exp(0 - pooled) + gelu(pooled - 1)
    }

    /// Holds the weight, and reveals the network of some images.
    static func infer(_ session: Session) async throws -> [Double] {
        let w = try await held(session)
        let x = try await session.input(from: .party(0), shape: [4, 8]) { Tensor(images, shape: [4, 8]) }
        return try await session.reveal(network(x, w), to: .all)?.doubles ?? []
    }

    static func held(_ session: Session) async throws -> CrypTensor {
        try await session.hold([
            session.input(from: .party(1), shape: [8, 5], name: "w") { Tensor(weights, shape: [8, 5]) }
        ])[0]
    }

    /// What `infer` is, by loops that share nothing with expressions.
    static let expected: [Double] = (0..<4).map { row in
        let hidden = (0..<5).map { column in
            max(0, (0..<8).reduce(0.0) { $0 + images[row * 8 + $1] * weights[$1 * 5 + column] })
        }
        let (sum, largest) = (hidden.reduce(0, +), hidden.max() ?? 0)
        let shifted = largest - 1
        return 1 / (1 + Foundation.exp(-sum)) + Foundation.exp(-largest) + shifted
            * (1 + erf(shifted / 2.0.squareRoot())) / 2
    }

    /// Whether a result is the one in the clear, but for rounding.
    static func isRight(_ values: [Double]) -> Bool {
        values.count == expected.count && zip(values, expected).allSatisfy { abs($0 - $1) < 2e-3 }
    }
}
