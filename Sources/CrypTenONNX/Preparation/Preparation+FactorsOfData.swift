internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Secret constants by which data are multiplied or divided: a unit of millions, a deviation, their reciprocals.
///
/// Of amounts as they came a factor may be 10⁻⁶, next to nothing in the session's encoding, and only its owner knows whether it
/// is. So the owner separates factors c below 1/4 from the others, and all parties divide by what those are the reciprocals of:
///
///     x · c = x · [|c| ≥ 1/4] c + x · [|c| < 1/4] / (1 / c)
///
/// Both are of moderate size for every c. What a layer or a function has made is of moderate size itself, and a product with its factors
/// or with the reciprocals of its divisors is exact enough; see `replaceDivisions`.
extension Preparation {
    /// Names of data as they came.
    struct DataNames {
        /// Of inputs of reals, and of what they become without a layer or a function.
        private(set) var names: Set<String>
        /// Of inputs of reals, and of them plus or minus a constant.
        private(set) var moved: Set<String>

        /// Operations whose results are of the same kind as what they read: amounts remain amounts.
        private static let operations: Set<String> = [
            "Abs", "Add", "Clip", "Concat", "Dropout", "Expand", "Flatten", "Gather", "Identity", "Max", "Mean", "Min",
            "Mul", "Neg", "Pad", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare", "Reshape",
            "Slice", "Split", "Squeeze", "Sub", "Sum", "Tile", "Transpose", "Unsqueeze", "Where",
        ]

        /// What moves columns of tables, and converts them; of some only the first input is moved.
        private static let moves: Set<String> = [
            "Cast", "Concat", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose",
            "Unsqueeze", OperatorDomain.classical.operation("ArrayFeatureExtractor"),
            OperatorDomain.classical.operation("FeatureVectorizer"), OperatorDomain.classical.operation("Imputer"),
        ]

        /// Powers and products of columns.
        private static let powers: Set<String> = ["Pow", "ReduceProd"]

        /// - Parameters:
        ///   - nodes: In the order in which they are computed.
        ///   - areTables: Whether the inputs are columns of a table, as classical models read them: then columns that are joined, picked or
        ///     converted are still as they came.
        init(inputs: [ONNXModel.Input], nodes: [GraphNode], constants: [String: Value], areTables: Bool) {
            var raw = Set(inputs.filter { $0.type.kind == .real }.map(\.name))
            let whole = Set(inputs.filter { $0.type.kind == .integer }.map(\.name))
            (names, moved) = (raw, raw)
            let tables = areTables ? DataNames.moves.union(DataNames.powers) : []
            for node in nodes {
                // A branch may give what it reads.
                if node.operation == "If", node.inputs.dropFirst().contains(where: names.contains) {
                    names.formUnion(node.outputs)
                }
                guard DataNames.operations.union(tables).contains(node.operation) else { continue }
                let read = node.inputs.filter { !$0.isEmpty && constants[$0] == nil }
                if !read.isEmpty, read.allSatisfy(names.contains) { names.formUnion(node.outputs) }
                if areTables, DataNames.moves.contains(node.operation), !read.isEmpty,
                    read.allSatisfy({ raw.contains($0) || node.operation == "Cast" && whole.contains($0) })
                {
                    raw.formUnion(node.outputs)
                    names.formUnion(node.outputs)
                    moved.formUnion(node.outputs)
                }
                if ["Add", "Sub"].contains(node.operation), node.inputs.count == 2, raw.contains(node.inputs[0]),
                    constants[node.inputs[1]] != nil
                {
                    moved.formUnion(node.outputs)
                }
            }
        }
    }

    /// The smallest factor that is one, and not divided by.
    private static let least = 0.25

    /// The largest divisor, which fits with 24 fraction bits, too: a smaller factor makes the bit before it a fraction.
    private static let largest = 0x1p22 - 1

    /// 9 rounds for each factor of data, where a product takes one.
    mutating func separateFactors(of data: DataNames) {
        var kept: [GraphNode] = []
        for node in nodes {
            let parts = separation(of: node, data)
            kept += parts ?? [node]
        }
        nodes = kept
    }

    /// A quotient of data and a secret constant; or a product, of data as they came or moved by a constant: other products, such as
    /// that of a mask with its penalty, are no change of a unit.
    private mutating func separation(of node: GraphNode, _ data: DataNames) -> [GraphNode]? {
        guard node.inputs.count == 2, node.outputs.count == 1, !node.outputs[0].isEmpty,
            ["Div", "Mul"].contains(node.operation)
        else { return nil }
        let isQuotient = node.operation == "Div"
        let constant = isQuotient || secretFactor(node.inputs[1]) != nil ? 1 : 0
        let name = node.inputs[1 - constant]
        guard let value = secretFactor(node.inputs[constant]),
            isQuotient ? data.names.contains(name) : data.moved.contains(name)
        else { return nil }
        return separated(node, name, node.inputs[constant], value, isQuotient: isQuotient)
    }

    mutating func separated(
        _ node: GraphNode,
        _ data: String,
        _ name: String,
        _ value: Value,
        isQuotient: Bool
    ) -> [GraphNode]? {
        func constant(_ function: @escaping (Double) -> Double) -> Value? {
            try? value.mapped { function(isQuotient ? $0.reciprocal : $0) }
        }
        func isSmall(_ factor: Double) -> Bool { factor != 0 && factor.magnitude < Preparation.least }
        func isLess(_ factor: Double) -> Bool { factor.magnitude * Preparation.largest < 1 }
        guard let factor = constant({ isSmall($0) ? 0 : $0 }),
            let part = constant({ isSmall($0) ? (isLess($0) ? $0.magnitude * Preparation.largest : 1) : 0 }),
            let divisor = constant({
                guard isSmall($0) else { return 1 }
                return isLess($0) ? ($0 < 0 ? -Preparation.largest : Preparation.largest) : 1 / $0
            })
        else { return nil }
        func computed(_ operation: String, _ inputs: [String], _ output: String) -> GraphNode {
            GraphNode(
                name: node.name,
                operation: operation,
                version: 14,
                inputs: inputs,
                outputs: [output],
                attributes: [:]
            )
        }
        func added(_ value: Value, _ suffix: String) -> String {
            let added = adding(value, named: "\(name).\(suffix)", readBy: node.name)
            separated.insert(added)
            return added
        }
        let output = node.outputs[0]
        let (large, small, quotient) = (
            names.unused("\(output).large"), names.unused("\(output).small"), names.unused("\(output).quotient")
        )
        return [
            computed("Mul", [data, added(factor, "factor")], large),
            computed("Mul", [data, added(part, "part")], small),
            computed("Div", [small, added(divisor, "divisor")], quotient),
            computed("Add", [large, quotient], output),
        ]
    }
}
