import CrypTen
import CrypTenONNX

/// What all parties see of a model's trees, for their owner.
struct EnsembleNotes {
    let ensembles: [ONNXModel.Ensemble]

    init(of model: ONNXModel) {
        self.init(ensembles: model.ensembles)
    }

    init(ensembles: [ONNXModel.Ensemble]) {
        self.ensembles = ensembles
    }

    /// A sentence for each ensemble.
    var lines: [String] {
        ensembles.map { ensemble in
            let shown =
                ensemble.showsFeatures
                ? "which node leads where, and which feature each reads: --secret-features hides features, --pad-trees shapes, too"
                : "which node leads where, and not which feature it reads; thresholds and leaves are secret"
            return """
                trees of \(ensemble.node.shortened(to: CheckReport.widestName)), \(ensemble.trees) of depth up to \(ensemble.depth) with \
                \(ensemble.comparisons) comparisons and \(ensemble.leaves) leaves: all parties see \(shown)
                """
        }
    }

    /// The same for people; nil where there are no trees.
    var text: String? { ensembles.isEmpty ? nil : lines.joined(separator: "\n") }
}
