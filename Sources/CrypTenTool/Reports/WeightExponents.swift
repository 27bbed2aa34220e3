import CrypTen
import CrypTenONNX

/// The public exponents of a model's secret weights: what all parties and the dealer see of them beside shapes.
struct WeightExponents: Encodable, Sendable {
    struct Weight: Encodable, Sendable {
        var name: String
        /// All numbers are below 2 to this in magnitude.
        var exponent: Int
    }

    var weights: [Weight]

    init(of model: ONNXModel) {
        weights = model.parameters.compactMap { parameter in
            model.weightExponents[parameter.name].map { Weight(name: parameter.name, exponent: $0) }
        }
    }

    func encode(to encoder: any Encoder) throws {
        try weights.encode(to: encoder)
    }

    /// Weights that are named in a sentence; the others are counted.
    private static let named = 4

    /// What is said before a run; nil where there are none.
    var text: String? {
        if weights.isEmpty { return nil }
        let names = weights.prefix(WeightExponents.named).map(described).joined(separator: ", ")
        let rest = weights.count - min(weights.count, WeightExponents.named)
        return "all parties will see how large these weights are: \(names)" + (rest > 0 ? ", and \(rest) more" : "")
    }

    /// All of them, for a plan; nil where there are none.
    var lines: String? {
        if weights.isEmpty { return nil }
        return "exponents of secret weights, which all parties and the dealer see:\n"
            + weights.map { "  " + described($0) }.joined(separator: "\n")
    }

    private func described(_ weight: Weight) -> String {
        "\(String(weight.name.map { $0.isNewline ? " " : $0 }).shortened(to: CheckReport.widestName)) below 2^\(weight.exponent)"
    }
}
