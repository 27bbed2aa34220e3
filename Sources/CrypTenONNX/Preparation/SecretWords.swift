internal import CrypTenBase
public import CrypTenExpressions
package import CrypTenRing

extension ONNXModel {
    /// What an input of whole numbers that looks rows of tables up has become: the owner expands its numbers, so that they stay secret
    /// without a comparison.
    public struct Words: Hashable, Sendable {
        /// How many rows the tables have: numbers are from 0 to one less.
        public let count: Int
        /// Whether only the sum over the second axis is read: then a row of the input has a number for each word, how often it comes, `[N, count]`.
        /// Otherwise each number becomes a one among zeros, `[…, count]`.
        public let isCounted: Bool
        /// How many words a text has, of words that are counted, where the model says it: their mean is a sum over as many.
        public let length: Int?
        /// Whether rows are integers: of a model that is run.
        var isWhole = false

        /// The shape in which numbers of a shape are given: a row of words for each, or for each text where they are counted.
        package func shape(of numbers: Shape) throws -> Shape {
            try Shape(checking: (isCounted ? Array(numbers.dimensions.prefix(1)) : numbers.dimensions) + [count])
        }

        /// What they are given as to a model that is run.
        package var kind: ElementKind { isCounted ? .real : .integer }

        /// Numbers of words as the network reads them.
        ///
        /// - Parameter name: What errors call them.
        /// - Returns: Reals where words are counted or trained with, integers 0 and 1 otherwise.
        /// - Throws: `.outOfRange` naming the first number that is none of a word; `.shapeMismatch`.
        public func expanded(_ tensor: Tensor, name: String) throws -> Tensor {
            guard let numbers = tensor.integers, tensor.shape.rank >= (isCounted ? 2 : 1) else {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(name) of shape \(tensor.shape) doesn't hold whole numbers of words, a row each"
                )
            }
            let each = isCounted ? tensor.shape.count / max(1, tensor.shape[0]) : 1
            if let length, each != length {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(name) of shape \(tensor.shape) has \(each) words a row, and the model takes \(length)"
                )
            }
            let shape = try shape(of: tensor.shape)
            guard shape.count <= 1 << 31 else {
                throw CrypTenError(
                    .outOfRange,
                    "\(name) of shape \(tensor.shape) becomes \(shape.count) numbers with \(count) words, and at most 2^31 are kept: take fewer rows"
                )
            }
            for (index, number) in numbers.enumerated() where !(0..<Int64(count)).contains(number) {
                throw CrypTenError(
                    .outOfRange,
                    "\(name): the word at index \(index) is \(number), and the model has words 0 to \(count - 1)"
                )
            }
            func filled<Number: AdditiveArithmetic>(_ one: Number) -> [Number] {
                var places = [Number](repeating: .zero, count: shape.count)
                for (index, number) in numbers.enumerated() { places[index / each * count + Int(number)] += one }
                return places
            }
            return Tensor(isWhole ? .int32(filled(1)) : .float(filled(1)), shape: shape)
        }
    }
}

extension ONNXModel {
    /// Inputs of whole numbers that come, moved at most, to places of tables whose extents are known: in a run their owner gives them
    /// expanded where they are secret, a row of zeros and a one for each number.
    ///
    /// - Parameter shapes: Those of the constants.
    static func words(of inputs: [Input], _ nodes: [GraphNode], shapes: [String: Shape]) -> [String: Words] {
        var words: [String: Words] = [:]
        for input in inputs where input.type.kind == .integer && !input.mustBeKnown {
            var (names, extents): (Set<String>, [Int]) = ([input.name], [])
            for node in nodes {
                guard let first = node.inputs.first else { continue }
                if InputRoles.moves.contains(node.operation), names.contains(first) { names.formUnion(node.outputs) }
                guard let (table, place) = InputRoles.tables[node.operation], node.inputs.count > max(table, place),
                    names.contains(node.inputs[place]), let shape = shapes[node.inputs[table]], shape.rank > 0
                else { continue }
                var axis = 0
                if case .int(let given)? = node.attributes["axis"] { axis = given }
                if (-shape.rank..<shape.rank).contains(axis) { extents.append(shape[axis]) }
            }
            guard let count = extents.min(), count > 0 else { continue }
            words[input.name] = Words(count: count, isCounted: false, length: nil, isWhole: true)
        }
        return words
    }
}

