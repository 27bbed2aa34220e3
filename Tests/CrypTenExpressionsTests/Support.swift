import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

/// SplitMix64: a failure is repeated by its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func reals(_ shape: Shape, in range: ClosedRange<Double> = -4...4) -> Tensor {
        Tensor((0..<shape.count).map { _ in Double.random(in: range, using: &self) }, shape: shape)
    }

    mutating func integers(_ shape: Shape, in range: ClosedRange<Int64> = -9...9) -> Tensor {
        Tensor((0..<shape.count).map { _ in Int64.random(in: range, using: &self) }, shape: shape)
    }

    mutating func bits(_ shape: Shape) -> Tensor {
        Tensor(.bool((0..<shape.count).map { _ in Bool.random(using: &self) }), shape: shape)
    }
}

/// Secret inputs and the numbers bound to them.
final class ClearSession {
    let identity = SessionIdentity()
    private var tensors: [Tensor] = []

    func secret(_ tensor: Tensor) -> CrypTensor {
        tensors.append(tensor)
        return CrypTensor(
            Node(
                source: .input(owner: PartyID(0), number: tensors.count - 1),
                shape: tensor.shape,
                kind: tensor.kind,
                visibility: .secret,
                session: identity
            )
        )
    }

    func publicInput(_ tensor: Tensor) -> CrypTensor {
        tensors.append(tensor)
        return CrypTensor(
            Node(
                source: .publicInput(number: tensors.count - 1),
                shape: tensor.shape,
                kind: tensor.kind,
                visibility: .public,
                session: identity
            )
        )
    }

    func values(_ expressions: CrypTensor...) throws -> [Tensor] {
        let evaluator = ClearEvaluator { node in
            switch node.operation {
            case .input(_, let number), .publicInput(let number): self.tensors[number]
            default: throw CrypTenError(.invalidArgument, "\(node.operation.name) isn't bound")
            }
        }
        let results = try evaluator.evaluate(expressions.map(\.node))
        for (expression, result) in zip(expressions, results) {
            #expect(result.shape == expression.shape)
            #expect(result.kind == expression.kind)
        }
        return results
    }

    func value(_ expression: CrypTensor) throws -> Tensor {
        try values(expression)[0]
    }
}

/// A secret that has a shape and no value, for tests of shapes.
func placeholder(_ shape: Shape, _ kind: ElementKind = .real, visibility: Visibility = .secret) -> CrypTensor {
    CrypTensor(
        Node(
            source: .input(owner: PartyID(0), number: 0),
            shape: shape,
            kind: kind,
            visibility: visibility,
            session: nil
        )
    )
}

extension Tensor {
    /// The element at an index for each axis.
    subscript(_ index: [Int]) -> Double {
        var position = 0
        for (axis, coordinate) in index.enumerated() { position = position * shape.dimensions[axis] + coordinate }
        return elementAt(position)
    }

    private func elementAt(_ position: Int) -> Double {
        switch elements {
        case .double(let values): values[position]
        case .int64(let values): Double(values[position])
        case .bool(let values): values[position] ? 1 : 0
        default: doubles[position]
        }
    }

    /// The element that broadcasting puts at an index of a larger shape.
    func broadcastElement(_ index: [Int]) -> Double {
        let own = index.suffix(shape.rank)
        return self[zip(own, shape.dimensions).map { $1 == 1 ? 0 : $0 }]
    }
}

/// Every index of a shape, in row-major order.
func indices(of shape: Shape) -> [[Int]] {
    var all: [[Int]] = [[]]
    for extent in shape.dimensions { all = all.flatMap { head in (0..<extent).map { head + [$0] } } }
    return all
}

/// A tensor given by a function of its index.
func tabulate(_ shape: Shape, _ element: ([Int]) -> Double) -> [Double] {
    indices(of: shape).map(element)
}

/// Compares numbers; a difference of infinities or NaN fails.
func expectClose(
    _ actual: Tensor,
    _ expected: [Double],
    within tolerance: Double = 1e-9,
    _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let numbers = actual.doubles
    guard numbers.count == expected.count else {
        Issue.record("\(numbers.count) numbers instead of \(expected.count)", sourceLocation: sourceLocation)
        return
    }
    let worst = zip(numbers, expected).map { ($0 - $1).magnitude }.max { !($0 >= $1) } ?? 0
    #expect(worst <= tolerance, comment, sourceLocation: sourceLocation)
}
