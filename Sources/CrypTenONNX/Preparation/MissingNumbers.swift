internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Numbers that are missing among data, NaN in a file, until an `Imputer` replaces them.
///
/// Where they are is as secret as the data are: the owner puts zeros in their place, and says beside each number whether it is missing, 0
/// or 1. Both go the same way through what moves data.
enum MissingNumbers {
    private static let imputer = OperatorDomain.classical.operation("Imputer")

    /// What moves data, and with them what is missing.
    private static let movers = InputRoles.moves.subtracting(["CastLike"]).union(
        ["ArrayFeatureExtractor", "FeatureVectorizer"].map(OperatorDomain.classical.operation)
    )

    /// Whether an `Imputer` replaces what isn't a number.
    static func isReplaced(by node: GraphNode) -> Bool {
        guard node.operation == imputer, case .float(let number)? = node.attributes["replaced_value_float"] else {
            return false
        }
        return number.isNaN
    }

    /// Whether all that reads a name, moved or not, replaces what is missing of it.
    static func isReplaced(_ name: String, in nodes: [GraphNode], outputs: [String]) -> Bool {
        var names: Set<String> = [name]
        var isReplaced = false
        for node in nodes where node.inputs.contains(where: names.contains) {
            if self.isReplaced(by: node) {
                isReplaced = true
            } else if movers.contains(node.operation),
                !node.inputs.dropFirst().contains(where: names.contains) || joins(node)
            {
                names.formUnion(node.outputs.filter { !$0.isEmpty })
            } else {
                return false
            }
        }
        return isReplaced && !outputs.contains(where: names.contains)
    }

    private static func joins(_ node: GraphNode) -> Bool {
        node.operation == "Concat" || node.operation == OperatorDomain.classical.operation("FeatureVectorizer")
    }

    /// A node's outputs; what it moves of missing numbers it moves of where they are, too.
    static func moved(_ operation: Operation, _ make: (Operation) throws -> [Value]) throws -> [Value] {
        guard movers.contains(operation.node.operation), operation.inputs.contains(where: { $0?.missing != nil }) else {
            return try make(operation)
        }
        let places = operation.inputs.enumerated().map { position, value -> Value? in
            guard let value, position == 0 || joins(operation.node) else { return value }
            if let missing = value.missing { return Value(value.type, missing) }
            let zeros = [Double](repeating: 0, count: value.shape.count)
            return value.type.kind == .real ? Value(value.type, known: Tensor(zeros, shape: value.shape)) : value
        }
        let beside = Operation(
            node: operation.node,
            inputs: places,
            isTraining: operation.isTraining,
            isOfTrainedModel: operation.isOfTrainedModel
        )
        return try zip(make(operation), make(beside)).map { value, missing in
            var value = value
            value.missing = try missing.expression()
            return value
        }
    }
}

extension Value {
    /// Numbers, and where they are missing, from a tensor that has both along its last axis.
    static func lackingNumbers(_ type: ONNXElementType, _ pairs: CrypTensor, name: String) throws -> Value {
        guard pairs.kind == .real, let two = pairs.shape.dimensions.last, two == 2 else {
            throw CrypTenError(
                .shapeMismatch,
                "input '\(name)' may lack numbers, and takes two along a last axis, a number and whether it is missing, not \(pairs.shape)"
            )
        }
        var value = Value(type, try checked(pairs[TensorIndex.ellipsis, 0]))
        value.missing = try checked(pairs[TensorIndex.ellipsis, 1])
        return value
    }
}
