internal import CrypTenExpressions

extension Graph {
    /// Makes what an `Identity` gives of a weight a weight of its own, with the same first numbers.
    ///
    /// Exporters write weights that start with equal numbers once, as those of two layer normalisations, and give the others their names
    /// by `Identity`. Weights that a network shares have one name there.
    mutating func separateEqualWeights() {
        var weights: [String: GraphConstant] = [:]
        for constant in constants where !constant.isNode && constant.type.kind == .real {
            weights[constant.name] = constant
        }
        nodes = nodes.filter { node in
            guard node.operation == "Identity", node.inputs.count == 1, node.outputs.count == 1,
                var weight = weights[node.inputs[0]], !outputs.contains(where: { $0.name == node.outputs[0] })
            else { return true }
            weight.name = node.outputs[0]
            weights[weight.name] = weight
            constants.append(weight)
            return false
        }
        // The first may be a name that nothing reads any more.
        let read = Set(nodes.flatMap(\.inputs)).union(outputs.map(\.name))
        constants.removeAll { !read.contains($0.name) }
    }
}
