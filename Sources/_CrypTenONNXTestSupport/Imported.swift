import CrypTenBase
package import CrypTenExpressions
package import CrypTenONNX
package import CrypTenRing

/// A model's expressions, on inputs and parameters that are sources like a session's.
package struct Imported {
    package private(set) var bindings: [ObjectIdentifier: Tensor] = [:]
    package private(set) var outputs: [String: CrypTensor] = [:]
    private var sources: [Node] = []

    package init(
        _ model: ONNXModel,
        _ inputs: [String: Tensor],
        publicInputs: Set<String> = [],
        publicValues: [String: Tensor] = [:]
    ) throws {
        var (tensors, parameters): ([String: CrypTensor], [String: CrypTensor]) = ([:], [:])
        for (name, tensor) in inputs.sorted(by: { $0.key < $1.key }) where publicValues[name] == nil {
            tensors[name] = source(tensor.shape, tensor.kind, tensor, isPublic: publicInputs.contains(name))
        }
        for parameter in model.parameters {
            parameters[parameter.name] = source(parameter.shape, parameter.type.kind, parameter.value, isPublic: false)
        }
        outputs = try model.apply(inputs: tensors, parameters: parameters, publicValues: publicValues)
    }

    private mutating func source(_ shape: Shape, _ kind: ElementKind, _ value: Tensor?, isPublic: Bool) -> CrypTensor {
        let node = Node(
            source: isPublic ? .publicInput(number: sources.count) : .input(owner: .party(0), number: sources.count),
            shape: shape,
            kind: kind,
            visibility: isPublic ? .public : .secret,
            session: nil
        )
        sources.append(node)
        bindings[ObjectIdentifier(node)] = value
        return CrypTensor(node)
    }

    /// Every node, each once and after its inputs, in terms that two imports share.
    package var canonicalGraph: [String] {
        var numbers: [ObjectIdentifier: Int] = [:]
        var lines: [String] = []
        func visit(_ node: Node) -> Int {
            if let number = numbers[ObjectIdentifier(node)] { return number }
            let operands = node.inputs.map(visit)
            lines.append(
                "\(node.operation) \(operands) \(node.shape) \(node.kind) \(node.visibility) \(node.layer ?? "-")"
            )
            numbers[ObjectIdentifier(node)] = lines.count - 1
            return lines.count - 1
        }
        for (name, output) in outputs.sorted(by: { $0.key < $1.key }) { lines.append("\(name): \(visit(output.node))") }
        return lines
    }
}

/// Numbers between −2 and 2, the same for a seed.
package func numbers(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return Tensor(
        (0..<shape.count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(Int64(bitPattern: state) >> 40) / 0x1p22
        },
        shape: shape
    )
}
