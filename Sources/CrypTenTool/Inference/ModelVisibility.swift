import CrypTenONNX

/// What a model's owner decides about what others see of it.
struct ModelVisibility: Hashable, Sendable {
    /// Constants that are secret against the rule.
    var secret: Set<String> = []
    /// Constants that are public against the rule.
    var open: Set<String> = []
    /// Whether each secret weight has a public exponent of its own.
    var weightExponents = false
    /// What all parties see of ensembles of trees.
    var trees = ONNXModel.TreeVisibility.features
    /// Whether the texts of labels stay with the owner.
    var hidesLabels = false

    /// The options that say so.
    var arguments: [String] {
        secret.sorted().flatMap { ["--secret", $0] } + open.sorted().flatMap { ["--open", $0] }
            + (weightExponents ? ["--weight-exponents"] : []) + trees.arguments + (hidesLabels ? ["--hide-labels"] : [])
    }

    /// Applies what is decided beside the constants and the trees.
    func applied(to model: ONNXModel) throws -> ONNXModel {
        let model = weightExponents ? model.withWeightExponents() : model
        return hidesLabels ? try model.withHiddenLabels() : model
    }
}
