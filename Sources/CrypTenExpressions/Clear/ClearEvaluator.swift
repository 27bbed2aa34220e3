internal import CrypTenBase
internal import CrypTenRing

/// Evaluates expressions on plain numbers: the oracle of tests, demonstrations and checks.
///
/// Reals are doubles and nothing is rounded to a fixed point; integers are exact modulo 2^64; functions are those of mathematics,
/// whatever the range is for which a plan has them: the logarithm of 0 is −∞, and the root of −1 not a number. It shares no code
/// with gates and kernels.
///
/// Every machine computes the same bits, with `PortableFunctions` in the place of the system's library: what the parties
/// fold into a plan, and what public tensors they compute for a run, must be one number to all of them.
package struct ClearEvaluator {
    private let bindings: (Node) throws -> Tensor

    /// An evaluator for expressions whose inputs, public inputs, kept and random values `bindings` gives, and of shuffles the order:
    /// integers `[rows]`, which row comes at each place.
    ///
    /// It is asked once for each such node that an evaluation meets, and throws for those that it doesn't know.
    package init(bindings: @escaping (Node) throws -> Tensor) {
        self.bindings = bindings
    }

    /// The values of several expressions, whose common parts are computed once.
    ///
    /// No recursion, so an expression may be deep; a value is dropped after its last use.
    ///
    /// - Returns: Reals as doubles, integers as 64-bit integers, bits as truth values.
    /// - Throws: The error that an ill-formed expression carries, or what the bindings throw.
    package func evaluate(_ nodes: [Node]) throws -> [Tensor] {
        for node in nodes {
            if let error = node.error { throw error }
        }
        let order = ClearEvaluator.order(of: nodes)
        var uses: [ObjectIdentifier: Int] = [:]
        for node in order {
            for input in node.inputs { uses[ObjectIdentifier(input), default: 0] += 1 }
        }
        for node in nodes { uses[ObjectIdentifier(node), default: 0] += 1 }

        var values: [ObjectIdentifier: Tensor] = [:]
        for node in order {
            values[ObjectIdentifier(node)] = try value(of: node, on: node.inputs.map { values[ObjectIdentifier($0)]! })
            for input in node.inputs {
                let key = ObjectIdentifier(input)
                uses[key]! -= 1
                if uses[key] == 0 { values[key] = nil }
            }
        }
        return nodes.map { values[ObjectIdentifier($0)]! }
    }

    /// All nodes that some are made of, and they themselves: each once, after its inputs.
    static func order(of nodes: [Node]) -> [Node] {
        var (order, seen): ([Node], Set<ObjectIdentifier>) = ([], [])
        var pending: [(node: Node, next: Int)] = []
        for root in nodes where seen.insert(ObjectIdentifier(root)).inserted {
            pending.append((root, 0))
            while let (node, next) = pending.last {
                if next == node.inputs.count {
                    order.append(node)
                    pending.removeLast()
                } else {
                    pending[pending.count - 1].next += 1
                    let input = node.inputs[next]
                    if seen.insert(ObjectIdentifier(input)).inserted { pending.append((input, 0)) }
                }
            }
        }
        return order
    }

    private func value(of node: Node, on inputs: [Tensor]) throws -> Tensor {
        switch node.operation {
        case .input, .publicInput, .kept, .keptRows, .random:
            return try ClearEvaluator.bound(try bindings(node), to: node)
        case .constant(let tensor):
            return try ClearEvaluator.bound(tensor, to: node)
        case .shuffle(let part, _):
            let order = (try bindings(node).integers ?? []).map(Int.init)
            guard order.sorted() == Array(0..<node.shape[0]) else {
                throw CrypTenError(.invalidArgument, "a shuffle of \(node.shape[0]) rows takes an order of them")
            }
            return inputs[part].rows(order)
        default:
            return try ClearEvaluator.apply(node.operation, to: inputs, shape: node.shape)
        }
    }

    /// A source's numbers in the type of its kind, if they fit it.
    private static func bound(_ tensor: Tensor, to node: Node) throws -> Tensor {
        guard tensor.shape == node.shape else {
            throw CrypTenError(
                .shapeMismatch,
                "\(node.operation.name) of shape \(node.shape) can't be bound to \(tensor.shape)"
            )
        }
        switch node.kind {
        case .real:
            return Tensor(tensor.doubles, shape: tensor.shape)
        case .integer:
            if let whole = tensor.integers { return Tensor(whole, shape: tensor.shape) }
        case .bit:
            if let whole = tensor.integers, whole.allSatisfy({ $0 == 0 || $0 == 1 }) {
                return Tensor(.bool(whole.map { $0 == 1 }), shape: tensor.shape)
            }
        }
        throw CrypTenError(
            .invalidArgument,
            "\(node.operation.name) of kind \(node.kind.rawValue) can't be bound to elements of kind \(tensor.kind.rawValue)"
        )
    }
}
