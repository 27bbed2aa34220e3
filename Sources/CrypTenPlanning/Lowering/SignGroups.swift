import CrypTenExpressions

/// Comparisons of one value with several constants: they share level one of their sign gate.
///
/// `isNegative(x − c)`, with c one number for all elements, is the sign of x against the threshold c, and `isPositive(x − c)` the
/// opposite of that against the next larger number. All such comparisons of one x are one gate.
struct SignGroups {
    /// One comparison: the bit `[value < threshold]`, or `[value > threshold]`.
    struct Member {
        /// The entry of the comparison.
        var entry: Int
        var threshold: Double
        var isAbove = false
    }

    /// The comparisons of a value, by the value's entry.
    private(set) var groups: [Int: [Member]] = [:]
    /// The value that a comparison belongs to.
    private(set) var value: [Int: Int] = [:]

    init() {}

    init(_ graph: Graph, needed: [Bool]) {
        for (index, entry) in graph.entries.enumerated() where needed[index] && entry.isSecret {
            let isAbove: Bool
            switch entry.operation {
            case .isNegative: isAbove = false
            case .isPositive: isAbove = true
            default: continue
            }
            let (base, threshold) = SignGroups.threshold(of: entry.inputs[0], graph)
            groups[base, default: []].append(Member(entry: index, threshold: threshold, isAbove: isAbove))
            value[index] = base
        }
    }

    /// `x − c` as x and c; anything else as itself and 0.
    private static func threshold(of index: Int, _ graph: Graph) -> (Int, Double) {
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
