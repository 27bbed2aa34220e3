internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension Graph {
    /// Takes onnxruntime's embeddings apart, into what reads the rows of tables and what normalises their sum, so that words are read as
    /// by any other model.
    mutating func separateEmbeddings() {
        let fused = OperatorDomain.runtime.operation("EmbedLayerNormalization")
        guard nodes.contains(where: { $0.operation == fused }) else { return }
        var names = Set(constants.map(\.name)).union(inputs.map(\.name)).union(nodes.flatMap(\.outputs))
        nodes = nodes.flatMap { $0.operation == fused ? parts(of: $0, &names) : [$0] }
    }

    private func parts(of node: GraphNode, _ names: inout Set<String>) -> [GraphNode] {
        func input(_ position: Int) -> String { position < node.inputs.count ? node.inputs[position] : "" }
        func output(_ position: Int) -> String { position < node.outputs.count ? node.outputs[position] : "" }
        var parts: [GraphNode] = []
        func add(
            _ operation: String,
            _ version: Int,
            _ inputs: [String],
            _ output: String,
            _ attributes: [String: GraphAttribute] = [:]
        ) -> String {
            parts.append(
                GraphNode(
                    name: node.name,
                    operation: operation,
                    version: version,
                    inputs: inputs,
                    outputs: [output],
                    attributes: attributes
                )
            )
            return output
        }
        let base = node.outputs.first { !$0.isEmpty } ?? node.name
        let words = input(0)
        let positions =
            input(8).isEmpty
            ? add(OperatorTable.positionsOfWords, 1, [words], names.unused("\(base).positions")) : input(8)
        var sum = add("Gather", 13, [input(2), words], names.unused("\(base).words"))
        let places = add("Gather", 13, [input(3), positions], names.unused("\(base).places"))
        let isLast = input(1).isEmpty || input(4).isEmpty
        let total = output(2).isEmpty ? names.unused("\(base).sum") : output(2)
        sum = add("Add", 14, [sum, places], isLast ? total : names.unused("\(base).both"))
        if !isLast {
            let segments = add("Gather", 13, [input(4), input(1)], names.unused("\(base).segments"))
            sum = add("Add", 14, [sum, segments], total)
        }
        if !output(0).isEmpty {
            let epsilon = node.attributes["epsilon"] ?? .float(1e-12)
            _ = add("LayerNormalization", 17, [sum, input(5), input(6)], output(0), ["epsilon": epsilon])
        }
        if !output(1).isEmpty { _ = add(OperatorTable.wordCounts, 1, [words, input(7)], output(1)) }
        return parts
    }
}

extension OperatorTable {
    /// Positions from 0 on of as many words as a tensor `[N, L]` has: what the tables of positions are read by where none are given.
    static let positionsOfWords = "positions of words"
    /// How many words of each sample a mask `[N, L]` names.
    static let wordCounts = "counts of words"

    static func positions(_ operation: Operation) throws -> [Value] {
        let words = try operation.input(0)
        guard words.shape.rank == 2 else { throw operation.mismatch("words of shape \(words.shape) aren't [N, L]") }
        try ImportBudget.spend(words.shape[1], for: "\(words.shape[1]) positions")
        return [Value(integers: Array(0..<words.shape[1]), shape: [1, words.shape[1]])]
    }

    static func countWords(_ operation: Operation) throws -> [Value] {
        let words = try operation.input(0)
        guard words.shape.rank == 2 else { throw operation.mismatch("words of shape \(words.shape) aren't [N, L]") }
        guard let mask = operation.optional(1) else {
            return [Value(.int32, known: Tensor([Int64](repeating: 0, count: words.shape[0]), shape: [words.shape[0]]))]
        }
        guard mask.type.kind == .integer, mask.shape.rank == 2 else {
            throw operation.mismatch("a mask \(mask.type.rawValue) \(mask.shape) isn't one of words")
        }
        return [
            try Value.computed([mask], .int32) { ($0[0] .== 1).toInteger().sum(axis: 1) }
        ]
    }
}
