extension ONNXModel {
    /// An ensemble of trees, as all parties see it.
    public struct Ensemble: Sendable, Hashable, Codable {
        /// The node that is one.
        public var node: String
        /// How many trees there are.
        public var trees: Int
        /// Comparisons on the longest way.
        public var depth: Int
        /// Nodes that compare, in all.
        public var comparisons: Int
        /// Ways to leaves, in all.
        public var leaves: Int
        /// Whether all see which feature a node reads.
        public var showsFeatures: Bool
    }

    /// The ensembles of trees that the model has, in its order.
    public var ensembles: [Ensemble] {
        nodes.compactMap { node in
            guard node.operation == OperatorTable.scaledTrees,
                let trees = try? TreeEnsemble(Operation(node: node, inputs: []))
            else { return nil }
            return Ensemble(
                node: onOneLine(node.name),
                trees: trees.trees,
                depth: trees.depth,
                comparisons: trees.branches.count,
                leaves: trees.leaves.count,
                showsFeatures: node.attributes[WeightAttributes.features] != nil
            )
        }
    }
}
