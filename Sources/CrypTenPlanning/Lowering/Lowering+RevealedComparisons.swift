import CrypTenBase
import CrypTenExpressions
import CrypTenGates

/// Comparisons that nobody reads but who learns them: one gate compares and reveals, a round sooner than two.
extension Lowering {
    /// A comparison and what is made of its bit before it is handed out: NOT, a whole number, another shape.
    struct RevealedComparison {
        /// From the comparison to the output.
        var entries: [Int]
        /// Who learns it; nil: all.
        let receiver: Int?
        /// Whether the output is the opposite of the comparison.
        var isOpposite = false
        /// What it has become, once it is lowered.
        var slot: Int?
    }

    /// Those of the graph, by the entry that is handed out.
    func revealedComparisons() -> [Int: RevealedComparison] {
        var found: [Int: RevealedComparison] = [:]
        for output in graph.outputs {
            guard case .reveal(let party) = output.destination,
                graph.outputs.count(where: { $0.entry == output.entry }) == 1,
                let comparison = comparison(behind: output.entry, for: party?.index)
            else { continue }
            found[output.entry] = comparison
        }
        return found
    }

    /// The comparison that an output is, and that nothing else reads.
    private func comparison(behind output: Int, for receiver: Int?) -> RevealedComparison? {
        var found = RevealedComparison(entries: [], receiver: receiver)
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
        guard let comparison = signs.comparisons[index], signs.uses[comparison.value] == 1 else { return false }
        let readers = consumers[comparison.value] + consumers[entry(index).inputs[0]]
        return !readers.contains { reader in
            if case .relu = entry(reader).operation { true } else { false }
        }
    }

    /// Compares and reveals; where the value has too few bits for that, the entries are lowered one by one.
    mutating func reveal(comparisonBehind output: Int) throws {
        guard let found = revealed[output], let index = found.entries.first,
            let comparison = signs.comparisons[index]
        else { preconditionFailure("every comparison has its group") }
        layer = entry(index).layer ?? layer
        let place = inPlace(comparison.value)
        guard RevealedSignGate.takes(place.form) else {
            for entry in found.entries { try lower(entry) }
            return
        }
        let gate = RevealedSignGate(
            shape: entry(index).shape,
            form: place.form,
            threshold: threshold(comparison.threshold, place),
            isOpposite: found.isOpposite != comparison.threshold.isNext,
            receiver: found.receiver
        )
        let slot = emit(.revealedSign(gate), [place.slot], .plain, entry(index).shape)
        revealed[output]?.slot = slot
    }
}
