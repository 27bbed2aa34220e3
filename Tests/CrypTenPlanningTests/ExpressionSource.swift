import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import _CrypTenTestSupport

/// Inputs of a test's expressions, and their values.
final class ExpressionSource {
    private(set) var values: [Int: Tensor] = [:]
    private var random: TestRandom

    init(seed: UInt64) {
        random = TestRandom(seed: seed)
    }

    /// A secret input of uniform reals in ±range.
    func input(_ shape: Shape, owner: Int = 0, range: Double = 4) -> CrypTensor {
        input(
            Tensor((0..<shape.count).map { _ in Double.random(in: -range...range, using: &random) }, shape: shape),
            owner: owner
        )
    }

    func input(_ tensor: Tensor, owner: Int = 0) -> CrypTensor {
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
    func clear(_ expressions: [CrypTensor]) throws -> [Tensor] {
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
func largestError(_ a: Tensor, _ b: Tensor) -> Double {
    zip(a.doubles, b.doubles).map { abs($0 - $1) }.max() ?? 0
}
