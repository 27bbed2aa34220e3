import CrypTen
import CrypTenONNX

/// Public factors of a model that are too large to be what they say: for their owner, before a run.
struct HeldFactors {
    private let factors: [ONNXModel.HeldFactor]

    init(of model: ONNXModel) {
        factors = model.heldFactors
    }

    /// Factors that are named; the others are counted.
    private static let named = 4

    /// What is said of them; nil where there are none.
    var text: String? {
        if factors.isEmpty { return nil }
        let names = factors.prefix(HeldFactors.named).map { factor in
            "\(line(factor.name)), \(factor.number.significant(6)) in \(line(factor.node)) (\(factor.operation))"
        }
        let rest = factors.count > HeldFactors.named ? "; and \(factors.count - HeldFactors.named) more" : ""
        return """
            numbers beyond 2^32 are held at 2^28, as masks' penalties, and these are factors: \(names.joined(separator: "; "))\(rest): \
            make them two factors, or scale the model
            """
    }

    private func line(_ name: String) -> String {
        String(name.map { $0.isNewline ? " " : $0 }).shortened(to: CheckReport.widestName)
    }
}
