import CrypTenBase
import CrypTenExpressions
package import CrypTenONNX
import CrypTenRing

/// A model applied to small inputs, and evaluated in the clear where that is little work.
package struct ModelRun {
    private let model: ONNXModel
    /// Elements of all nodes together, and multiply-accumulates, that are still computed.
    private static let mostWork = 1 << 16

    package init(_ model: ONNXModel) {
        self.model = model
    }

    package func run() throws {
        var (inputs, known): ([String: CrypTensor], [String: Tensor]) = ([:], [:])
        var values: [Int: Tensor] = [:]
        func tensor(_ shape: Shape, _ kind: ElementKind) -> Tensor {
            switch kind {
            case .real: Tensor((0..<shape.count).map { Double($0 % 5) - 1.5 }, shape: shape)
            case .integer: Tensor((0..<shape.count).map { Int64($0 % 3) }, shape: shape)
            case .bit: Tensor(.bool((0..<shape.count).map { $0 % 2 == 0 }), shape: shape)
            }
        }
        func expression(_ shape: Shape, _ kind: ElementKind, secret: Bool) -> CrypTensor {
            let number = values.count
            // What isn't small is applied to, and not evaluated.
            if shape.count <= ModelRun.mostWork { values[number] = tensor(shape, kind) }
            return CrypTensor(
                Node(
                    source: secret ? .input(owner: PartyID(0), number: number) : .publicInput(number: number),
                    shape: shape,
                    kind: kind,
                    visibility: secret ? .secret : .public,
                    session: nil
                )
            )
        }
        for input in model.inputs {
            let extents = (input.dimensions ?? []).map { dimension in
                if case .fixed(let extent) = dimension { extent } else { 2 }
            }
            let shape = try Shape(checking: extents)
            if input.mustBeKnown, shape.count <= 64 {
                known[input.name] = tensor(shape, input.type.kind)
            } else {
                inputs[input.name] = expression(shape, input.type.kind, secret: input.type.kind != .integer)
            }
        }
        var parameters: [String: CrypTensor] = [:]
        for parameter in model.parameters {
            parameters[parameter.name] = expression(parameter.shape, parameter.type.kind, secret: true)
        }
        let outputs = try model.apply(inputs: inputs, parameters: parameters, publicValues: known)
        let roots = outputs.values.map(\.node)
        guard ModelRun.work(of: roots) <= ModelRun.mostWork else { return }
        let results = try ClearEvaluator { node in
            switch node.operation {
            case .input(_, let number), .publicInput(let number):
                guard let value = values[number] else { throw CrypTenError(.invalidArgument, "too large an input") }
                return value
            default: preconditionFailure("a model has no other sources")
            }
        }.evaluate(roots)
        precondition(zip(results, roots).allSatisfy { $0.shape == $1.shape }, "shapes are what the rules say")
    }

    /// Elements and multiply-accumulates of all nodes that some are made of.
    private static func work(of roots: [Node]) -> Int {
        var seen: Set<ObjectIdentifier> = []
        var pending = roots
        var sum = 0
        while let node = pending.popLast(), sum <= mostWork {
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            sum += min(node.shape.dimensions.reduce(1) { min($0 * max($1, 1), mostWork + 1) }, mostWork + 1)
            if case .bilinear(let operation) = node.operation {
                let products = operation.multiplyAccumulates(node.inputs[0].shape, node.inputs[1].shape)
                sum += min(products, mostWork + 1)
            }
            pending += node.inputs
        }
        return sum
    }
}
