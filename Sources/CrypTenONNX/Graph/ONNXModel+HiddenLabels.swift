internal import CrypTenBase

/// Texts of labels that their owner keeps.
extension ONNXModel {
    /// The same model whose ``skeleton()`` doesn't say what its labels are called.
    ///
    /// Outputs of texts become whole numbers, the texts' places in the file's list, at whoever learns them; ``texts`` has the texts still,
    /// at the owner. How many there are, and all texts that inputs are told apart by, stay public; so do labels that are whole numbers in
    /// the file, which are computed with.
    ///
    /// At the owner.
    ///
    /// - Throws: `CrypTenError.Code.unsupportedOperator`, naming the node, where the model itself reads such a text, and for operators
    ///   between texts and numbers of the standard's first versions.
    public func withHiddenLabels() throws -> ONNXModel {
        var model = self
        model.ownTexts = texts
        let names = labelTexts()
        for index in graph.nodes.indices {
            let node = graph.nodes[index]
            if let read = node.inputs.first, names.contains(read),
                OperatorTexts.readers[node.operation] != nil
            {
                throw hiding(node, "it reads the texts of '\(onOneLine(read))'")
            }
            if node.operation == OperatorTexts.zipMap {
                model.graph.nodes[index].nameByPlaces("classlabels_strings", "classlabels_int64s")
            } else if node.outputs.contains(where: names.contains), OperatorTexts.writers[node.operation] != nil {
                model.graph.nodes[index] = try withPlaces(node)
            }
        }
        for index in graph.constants.indices where names.contains(graph.constants[index].name) {
            model.graph.constants[index].texts = nil
        }
        for index in graph.outputs.indices { model.graph.outputs[index].texts = nil }
        for index in outputs.indices { model.outputs[index].texts = nil }
        for name in names { model.graph.texts[name] = nil }
        return model
    }

    /// The names from whose texts outputs are made, and all that is made of those.
    private func labelTexts() -> Set<String> {
        var names = Set(graph.outputs.filter { $0.texts != nil }.map(\.name))
        for node in graph.nodes.reversed()
        where OperatorTexts.writers[node.operation] == nil && node.outputs.contains(where: names.contains) {
            names.formUnion(node.inputs.filter { graph.texts[$0] != nil })
        }
        for node in graph.nodes
        where OperatorTexts.movers.contains(node.operation) && node.inputs.first.map(names.contains) == true {
            names.formUnion(node.outputs)
        }
        return names
    }

    private func withPlaces(_ node: GraphNode) throws -> GraphNode {
        var node = node
        switch node.operation {
        case OperatorTexts.labelEncoder where node.texts("values_strings") != nil:
            node.attributes["default_int64"] = .int(node.texts("values_strings")?.count ?? 0)
            node.attributes["default_string"] = nil
            node.nameByPlaces("values_strings", "values_int64s")
        case OperatorTexts.labelEncoder, OperatorTexts.categoryMapper:
            throw hiding(node, "its one list has texts and numbers")
        default:
            let isOfTrees = node.operation == OperatorDomain.classical.operation("TreeEnsembleClassifier")
            node.nameByPlaces("classlabels_strings", isOfTrees ? "classlabels_int64s" : "classlabels_ints")
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

extension GraphNode {
    /// Has places, 0, 1, …, for an attribute of texts.
    fileprivate mutating func nameByPlaces(_ texts: String, _ numbers: String) {
        guard let count = self.texts(texts)?.count else { return }
        attributes[texts] = nil
        attributes[numbers] = .ints(Array(0..<count))
    }
}
