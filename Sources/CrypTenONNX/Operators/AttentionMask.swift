internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Which keys the queries of an attention may read, and what is added to their scores.
struct AttentionMask {
    /// Whether a query reads a key, `[N or 1, H or 1, S, T]`: what is known of it. Nil: all.
    private var allowed: Tensor?
    /// The same by a mask that only the run knows.
    private var runMask: CrypTensor?
    /// What is added to the scores.
    private var bias: CrypTensor?

    init(_ operation: Operation, queries: Int, keys: Int, past: Int, batch: Int) throws {
        let lengths = try operation.version >= 24 ? operation.knownIntegers(6) : nil
        if let lengths, lengths.count != batch {
            throw operation.mismatch("\(lengths.count) lengths for \(batch) samples")
        }
        let isCausal = try operation.flag("is_causal", default: false)
        if let lengths, !lengths.allSatisfy({ (0...keys).contains($0) }) {
            throw operation.mismatch("lengths \(lengths) aren't from 0 to \(keys)")
        }
        // No window reaches farther than all positions.
        let left = min(try operation.int("left_window_size", default: -1), 1 << 40)
        let right = min(try operation.int("right_window_size", default: -1), 1 << 40)
        if isCausal || left >= 0 || right >= 0 || lengths != nil {
            let samples = lengths?.count ?? 1
            let shape = try Shape(checking: [samples, 1, queries, keys])
            try ImportBudget.spend(shape.count, for: "an attention mask of shape \(shape)")
            var bits: [Bool] = []
            bits.reserveCapacity(shape.count)
            for sample in 0..<samples {
                // Valid keys before the block of queries.
                let offset = lengths.map { past > 0 ? past : $0[sample] - queries } ?? past
                for query in 0..<queries {
                    for key in 0..<keys {
                        let position = offset + query
                        bits.append(
                            (!isCausal || key <= position) && (left < 0 || key >= position - left)
                                && (right < 0 || key <= position + right) && (lengths.map { key < $0[sample] } ?? true)
                        )
                    }
                }
            }
            allowed = Tensor(.bool(bits), shape: shape)
        }
        guard let mask = operation.optional(3) else { return }
        let width = mask.shape.rank > 0 ? mask.shape[-1] : 1
        // A mask that is shorter than the keys says nothing of the rest, which isn't read.
        let missing = width == 1 && keys != 1 ? 0 : keys - width
        guard missing >= 0 else {
            throw operation.mismatch("a mask of shape \(mask.shape) is longer than \(keys) keys")
        }
        if mask.type == .bool {
            var pads = [Int](repeating: 0, count: mask.shape.rank)
            if missing > 0 { pads[pads.count - 1] = missing }
            let whole = try mask.padded(before: pads.map { _ in 0 }, after: pads)
            if let known = whole.knownTensor {
                try intersect(operation, Value(.bool, known: known))
            } else {
                runMask = try whole.expression()
            }
            return
        }
        guard mask.type.kind == .real else { throw operation.malformed("its mask is \(mask.type.rawValue)") }
        var pads = [Int](repeating: 0, count: mask.shape.rank)
        if missing > 0 {
            pads[pads.count - 1] = missing
            let rest = [Bool](repeating: true, count: width) + [Bool](repeating: false, count: missing)
            try intersect(operation, Value(.bool, known: Tensor(.bool(rest), shape: [keys])))
        }
        bias = try mask.padded(before: pads.map { _ in 0 }, after: pads).expression()
    }

    private mutating func intersect(_ operation: Operation, _ other: Value) throws {
        guard let known = allowed else {
            allowed = other.knownTensor
            return
        }
        let both = try Value.related(
            Value(.bool, known: known),
            other,
            Relation(reals: { $0 != 0 && $1 != 0 }, integers: { $0 != 0 && $1 != 0 }, expressions: { $0 & $1 })
        )
        allowed = both.knownTensor
    }

    /// Scores with the bias added and what isn't allowed replaced.
    func applied(to scores: CrypTensor, fill: Double) throws -> CrypTensor {
        var result = scores
        if let bias { result = result + bias }
        if let allowed { result = which(CrypTensor(constant: allowed), result, CrypTensor(fill)) }
        if let runMask { result = which(runMask, result, CrypTensor(fill)) }
        return try checked(result)
    }

    /// Weights that are zero for queries that may read no key.
    func withoutEmptyRows(_ weights: CrypTensor) -> CrypTensor {
        var result = weights
        if let allowed {
            let bits = CrypTensor(constant: allowed)
            let width = allowed.shape.rank > 0 ? allowed.shape[-1] : 1
            let flags = allowed.integers ?? []
            let isEmpty = stride(from: 0, to: flags.count, by: max(width, 1)).contains { start in
                !flags[start..<min(start + max(width, 1), flags.count)].contains(1)
            }
            if isEmpty, allowed.shape.rank > 0 {
                result = which(bits.sum(axis: -1, keepDimensions: true) .> 0, result, 0.0)
            }
        }
        if let runMask, runMask.rank > 0 {
            result = which(runMask.sum(axis: -1, keepDimensions: true) .> 0, result, 0.0)
        }
        return result
    }
}
