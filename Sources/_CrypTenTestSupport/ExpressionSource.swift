import CrypTenBase
package import CrypTenExpressions
package import CrypTenRing

/// Inputs of a test's expressions, and their values.
package final class ExpressionSource {
    package private(set) var values: [Int: Tensor] = [:]
    private var random: TestRandom

    package init(seed: UInt64) {
        random = TestRandom(seed: seed)
    }

    /// A secret input of uniform reals in ±range.
    package func input(_ shape: Shape, owner: Int = 0, range: Double = 4) -> CrypTensor {
        input(
            Tensor((0..<shape.count).map { _ in Double.random(in: -range...range, using: &random) }, shape: shape),
            owner: owner
        )
    }

    package func input(_ tensor: Tensor, owner: Int = 0) -> CrypTensor {
        let number = values.count
        values[number] = tensor
        return CrypTensor(
            Node(
                source: .input(owner: .party(owner), number: number),
                shape: tensor.shape,
                kind: tensor.kind,
                visibility: .secret,
                session: nil,
                layer: "input"
            )
        )
    }

    /// The expressions' values in the clear.
    package func clear(_ expressions: [CrypTensor]) throws -> [Tensor] {
        let known = values
        return try ClearEvaluator { node in
            guard case .input(_, let number) = node.operation, let tensor = known[number] else {
                throw SimulationError("only inputs are bound")
            }
            return tensor
        }.evaluate(expressions.map(\.node))
    }
}

/// The largest difference of two results.
package func largestError(_ a: Tensor, _ b: Tensor) -> Double {
    zip(a.doubles, b.doubles).map { abs($0 - $1) }.max() ?? 0
}
