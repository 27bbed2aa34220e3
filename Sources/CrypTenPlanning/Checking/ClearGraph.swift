import CrypTenExpressions

/// A graph's entries in the clear, in double, each when it is first asked for.
struct ClearGraph {
    private let graph: Graph
    private let source: @Sendable (Primitive) throws -> Tensor
    private var known: [Int: Tensor] = [:]

    /// - Parameter source: The clear values of inputs, kept values and public operands.
    init(_ graph: Graph, source: @escaping @Sendable (Primitive) throws -> Tensor) {
        self.graph = graph
        self.source = source
    }

    /// Says what a random entry has drawn.
    mutating func provide(_ entry: Int, _ numbers: [Double], _ node: Graph.Entry) {
        known[entry] =
            node.kind == .bit
            ? Tensor(.bool(numbers.map { $0 == 1 }), shape: node.shape) : Tensor(numbers, shape: node.shape)
    }

    /// An entry's value; what it is made of is evaluated once, without recursion.
    mutating func value(of index: Int) throws -> Tensor {
        var pending = [index]
        while let next = pending.last {
            if known[next] != nil {
                pending.removeLast()
                continue
            }
            let entry = graph.entries[next]
            let missing = entry.inputs.filter { known[$0] == nil }
            if !missing.isEmpty {
                pending += missing
                continue
            }
            switch entry.operation {
            case .constant(let tensor): known[next] = tensor
            case .input, .kept, .publicInput, .random: known[next] = try source(entry.operation).of(entry.kind)
            default:
                known[next] = try ClearEvaluator.apply(
                    entry.operation,
                    to: entry.inputs.compactMap { known[$0] },
                    shape: entry.shape
                )
            }
            pending.removeLast()
        }
        guard let value = known[index] else { preconditionFailure("the entry was evaluated") }
        return value
    }
}

extension Tensor {
    /// The numbers in the one type that evaluation in the clear has for a kind.
    fileprivate func of(_ kind: ElementKind) -> Tensor {
        switch kind {
        case .real: Tensor(doubles, shape: shape)
        case .integer: Tensor(integers ?? doubles.map { Int64($0) }, shape: shape)
        case .bit: Tensor(.bool(doubles.map { $0 == 1 }), shape: shape)
        }
    }
}