extension Graph {
    /// Replaces tables that are read by secret numbers of words by products with those words, expanded.
    ///
    /// An input of whole numbers is expanded where nothing reads it but `Gather` along the first axis of weights of one number of rows. Where
    /// only a mean or a sum over the second axis is read of that, words are counted: the product is as large as one word's.
    /// - Returns: The inputs that have become others, by name.
    mutating func expandWords() -> [String: ONNXModel.Words] {
        var words: [String: ONNXModel.Words] = [:]
        for index in inputs.indices where inputs[index].type.kind == .integer {
            let input = inputs[index]
            let readers = nodes.indices.filter { nodes[$0].inputs.contains(input.name) }
            let tables = readers.compactMap { table(of: nodes[$0], readBy: input.name) }
            guard let count = tables.first?.shape[0], tables.count == readers.count,
                tables.allSatisfy({ $0.shape[0] == count }), let dimensions = input.dimensions,
                !outputs.contains(where: { $0.name == input.name })
            else { continue }
            let sums = readers.compactMap { sum(of: nodes[$0], dimensions) }
            let isCounted = sums.count == readers.count
            for (position, reader) in readers.enumerated() {
                let node = nodes[reader]
                guard isCounted else {
                    nodes[reader] = product(node, input.name, node.inputs[0], giving: node.outputs[0])
                    continue
                }
                let sum = sums[position]
                guard let factor = sum.factor else {
                    nodes[reader] = product(node, input.name, node.inputs[0], giving: nodes[sum.node].outputs[0])
                    nodes[sum.node].operation = ""
                    continue
                }
                nodes[reader] = product(node, input.name, node.inputs[0], giving: node.outputs[0])
                let name = "\(nodes[sum.node].outputs[0]).factor"
                constants.append(
                    GraphConstant(
                        name: name,
                        type: .float,
                        shape: [],
                        tensor: Tensor(.float([Float(factor)]), shape: []),
                        isSecret: false,
                        isNode: true
                    )
                )
                nodes[sum.node] = GraphNode(
                    name: nodes[sum.node].name,
                    operation: "Mul",
                    version: 13,
                    inputs: [node.outputs[0], name],
                    outputs: nodes[sum.node].outputs,
                    attributes: [:]
                )
            }
            nodes.removeAll { $0.operation.isEmpty }
            inputs[index].type = .float
            inputs[index].dimensions = (isCounted ? [dimensions[0]] : dimensions) + [.fixed(count)]
            var length: Int?
            if isCounted, case .fixed(let extent) = dimensions[1] { length = extent }
            words[input.name] = ONNXModel.Words(count: count, isCounted: isCounted, length: length)
        }
        return words
    }

    /// The weight whose rows a node looks up by an input.
    private func table(of node: GraphNode, readBy input: String) -> GraphConstant? {
        guard node.operation == "Gather", node.inputs.count == 2, node.inputs[1] == input, node.inputs[0] != input,
            node.attributes["axis"] ?? .int(0) == .int(0)
        else { return nil }
        return constants.first {
            $0.name == node.inputs[0] && $0.type.kind == .real && $0.shape.rank == 2 && $0.shape[0] > 0
        }
    }

    /// The node that reads the sum, or the mean, of the words that another looks up, and nothing else of them: of a mean the factor.
    private func sum(of lookup: GraphNode, _ dimensions: [ONNXModel.Dimension]) -> (node: Int, factor: Double?)? {
        let readers = nodes.indices.filter { nodes[$0].inputs.contains(lookup.outputs[0]) }
        guard dimensions.count == 2, readers.count == 1, case let node = nodes[readers[0]],
            node.operation == "ReduceMean" || node.operation == "ReduceSum",
            !outputs.contains(where: { $0.name == lookup.outputs[0] }), node.attributes["keepdims"] == .int(0)
        else { return nil }
        var axes: [Int] = []
        if case .ints(let list)? = node.attributes["axes"] {
            axes = list
        } else if node.inputs.count == 2 {
            let known = constants.first { $0.name == node.inputs[1] && $0.type.kind == .integer }
            axes = (known?.tensor?.integers ?? []).map { Int($0) }
        }
        guard axes == [1] || axes == [-2] else { return nil }
        if node.operation == "ReduceSum" { return (readers[0], nil) }
        guard case .fixed(let length) = dimensions[1], length > 0 else { return nil }
        return (readers[0], 1 / Double(length))
    }

    private func product(_ node: GraphNode, _ left: String, _ right: String, giving output: String) -> GraphNode {
        GraphNode(
            name: node.name,
            operation: "MatMul",
            version: 13,
            inputs: [left, right],
            outputs: [output],
            attributes: [:]
        )
    }
}
