extension ONNXModel {
    /// What the skeleton shows of ensembles of trees; thresholds and leaves' values are weights, and in none.
    public enum TreeVisibility: String, Sendable, Codable, CaseIterable {
        /// Which nodes lead where, and which feature each reads.
        case features
        /// Which nodes lead where: which feature a node reads is a secret one among zeros, at the cost of a product and a round.
        case shapes
        /// How many trees there are, and the depth of the deepest: all are padded to full trees of that depth, and features are secret.
        case counts
    }
}
