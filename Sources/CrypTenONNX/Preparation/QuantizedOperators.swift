/// Operators on whole numbers of grids as what they mean: out of the grids, the operator on reals, and into the result's grid.
///
/// `QLinearConv` is a convolution between `DequantizeLinear` and `QuantizeLinear`, and so are the others; what follows treats both
/// ways to write a quantised network alike. Names and structure alone decide, so that all parties have the same nodes.
struct QuantizedOperators {
    /// Every name in use.
    private(set) var names: Set<String>
    private(set) var nodes: [GraphNode] = []

    /// - Parameter nodes: In the order in which they are computed.
    init(_ nodes: [GraphNode], names: Set<String>) {
        self.names = names
        for node in nodes {
            let count = self.nodes.count
            if !expand(node) {
                self.nodes.removeSubrange(count...)
                self.nodes.append(node)
            }
        }
    }

    /// Adds nodes that compute the same; false where the node stays as it is.
    private mutating func expand(_ node: GraphNode) -> Bool {
        guard case let (domain, name) = OperatorDomain.split(node.operation),
            node.outputs.count == 1 || name == "MatMulIntegerToFloat"
        else { return false }
        if domain.isEmpty {
            switch name {
            case "QLinearConv": return convolution(node)
            case "QLinearMatMul": return matrixProduct(node)
            default: return false
            }
        }
        guard domain == OperatorDomain.runtime.rawValue else { return false }
        switch name {
        case "QuantizeLinear", "DequantizeLinear":
            add(node, name, version: 13, node.inputs, node.outputs[0], node.attributes)
            return true
        case "QLinearAdd", "QLinearMul":
            guard node.inputs.count >= 7 else { return false }
            let (a, b) = (reals(node, 0), reals(node, 3))
            return levels(node, of: add(node, name == "QLinearAdd" ? "Add" : "Mul", version: 14, [a, b]), 6)
        case "QLinearSigmoid": return function(node, "Sigmoid", version: 13)
        case "QLinearLeakyRelu": return function(node, "LeakyRelu", version: 16)
        case "QLinearSoftmax":
            guard case .int(let opset)? = node.attributes["opset"] else { return false }
            return function(node, "Softmax", version: opset >= 13 ? 13 : 11)
        case "QLinearGlobalAveragePool": return function(node, "GlobalAveragePool", version: 1)
        case "QLinearAveragePool": return function(node, "AveragePool", version: 19)
        case "QLinearConcat":
            guard node.inputs.count >= 5, node.inputs.count % 3 == 2 else { return false }
            let parts = stride(from: 2, to: node.inputs.count, by: 3).map { reals(node, $0) }
            return levels(node, of: add(node, "Concat", version: 13, parts, nil, node.attributes), 0)
        case "QLinearWhere":
            guard node.inputs.count >= 8 else { return false }
            let (x, y) = (reals(node, 1), reals(node, 4))
            return levels(node, of: add(node, "Where", version: 16, [node.inputs[0], x, y]), 7)
        case "QGemm": return gemm(node)
        case "MatMulIntegerToFloat": return product(node)
        case "DynamicQuantizeMatMul": return dynamicProduct(node)
        case "MatMulNBits":
            guard node.inputs.count >= 3, input(node, 4).isEmpty else { return false }
            let weights = add(
                node,
                OperatorTable.unpackedWeights,
                version: 1,
                [node.inputs[1], node.inputs[2], input(node, 3)],
                nil,
                node.attributes
            )
            return sum(node, node.inputs[0], weights, input(node, 5))
        default: return false
        }
    }

    // MARK: Parts

    @discardableResult
    private mutating func add(
        _ node: GraphNode,
        _ operation: String,
        version: Int,
        _ inputs: [String],
        _ output: String? = nil,
        _ attributes: [String: GraphAttribute] = [:]
    ) -> String {
        let name = output ?? names.unused("\(node.name).\(operation)")
        nodes.append(
            GraphNode(
                name: node.name,
                operation: operation,
                version: version,
                inputs: inputs,
                outputs: [name],
                attributes: attributes
            )
        )
        return name
    }

    private func input(_ node: GraphNode, _ position: Int) -> String {
        position < node.inputs.count ? node.inputs[position] : ""
    }

    /// What whole numbers, a scale and a zero point from a position on stand for.
    private mutating func reals(_ node: GraphNode, _ position: Int, axis: Int = 1) -> String {
        add(
            node,
            "DequantizeLinear",
            version: 13,
            (0..<3).map { input(node, position + $0) },
            nil,
            ["axis": .int(axis)]
        )
    }

    /// The node's output: the levels of a real, by a scale and a zero point from a position on.
    private mutating func levels(_ node: GraphNode, of real: String, _ position: Int) -> Bool {
        add(
            node,
            "QuantizeLinear",
            version: 13,
            [real, input(node, position), input(node, position + 1)],
            node.outputs[0]
        )
        return true
    }

