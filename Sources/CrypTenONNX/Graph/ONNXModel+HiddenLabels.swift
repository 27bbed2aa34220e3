internal import CrypTenBase

/// Texts of labels that their owner keeps.
extension ONNXModel {
    /// The texts that the skeleton shows of what the model itself writes: labels of classes, above all.
    ///
    /// By the name of the output that they are of; by the node's where no output is, as of a classifier whose label nobody asks for. Texts that
    /// inputs are told apart by aren't among them.
    public var shownLabels: [String: [String]] {
        let labels = LabelTexts(graph)
        var shown: [String: [String]] = [:]
        for output in graph.outputs where labels.names.contains(output.name) { shown[output.name] = output.texts }
        for (name, texts) in labels.lists where !shown.values.contains(texts) { shown[name] = texts }
        return shown
    }

    /// The same model whose ``skeleton()`` doesn't say what its labels are called.
    ///
    /// Outputs of such texts become whole numbers, the texts' places in the file's list, at whoever learns them; ``texts`` has the texts still,
    /// at the owner. How many there are, and all texts that inputs are told apart by, stay public; so do labels that are whole numbers in
    /// the file, which are computed with.
    ///
    /// At the owner.
    ///
    /// - Throws: `CrypTenError.Code.unsupportedOperator`, naming the node, where the model itself reads such a text, for operators between
    ///   texts and numbers of the standard's first versions, and for texts inside of branches and loops; `.invalidArgument` for a model that
    ///   was loaded for training.
    public func withHiddenLabels() throws -> ONNXModel {
        guard purpose == .inference else {
            throw CrypTenError(.invalidArgument, "labels are hidden of models that were loaded for inference")
        }
        let labels = LabelTexts(graph)
        if let nested = labels.nested { throw hiding(nested, "it stands in a branch or loop") }
        var model = self
        model.ownTexts = texts
        for (index, node) in graph.nodes.enumerated() {
            if let read = node.inputs.first, labels.names.contains(read), OperatorTexts.readers[node.operation] != nil {
                throw hiding(node, "it reads the texts of '\(onOneLine(read))'")
            }
            if labels.writers.contains(index) { model.graph.nodes[index] = try withPlaces(node) }
        }
        for index in graph.constants.indices where labels.names.contains(graph.constants[index].name) {
            model.graph.constants[index].texts = nil
        }
        for index in graph.outputs.indices where labels.names.contains(graph.outputs[index].name) {
            model.graph.outputs[index].texts = nil
            model.outputs[index].texts = nil
        }
        for name in labels.names { model.graph.texts[name] = nil }
        return model
    }

    private func withPlaces(_ node: GraphNode) throws -> GraphNode {
        var node = node
        switch node.operation {
        case OperatorTexts.labelEncoder where node.texts("classes_strings") == nil:
            node.attributes["default_int64"] = .int(node.texts("values_strings")?.count ?? 0)
            node.attributes["default_string"] = nil
            node.nameByPlaces("values_strings", "values_int64s")
        case OperatorTexts.labelEncoder, OperatorTexts.categoryMapper:
            throw hiding(node, "its one list has texts and numbers")
        case OperatorTexts.zipMap, OperatorDomain.classical.operation("TreeEnsembleClassifier"):
            node.nameByPlaces("classlabels_strings", "classlabels_int64s")
        default:
            node.nameByPlaces("classlabels_strings", "classlabels_ints")
        }
        return node
    }

    private func hiding(_ node: GraphNode, _ why: String) -> CrypTenError {
        CrypTenError(
            .unsupportedOperator,
            "\(graph.name): labels can't be hidden at operator \(node.operation) (node \(onOneLine(node.name))): \(why)"
        )
    }
}

/// The texts that a model itself writes.
struct LabelTexts {
    /// Nodes that have lists of them, by their places.
    private(set) var writers: Set<Int> = []
    /// Names whose numbers are places of such texts.
    private(set) var names: Set<String> = []
    /// The lists, by the names of nodes and constants.
    private(set) var lists: [String: [String]] = [:]
    /// A node with such a list inside of another one.
    private(set) var nested: GraphNode?

    init(_ graph: Graph) {
        for constant in graph.constants {
            guard let texts = constant.texts else { continue }
            names.insert(constant.name)
            lists[constant.name] = texts
        }
        for (index, node) in graph.nodes.enumerated() {
            let read = node.inputs.first ?? ""
            if let texts = LabelTexts.written(by: node, readsTexts: graph.texts[read] != nil) {
                writers.insert(index)
                lists[node.name] = texts
                if node.operation != OperatorTexts.zipMap { names.formUnion(node.outputs.prefix(1)) }
            } else if OperatorTexts.movers.contains(node.operation), names.contains(read) {
                names.formUnion(node.outputs)
            }
            nested = nested ?? node.bodies.lazy.compactMap { LabelTexts.writer(in: $0.body) }.first
        }
        names.remove("")
    }

    private static func written(by node: GraphNode, readsTexts: Bool) -> [String]? {
        node.operation == OperatorTexts.zipMap
            ? node.texts("classlabels_strings") : OperatorTexts.writers[node.operation]?(node, readsTexts)
    }

    private static func writer(in body: GraphBody) -> GraphNode? {
        for node in body.nodes {
            if written(by: node, readsTexts: false) != nil { return node }
            if let inner = node.bodies.lazy.compactMap({ writer(in: $0.body) }).first { return inner }
        }
        return nil
    }
}

extension GraphNode {
    /// Has places, 0, 1, …, for an attribute of texts.
    fileprivate mutating func nameByPlaces(_ texts: String, _ numbers: String) {
        guard let count = self.texts(texts)?.count else { return }
        attributes[texts] = nil
        attributes[numbers] = .ints(Array(0..<count))
    }
}
