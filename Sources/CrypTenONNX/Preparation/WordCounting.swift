internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Of a model that is run and of whose words only a sum or a mean is read: how often each word comes says as much, and a text takes as much
/// as one word would.
struct WordCounting: Sendable {
    /// The one input that holds words.
    let words: [String: ONNXModel.Words]
    /// The graph's nodes, which read counts in its place.
    let nodes: [GraphNode]
    /// What those read beside the graph's constants.
    let values: [String: Value]

    /// Nil where there are no such words, or others beside them.
    init?(_ graph: Graph, _ preparation: Preparation) {
        var counted = graph
        counted.nodes = preparation.nodes
        counted.constants = preparation.constants.map { name, value in
            GraphConstant(
                name: name,
                type: value.type,
                shape: value.shape,
                tensor: value.knownTensor,
                isSecret: value.knownTensor == nil
            )
        }
        let words = counted.expandWords()
        guard words.count == 1, words.values.allSatisfy(\.isCounted) else { return nil }
        (self.words, nodes) = (words, counted.nodes)
        var values: [String: Value] = [:]
        for constant in counted.constants where preparation.constants[constant.name] == nil {
            values[constant.name] = constant.tensor.map { Value(constant.type, known: $0) }
        }
        self.values = values
    }
}
