import CrypTen
import CrypTenRing

/// Thresholds of trees as numbers of the encoding, so that encoded features compare with them as the file's do.
///
/// A threshold t lies between two numbers of the encoding's grid, and so may a feature that is no number of it: then the two are rounded to
/// the same number, or to neighbours, and which of them is larger is lost. Features that are written down have few digits. So where a number d
/// of at most four decimals lies within half a unit of t, the encoding of t compares with that of d as t does with d: whole numbers,
/// and all that are so written, compare as in the file. Other thresholds are rounded as features are, so that a feature that equals
/// one equals it still. What differs then is no number of the grid, and less than one unit from a threshold.
struct ThresholdGrid: Sendable {
    /// From here on a threshold separates nothing.
    static let unreachable = 0x1p60

    /// How each of a parameter's thresholds compares.
    struct Comparisons: Sendable {
        var list: [TreeComparison]
        /// Whether features are floats of 32 bits.
        var areFloats: Bool
    }

    /// By the parameter's name.
    private(set) var comparisons: [String: Comparisons] = [:]

    init(of model: ONNXModel) {
        for node in model.nodes where node.operation == OperatorTable.scaledTrees && node.inputs.count > 1 {
            let name = node.inputs[1]
            guard let trees = try? TreeEnsemble(Operation(node: node, inputs: [])), !name.isEmpty else { continue }
            let type = model.parameters.first { $0.name == name }?.type
            comparisons[name] = Comparisons(list: trees.branches.map(\.comparison), areFloats: type != .double)
        }
    }

    /// A parameter's numbers as they are encoded; as they are where they are no thresholds.
    func encoded(_ value: Tensor, of name: String, fractionBits: Int) -> Tensor {
        guard let comparisons = comparisons[name], comparisons.list.count == value.shape.count else { return value }
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        let largest = FixedPoint.limit(fractionBits: fractionBits) - unit
        let numbers = zip(value.doubles, comparisons.list).map { number, comparison -> Double in
            if number.magnitude >= ThresholdGrid.unreachable { return number < 0 ? -largest : largest }
            return ThresholdGrid.encoded(number, comparison, unit, areFloats: comparisons.areFloats) ?? largest
        }
        return Tensor(numbers, shape: value.shape)
    }

    /// A threshold on the grid of a unit; nil where no feature that is written down equals it.
    private static func encoded(
        _ threshold: Double,
        _ comparison: TreeComparison,
        _ unit: Double,
        areFloats: Bool
    ) -> Double? {
        let nearest = (threshold / unit).rounded() * unit
        for decimals in [1.0, 10, 100, 1000, 10000] {
            let written = (threshold * decimals).rounded() / decimals
            guard (written - threshold).magnitude < unit / 2 else { continue }
            let feature = areFloats ? Double(Float(written)) : written
            let encoded = (feature / unit).rounded() * unit
            switch comparison {
            case .lessOrEqual, .greater:
                let below = (threshold / unit).rounded(.down) * unit
                return feature <= threshold ? max(encoded, below) : min(encoded - unit, below)
            case .less, .greaterOrEqual:
                let above = (threshold / unit).rounded(.up) * unit
                return feature < threshold ? max(encoded + unit, above) : min(encoded, above)
            case .equal, .unequal:
                return feature == threshold ? encoded : nil
            }
        }
        return nearest
    }
}
