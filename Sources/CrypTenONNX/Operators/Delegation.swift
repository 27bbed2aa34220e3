internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// An operator that is others put together asks those for their parts.
extension Operation {
    /// What another operator reads in this one's place.
    enum Operand {
        /// What this node reads at a position, or nothing where that is left out.
        case input(Int)
        case made(Value)
    }

    /// The results of another operator of the table; its errors name this node.
    ///
    /// - Parameters:
    ///   - version: The version of that operator; nil for its latest.
    ///   - attributes: In the place of this node's, which it reads otherwise.
    ///   - outputs: In the place of this node's: those without a name are read by nobody.
    func results(
        of other: String,
        version: Int? = nil,
        _ operands: [Operand],
        _ attributes: [String: GraphAttribute]? = nil,
        outputs: [String]? = nil
    ) throws -> [Value] {
        guard let entry = OperatorTable.entries[other] else { preconditionFailure("\(other) isn't in the table") }
        var node = self.node
        node.version = version ?? entry.versions.last ?? 1
        node.attributes = attributes ?? node.attributes
        node.outputs = outputs ?? node.outputs
        node.inputs = operands.map { operand in
            switch operand {
            case .input(let position): position < self.node.inputs.count ? self.node.inputs[position] : ""
            case .made: self.node.name
            }
        }
        let values = operands.map { operand -> Value? in
            switch operand {
            case .input(let position): optional(position)
            case .made(let value): value
            }
        }
        return try entry.make(
            Operation(
                node: node,
                inputs: values,
                isTraining: isTraining,
                isOfTrainedModel: isOfTrainedModel
            )
        )
    }

    /// The first result of another operator.
    func result(
        of other: String,
        version: Int? = nil,
        _ operands: [Operand],
        _ attributes: [String: GraphAttribute]? = nil
    ) throws -> Value {
        try results(of: other, version: version, operands, attributes, outputs: Array(node.outputs.prefix(1)))[0]
    }

    /// A sum with NumPy's broadcasting.
    func sum(_ a: Value, _ b: Value) throws -> Value {
        guard a.type.kind == b.type.kind else { throw malformed("its inputs have different types") }
        return try Value.combined(a, b, .add)
    }

    /// A sum with an optional input.
    func sum(_ a: Value, input position: Int) throws -> Value {
        try optional(position).map { try sum(a, $0) } ?? a
    }
}
