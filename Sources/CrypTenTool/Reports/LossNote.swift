import CrypTen

/// What the encoding takes from weights or inputs, in one sentence for their owner.
struct LossNote {
    /// "weights", "inputs".
    var kind: String
    var losses: [EncodingLoss]
    var fractionBits: Int
    /// What else than more fraction bits would keep them: an option.
    var remedy: String

    static func weights(_ losses: [EncodingLoss], fractionBits: Int) -> LossNote {
        LossNote(kind: "weights", losses: losses, fractionBits: fractionBits, remedy: "--weight-exponents")
    }

    /// - Parameter isDeclared: Whether inputs have ranges already.
    static func inputs(_ losses: [EncodingLoss], fractionBits: Int, isDeclared: Bool) -> LossNote {
        LossNote(
            kind: "inputs",
            losses: losses,
            fractionBits: fractionBits,
            remedy: isDeclared ? "a narrower --range" : "--range"
        )
    }

    /// Tensors that are named; the others are counted.
    private static let named = 4

    /// The sentence; nil where nothing is worth one.
    var text: String? {
        let notable = losses.filter(\.isNotable).sorted { ($0.vanished, $0.imprecise) > ($1.vanished, $1.imprecise) }
        guard let most = notable.map(\.neededFractionBits).max() else { return nil }
        let names = notable.prefix(LossNote.named).map { loss in
            let vanished = loss.vanished > 0 ? ", \(loss.vanished.grouped) vanish" : ""
            return
                "\(loss.name.shortened(to: CheckReport.widestName)) (\(loss.imprecise.grouped) of \(loss.numbers.grouped)\(vanished))"
        }
        let rest = notable.count > LossNote.named ? " and \(notable.count - LossNote.named) more" : ""
        let bits = most <= 28 ? "--fraction-bits \(most) or \(remedy)" : remedy
        return """
            \(kind) of which \(fractionBits) fraction bits take more than 2^-8 of their size: \
            \(names.joined(separator: ", "))\(rest); \(bits) keeps them
            """
    }
}

extension [EncodingLoss] {
    /// Those that reports list: nil where none is worth a word.
    var listed: [EncodingLoss]? {
        let notable = filter(\.isNotable)
        return notable.isEmpty ? nil : notable
    }
}
