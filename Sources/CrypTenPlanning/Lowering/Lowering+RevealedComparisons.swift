import CrypTenExpressions
import CrypTenGates

/// Comparisons that nobody reads but who learns them: one gate compares and reveals, a round sooner than two.
extension Lowering {
    /// A comparison and what is made of its bit before it is handed out: NOT, a whole number, another shape.
    struct RevealedComparison {
        /// From the comparison to the output.
        var entries: [Int]
        /// Whether the output is the opposite of the comparison.
        var isOpposite = false
    }

    /// Those of the graph, by the entry that is handed out.
    func revealedComparisons() -> [Int: RevealedComparison] {
        var found: [Int: RevealedComparison] = [:]
        for output in graph.outputs {
            guard case .reveal = output.destination,
                graph.outputs.count(where: { $0.entry == output.entry }) == 1,
                let comparison = comparison(behind: output.entry)
            else { continue }
            found[output.entry] = comparison
        }
        return found
    }

    /// The comparison that an output is, and that nothing else reads.
    private func comparison(behind output: Int) -> RevealedComparison? {
        var found = RevealedComparison(entries: [])
        var index = output
        while true {
            let (entry, readers) = (entry(index), consumers[index].count)
            guard entry.isSecret, readers == (index == output ? 0 : 1),
                index == output || !graph.outputs.contains(where: { $0.entry == index })
            else { return nil }
            found.entries.insert(index, at: 0)
            switch entry.operation {
            case .isNegative, .isPositive: return isAlone(index) ? found : nil
            case .not: found.isOpposite.toggle()
            case .bitToInteger, .reshape: break
            default: return nil
            }
            index = entry.inputs[0]
        }
    }

    /// Whether a comparison shares its gate with no other one, with no clamp and with no ReLU.
    private func isAlone(_ index: Int) -> Bool {
        guard let comparison = signs.comparisons[index], signs.thresholds[comparison.value]?.count == 1 else {
            return false
        }
        let readers = consumers[comparison.value] + consumers[entry(index).inputs[0]]
        return !readers.contains { reader in
            switch entry(reader).operation {
            case .relu: true
            case .isNegative, .isPositive: reader != index
            default: false
            }
        }
    }

    /// Compares and reveals; nil where the value has too few bits for that, and then the entries are lowered one by one.
    mutating func reveal(_ revealed: RevealedComparison, to receiver: Int?) throws -> Int? {
        let index = revealed.entries[0]
        guard let comparison = signs.comparisons[index] else { preconditionFailure("every comparison has its group") }
        let reader = layer
        defer { layer = reader }
        layer = entry(index).layer ?? reader
        let place = inPlace(comparison.value)
        guard RevealedSignGate.takes(place.form) else {
            for entry in revealed.entries { try lower(entry) }
            return nil
        }
        let gate = RevealedSignGate(
            shape: entry(index).shape,
            form: place.form,
            threshold: threshold(comparison.threshold, place),
            isOpposite: revealed.isOpposite != comparison.threshold.isNext,
            receiver: receiver
        )
        return emit(.revealedSign(gate), [place.slot], .plain, entry(index).shape)
    }
}
