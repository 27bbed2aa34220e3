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
    /// Whether queries that may read no key get zeros; otherwise they read all keys alike.
    private var zeroesEmptyRows = true

    /// What disallowed scores become: as good as minus infinity for a softmax, and in the range of every fixed point.
    static let disallowed: Double = -0x1p24

    /// Masks nothing. Where more is added, queries that may read no key read all alike, as in onnxruntime's own operators.
    static let none: AttentionMask = {
        var mask = AttentionMask()
        mask.zeroesEmptyRows = false
        return mask
    }()

    private init() {}

    /// The standard's: causal, of a window, by lengths, and an input of bits or of numbers.
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
            try limit(
                operation,
                queries: queries,
                keys: keys,
                // Valid keys before the block of queries.
                offsets: lengths.map { $0.map { past > 0 ? past : $0 - queries } } ?? [past],
                isCausal: isCausal,
                left: left,
                right: right,
                lengths: lengths
            )
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

    /// Lets queries read only some keys by their places.
    ///
    /// - Parameters:
    ///   - offsets: The place of the first query among the keys, one or one for each sample.
    ///   - left: How many keys before its own place a query reads; all where it is negative.
    ///   - right: The same behind.
    ///   - lengths: How many keys a sample has.
    mutating func limit(
        _ operation: Operation,
        queries: Int,
        keys: Int,
        offsets: [Int],
        isCausal: Bool,
        left: Int = -1,
        right: Int = -1,
        lengths: [Int]? = nil
    ) throws {
        let samples = max(offsets.count, lengths?.count ?? 1)
        let shape = try Shape(checking: [samples, 1, queries, keys])
        try ImportBudget.spend(shape.count, for: "an attention mask of shape \(shape)")
        var bits: [Bool] = []
        bits.reserveCapacity(shape.count)
        for sample in 0..<samples {
            let offset = offsets[offsets.count == 1 ? 0 : sample]
            let length = lengths.map { $0[$0.count == 1 ? 0 : sample] }
            for query in 0..<queries {
                let position = offset + query
                for key in 0..<keys {
                    bits.append(
                        (!isCausal || key <= position) && (left < 0 || key >= position - left)
                            && (right < 0 || key <= position + right) && (length.map { key < $0 } ?? true)
                    )
                }
            }
        }
        try intersect(operation, Value(.bool, known: Tensor(.bool(bits), shape: shape)))
    }

    /// Adds numbers to the scores; they broadcast to `[N, H, S, T]`.
    mutating func add(_ numbers: CrypTensor) {
        bias = bias.map { $0 + numbers } ?? numbers
    }

    /// Adds a number to the scores where bits don't hold, which broadcast to `[N, H, S, T]`; where it is lower than any score that
    /// float32 could tell from it, those scores are as good as none.
    mutating func add(_ number: Double, where bits: Value, of operation: Operation) throws {
        if number <= -0x1p20, bits.knownTensor != nil { return try intersect(operation, bits) }
        let held = max(number, AttentionMask.disallowed)
        if let flags = bits.knownTensor?.integers {
            if flags.allSatisfy({ $0 != 0 }) { return }
            try ImportBudget.spend(flags.count, for: "an attention mask of shape \(bits.shape)")
            return add(CrypTensor(constant: Tensor(flags.map { $0 != 0 ? 0 : held }, shape: bits.shape)))
        }
        add((1 - (try bits.expression()).toReal()) * held)
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
    func applied(to scores: CrypTensor) throws -> CrypTensor {
        var result = scores
        if let bias { result = result + bias }
        if let allowed { result = which(CrypTensor(constant: allowed), result, CrypTensor(AttentionMask.disallowed)) }
        if let runMask { result = which(runMask, result, CrypTensor(AttentionMask.disallowed)) }
        return try checked(result)
    }

    /// Weights that are zero for queries that may read no key.
    func withoutEmptyRows(_ weights: CrypTensor) -> CrypTensor {
        guard zeroesEmptyRows else { return weights }
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
