import CrypTenExpressions

/// Fraction bits beyond the session's that follow from values which are kept with more of them.
///
/// A value that was kept so is read as it is, and sums of its products have as much more room. What ends in a value that is to be kept so,
/// through sums, moves and products with public numbers, is truncated to no fewer bits.
struct FineBits {
    /// For each entry how many more its truncation leaves.
    private(set) var target: [Int]
    /// For each entry how many more a sum or a product may have.
    private(set) var room: [Int]

    init(_ graph: Graph, fractionBits: Int, kept: [KeptValue]) {
        target = [Int](repeating: 0, count: graph.entries.count)
        for output in graph.outputs {
            guard case .keepFine(let bits) = output.destination, graph.entries[output.entry].kind == .real else {
                continue
            }
            target[output.entry] = max(target[output.entry], bits - fractionBits)
        }
        for (index, entry) in graph.entries.enumerated().reversed() where target[index] > 0 && entry.isSecret {
            // The operands of a product have half of its bits each.
            var wanted = target[index]
            if case .bilinear = entry.operation, entry.inputs.allSatisfy({ graph.entries[$0].isSecret }) {
                wanted = (wanted + fractionBits + 1) / 2 - fractionBits
            } else if !FineBits.handsOn(entry, graph) {
                continue
            }
            for input in FineBits.operands(entry) where graph.entries[input].kind == .real {
                // What its owner puts in has the session's bits.
                if case .input = graph.entries[input].operation { continue }
                target[input] = max(target[input], wanted)
            }
        }
        room = target
        for (index, entry) in graph.entries.enumerated() where entry.kind == .real && entry.isSecret {
            if case .kept(let number) = entry.operation, kept[number].range == nil {
                target[index] = max(target[index], kept[number].scale - fractionBits)
                room[index] = max(room[index], target[index])
            } else if let operand = FineBits.whole(entry) {
                target[index] = max(target[index], target[operand])
                room[index] = max(room[index], room[operand])
            } else if case .bilinear = entry.operation {
                // A product has the fraction bits of both.
                room[index] = max(
                    room[index],
                    entry.inputs.reduce(0) { $0 + (FineBits.isKept($1, graph) ? target[$1] : 0) }
                )
            } else if FineBits.handsOn(entry, graph) {
                room[index] = max(room[index], entry.inputs.map { room[$0] }.max() ?? 0)
            }
        }
    }

    /// Whether bits of the operands are bits of the result.
    private static func handsOn(_ entry: Graph.Entry, _ graph: Graph) -> Bool {
        switch entry.operation {
        case .reshape, .permute, .slice, .broadcast, .concatenate, .pad, .take, .gather, .add, .subtract, .negate, .sum,
            .select, .notBefore:
            true
        case .bilinear: entry.inputs.contains { !graph.entries[$0].isSecret }
        default: false
        }
    }

    /// The operand whose words the result has as they are, in another place or at another time.
    private static func whole(_ entry: Graph.Entry) -> Int? {
        switch entry.operation {
        case .notBefore: entry.inputs[0]
        case .shuffle(let part, _): entry.inputs[part]
        default: nil
        }
    }

    /// What the result's elements are made of.
    private static func operands(_ entry: Graph.Entry) -> [Int] {
        whole(entry).map { [$0] } ?? entry.inputs
    }

    /// Whether an operand is a kept value, through moves of its elements.
    private static func isKept(_ index: Int, _ graph: Graph) -> Bool {
        var entry = graph.entries[index]
        while entry.operation.movesElements || entry.operation == .notBefore, operands(entry).count == 1 {
            entry = graph.entries[entry.inputs[0]]
        }
        if case .kept = entry.operation { return true }
        return false
    }
}
