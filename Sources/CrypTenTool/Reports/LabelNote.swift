import CrypTen
import CrypTenONNX

/// What all parties see of the texts of a model's labels, for their owner.
struct LabelNote {
    /// Texts by output, or by node; nil where there are none.
    let shown: [String: [String]]?

    init(of model: ONNXModel) {
        let texts = model.shownLabels
        shown = texts.isEmpty ? nil : texts
    }

    init(shown: [String: [String]]) {
        self.shown = shown
    }

    /// A sentence for each; nil where there are none.
    var text: String? {
        shown?.sorted { $0.key < $1.key }.map { name, texts in
            let some = texts.prefix(3).map { "'\($0.shortened(to: CheckReport.widestName))'" }.joined(separator: ", ")
            return """
                labels of \(name.shortened(to: CheckReport.widestName)), \(texts.count) texts (\(some)\(texts.count > 3 ? ", …" : "")): all parties see them: \
                --hide-labels hides them
                """
        }.joined(separator: "\n")
    }
}
