import CrypTenExpressions

/// Comparisons of one value with several constants: they share level one of their sign gate.
///
/// `isNegative(x − c)`, with c one number for all elements, is the sign of x against the threshold c, `isPositive(x − c)` the opposite of
/// that against the next larger number, and a clamp of x compares x with both of its bounds. All such comparisons of one x are one gate, and those with one constant one bit of it.
struct SignGroups {
    /// A number that a value is compared with, or the next larger one of its encoding.
    struct Threshold: Hashable {
        var number: Double
        var isNext = false
    }

    /// What a value is compared with, by the value's entry.
    private(set) var thresholds: [Int: [Threshold]] = [:]
    /// The bit `[value < threshold]` that a comparison is, or is the opposite of, by its entry.
    private(set) var comparisons: [Int: (value: Int, threshold: Threshold)] = [:]
    /// How many comparisons and clamps a value has.
    private(set) var uses: [Int: Int] = [:]
    /// Values of which the graph has such a bit: clamps alone need no shares of the bits' masks.
    private(set) var valuesWithBits: Set<Int> = []

    init() {}

    /// - Parameter targets: The fraction bits that each entry has at most. A clamp that has fewer than what it reads is in no
    ///   group: it compares and selects numbers of its own precision.
    init(_ graph: Graph, needed: [Bool], targets: [Int]) {
        let entries = graph.entries.enumerated().filter { needed[$0.offset] && $0.element.isSecret }
        var clamps: [Int: (value: Int, bounds: [Double])] = [:]
        for (index, entry) in entries {
            guard case .clamp(let low, let high) = entry.operation,
                SignGroups.isGrouped(index, value: entry.inputs[0], targets)
            else { continue }
            clamps[index] = (entry.inputs[0], [low, high])
        }
        let clamped = Set(clamps.values.map(\.value))
        for (index, entry) in entries {
            if let clamp = clamps[index] {
                uses[clamp.value, default: 0] += 1
                for bound in clamp.bounds { compare(clamp.value, with: Threshold(number: bound)) }
            } else if let isNext = SignGroups.isAbove(entry) {
                let operand = entry.inputs[0]
                // Of x + c, which is clamped, the sign is with the clamp's bounds rather than with those of x.
                let comparison =
                    clamped.contains(operand)
                    ? (value: operand, threshold: 0) : SignGroups.comparison(of: operand, graph)
                let threshold = Threshold(number: comparison.threshold, isNext: isNext)
                comparisons[index] = (comparison.value, threshold)
                valuesWithBits.insert(comparison.value)
                uses[comparison.value, default: 0] += 1
                compare(comparison.value, with: threshold)
            }
        }
    }

    /// Whether a clamp of a value takes part in the value's comparisons.
    static func isGrouped(_ clamp: Int, value: Int, _ targets: [Int]) -> Bool {
        targets[clamp] >= targets[value]
    }

    /// Whether a comparison is with the next larger number; nil for other operations.
    private static func isAbove(_ entry: Graph.Entry) -> Bool? {
        switch entry.operation {
        case .isNegative: false
        case .isPositive: true
        default: nil
        }
    }

    private mutating func compare(_ value: Int, with threshold: Threshold) {
        if thresholds[value, default: []].contains(threshold) { return }
        thresholds[value, default: []].append(threshold)
    }

    /// `x − c` as x and c; anything else as itself and 0.
    private static func comparison(of index: Int, _ graph: Graph) -> (value: Int, threshold: Double) {
        let entry = graph.entries[index]
        switch entry.operation {
        case .subtract:
            if let c = uniform(entry.inputs[1], graph), graph.entries[entry.inputs[0]].isSecret {
                return (entry.inputs[0], c)
            }
        case .add:
            if let c = uniform(entry.inputs[1], graph), graph.entries[entry.inputs[0]].isSecret {
                return (entry.inputs[0], -c)
            }
            if let c = uniform(entry.inputs[0], graph), graph.entries[entry.inputs[1]].isSecret {
                return (entry.inputs[1], -c)
            }
        default:
            break
        }
        return (index, 0)
    }

    private static func uniform(_ index: Int, _ graph: Graph) -> Double? {
        guard case .constant(let tensor) = graph.entries[index].operation, let first = tensor.doubles.first,
            first.magnitude < Double(1 << 53),
            tensor.doubles.allSatisfy({ $0 == first })
        else { return nil }
        return first
    }
}