    private mutating func function(_ node: GraphNode, _ operation: String, version: Int) -> Bool {
        var attributes = node.attributes
        if attributes.removeValue(forKey: "channels_last") ?? .int(0) != .int(0) { return false }
        attributes["opset"] = nil
        guard node.inputs.count >= 4 else { return false }
        let x = reals(node, 0)
        return levels(node, of: add(node, operation, version: version, [x], nil, attributes), 3)
    }

    /// A bias of whole numbers, whose scale is the product of two.
    private mutating func bias(_ node: GraphNode, _ position: Int, _ scales: [String], axis: Int) -> String {
        let scale = add(node, "Mul", version: 14, scales)
        return add(
            node,
            "DequantizeLinear",
            version: 13,
            [node.inputs[position], scale],
            nil,
            ["axis": .int(axis)]
        )
    }

    // MARK: Operators

    private mutating func convolution(_ node: GraphNode) -> Bool {
        guard node.inputs.count >= 8 else { return false }
        let (x, w) = (reals(node, 0), reals(node, 3, axis: 0))
        var inputs = [x, w]
        if !input(node, 8).isEmpty { inputs.append(bias(node, 8, [node.inputs[1], node.inputs[4]], axis: 0)) }
        return levels(node, of: add(node, "Conv", version: 11, inputs, nil, node.attributes), 6)
    }

    private mutating func matrixProduct(_ node: GraphNode) -> Bool {
        guard node.inputs.count >= 8 else { return false }
        let (a, b) = (reals(node, 0, axis: -2), reals(node, 3, axis: -1))
        return levels(node, of: add(node, "MatMul", version: 13, [a, b]), 6)
    }

    /// `alpha · (A · B + C)`, of levels where a result's scale is given.
    private mutating func gemm(_ node: GraphNode) -> Bool {
        guard node.inputs.count >= 6 else { return false }
        var attributes = node.attributes
        let isTransposed = attributes["transB"] == .int(1)
        let alpha = attributes.removeValue(forKey: "alpha") ?? .float(1)
        guard case .float(let factor) = alpha, factor.isFinite else { return false }
        attributes["alpha"] = alpha
        attributes["beta"] = alpha
        let (a, b) = (reals(node, 0), reals(node, 3, axis: isTransposed ? 0 : 1))
        var inputs = [a, b]
        if !input(node, 6).isEmpty { inputs.append(bias(node, 6, [node.inputs[1], node.inputs[4]], axis: -1)) }
        let isReal = input(node, 7).isEmpty
        let sum = add(node, "Gemm", version: 13, inputs, isReal ? node.outputs[0] : nil, attributes)
        return isReal || levels(node, of: sum, 7)
    }

    /// A product of whole numbers that becomes a real one: A, B, their scales, their zero points, a bias.
    private mutating func product(_ node: GraphNode) -> Bool {
        guard node.inputs.count >= 4 else { return false }
        let a = add(
            node,
            "DequantizeLinear",
            version: 13,
            [node.inputs[0], node.inputs[2], input(node, 4)],
            nil,
            ["axis": .int(-2)]
        )
        let b = add(
            node,
            "DequantizeLinear",
            version: 13,
            [node.inputs[1], node.inputs[3], input(node, 5)],
            nil,
            ["axis": .int(-1)]
        )
        return sum(node, a, b, input(node, 6))
    }

    private mutating func sum(_ node: GraphNode, _ a: String, _ b: String, _ bias: String) -> Bool {
        if bias.isEmpty {
            add(node, "MatMul", version: 13, [a, b], node.outputs[0])
        } else {
            let product = add(node, "MatMul", version: 13, [a, b])
            add(node, "Add", version: 14, [product, bias], node.outputs[0])
        }
        return true
    }

    /// The same, whose first operand is a real that gets a grid of its own: A, B, B's scale and zero point, a bias.
    private mutating func dynamicProduct(_ node: GraphNode) -> Bool {
        guard node.inputs.count >= 3 else { return false }
        let (q, scale, zeroPoint) = (
            names.unused("\(node.name).levels"), names.unused("\(node.name).scale"),
            names.unused("\(node.name).zero point")
        )
        nodes.append(
            GraphNode(
                name: node.name,
                operation: "DynamicQuantizeLinear",
                version: 11,
                inputs: [node.inputs[0]],
                outputs: [q, scale, zeroPoint],
                attributes: [:]
            )
        )
        let a = add(node, "DequantizeLinear", version: 13, [q, scale, zeroPoint])
        let b = add(
            node,
            "DequantizeLinear",
            version: 13,
            [node.inputs[1], node.inputs[2], input(node, 3)],
            nil,
            ["axis": .int(-1)]
        )
        return sum(node, a, b, input(node, 4))
    }
}
