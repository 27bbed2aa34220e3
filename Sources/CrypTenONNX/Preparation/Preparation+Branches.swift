internal import CrypTenExpressions
internal import CrypTenRing

extension Preparation {
    /// The nodes of the branch that an `If` takes, where its condition is known before any input is: they stand in its place, so that what the
    /// other branch reads is no parameter, and its own constants are folded as others are.
    ///
    /// - Returns: nil for another node, and where inputs or their shapes decide.
    mutating func branch(of node: GraphNode) -> [GraphNode]? {
        guard node.operation == "If", node.operandCount == 1, let condition = constants[node.inputs[0]]?.knownTensor,
            condition.shape.count == 1,
            case let name = condition.doubles[0] != 0 ? "then_branch" : "else_branch",
            let wiring = zip(node.bodies, node.wirings).first(where: { $0.0.name == name })?.1
        else { return nil }
        var outer = [String: String](wiring.reads.map { ($0.inner, $0.outer) }, uniquingKeysWith: { first, _ in first })
        let made = Set(wiring.body.nodes.flatMap(\.outputs))
        var copies: [GraphNode] = []
        for (position, result) in wiring.results where !result.isEmpty {
            let inner = wiring.body.outputs[position]
            if made.contains(inner), outer[inner] == nil {
                outer[inner] = result
            } else {
                copies.append(
                    GraphNode(
                        name: node.name,
                        operation: "Identity",
                        version: 1,
                        inputs: [inner],
                        outputs: [result],
                        attributes: [:]
                    )
                )
            }
        }
        for inner in made.sorted() where !inner.isEmpty && outer[inner] == nil {
            outer[inner] = names.unused("\(node.name)/\(inner)")
        }
        return wiring.body.nodes.map { named($0, outer) }
            + copies.map { copy in
                var copy = copy
                copy.inputs = copy.inputs.map { outer[$0] ?? $0 }
                return copy
            }
    }

    private func named(_ node: GraphNode, _ outer: [String: String]) -> GraphNode {
        var node = node
        // What graphs inside of it read are inputs, too: they keep their own names for that.
        node.inputs = node.inputs.map { outer[$0] ?? $0 }
        node.outputs = node.outputs.map { outer[$0] ?? $0 }
        return node
    }
}
