internal import CrypTenExpressions

extension Graph {
    /// Names whose integers become floats that something computes with: what quantised weights are stored as, before a
    /// `Cast` and their scale.
    ///
    /// They are followed from each conversion backwards, through arithmetic and through moves, but not through comparisons.
    func namesThatBecomeFloats() -> Set<String> {
        Graph.namesThatBecomeFloats(nodes, wanted: [])
    }

    private static func namesThatBecomeFloats(_ nodes: [GraphNode], wanted: Set<String>) -> Set<String> {
        var names = wanted
        for node in nodes.reversed() {
            let isWanted = node.outputs.contains { !$0.isEmpty && names.contains($0) }
            let wirings = node.wirings
            guard wirings.isEmpty else {
                for wiring in wirings { names.formUnion(inputs(of: wiring, isWanted: isWanted)) }
                continue
            }
            let positions: [Int]
            switch node.operation {
            case "Cast":
                guard case .int(let number)? = node.attributes["to"],
                    let kind = Int32(exactly: number).flatMap(ONNXElementType.init(standardNumber:))?.kind
                else { continue }
                positions = kind == .real || (kind == .integer && isWanted) ? [0] : []
            case "CastLike": positions = [0]
            // Labels of classes, which are no weights.
            case OperatorDomain.classical.operation("ArrayFeatureExtractor"): positions = []
            case "DequantizeLinear", "com.microsoft.DequantizeLinear": positions = [0, 2]
            case let operation where InputRoles.quantized.contains(operation): positions = Array(node.inputs.indices)
            case "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not", "And", "Or", "Xor": positions = []
            default:
                let skipped = InputRoles.withoutNumbers[node.operation] ?? []
                positions =
                    isWanted
                    ? node.inputs.indices.filter { InputRoles.role(of: node, at: $0) == nil && !skipped.contains($0) }
                    : []
            }
            for position in positions where position < node.inputs.count && !node.inputs[position].isEmpty {
                names.insert(node.inputs[position])
            }
        }
        return names
    }

    /// The same of what a graph inside a node reads.
    private static func inputs(of wiring: BodyWiring, isWanted: Bool) -> [String] {
        let body = wiring.body
        var inner = namesThatBecomeFloats(body.nodes, wanted: isWanted ? Set(body.outputs) : [])
        if !isWanted, wiring.states.contains(where: { inner.contains($0.inner) }) {
            // A state's next value becomes one, too.
            inner = namesThatBecomeFloats(body.nodes, wanted: Set(body.outputs))
        }
        return wiring.reads.filter { !$0.outer.isEmpty && inner.contains($0.inner) }.map(\.outer)
    }
}

extension ONNXElementType {
    /// Whether weights are quantised to it, or biases.
    var holdsQuantizedWeights: Bool {
        switch self {
        case .int2, .uint2, .int4, .uint4, .int8, .uint8, .int16, .uint16, .int32: true
        default: false
        }
    }
}
