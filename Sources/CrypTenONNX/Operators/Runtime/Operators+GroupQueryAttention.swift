internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Attention in which several heads of queries share one of keys, with rotations inside and a cache of what came before.
    static func attendGroups(_ operation: Operation) throws -> [Value] {
        let input = try operation.real(0)
        try refuseCacheForms(operation)
        guard let count = try operation.int("num_heads"), let groups = try operation.int("kv_num_heads"), count >= 1,
            groups >= 1, count % groups == 0, input.shape.rank == 3
        else { throw operation.malformed("it takes [N, L, H · D], and heads of queries that share those of keys") }
        let (batch, length) = (input.shape[0], input.shape[1])
        var (query, key, value) = try groupedHeads(operation, count, groups)
        if let weight = operation.optional(14), let other = operation.optional(15) {
            let standard = try operation.float("qk_norm_epsilon", default: 1e-6)
            query = query.rmsNorm(
                weight: try weight.expression(),
                epsilon: try operation.float("q_norm_epsilon", default: standard)
            )
            key = key.rmsNorm(
                weight: try other.expression(),
                epsilon: try operation.float("k_norm_epsilon", default: standard)
            )
        }
        let cache = try GroupCache(operation, batch: batch, length: length)
        if try operation.flag("do_rotary", default: false) {
            let cosine = try operation.real(7)
            let positions =
                try operation.optional(9).map { given in
                    // Of a first prompt the first position counts.
                    let shape = given.shape
                    guard shape.rank == 2, shape[0] == batch || shape[0] == 1, shape[1] == length else {
                        throw operation.mismatch(
                            "positions of shape \(shape) aren't those of \(batch) × \(length) tokens"
                        )
                    }
                    return try given.broadcast(to: [batch, length]).expression()
                } ?? cache.positions
            guard cosine.shape.rank == 2 else {
                throw operation.mismatch("a table of shape \(cosine.shape) isn't a matrix")
            }
            let rotation = try Rotation(
                operation,
                tables: (cosine, try operation.real(8)),
                positions: positions,
                length: length,
                turned: min(2 * cosine.shape[1], query.shape[3]),
                size: query.shape[3],
                isInterleaved: try operation.flag("rotary_interleaved", default: false)
            )
            (query, key) = (try rotation.applied(to: query), try rotation.applied(to: key))
        }
        let keys = try cache.joined(operation, try operation.optional(3).map { try $0.expression() }, key)
        let values = try cache.joined(operation, try operation.optional(4).map { try $0.expression() }, value)

        var mask = AttentionMask.none
        let isCausal = try operation.flag("causal", default: true)
        let window = min(try operation.int("local_window_size", default: -1), 1 << 40)
        try mask.limit(
            operation,
            queries: length,
            keys: keys.shape[2],
            offsets: cache.before,
            isCausal: isCausal,
            // The window counts the query's own place.
            left: window > 0 ? window - 1 : -1,
            lengths: isCausal ? nil : cache.totals
        )
        if let bias = operation.optional(10) {
            let missing = keys.shape[2] - (bias.shape.rank > 0 ? bias.shape[-1] : 0)
            guard bias.shape.rank == 4, missing >= 0 else {
                throw operation.mismatch("a bias of shape \(bias.shape) doesn't fit \(keys.shape[2]) keys")
            }
            mask.add(try bias.padded(before: [0, 0, 0, 0], after: [0, 0, 0, missing]).expression())
        }
        var sink = try operation.optional(11).map { try $0.expression() }
        if let sink, sink.shape != [count] {
            throw operation.mismatch("a sink of shape \(sink.shape) isn't one number a head")
        }
        if sink == nil, try operation.flag("smooth_softmax", default: false) {
            sink = CrypTensor(0.0).broadcast(to: [count])
        }
        let attention = try HeadAttention(
            operation,
            query: query,
            key: keys,
            value: values,
            factor: try operation.scale(ofHeads: query.shape[3]),
            softcap: try operation.float("softcap", default: 0),
            mask: mask,
            sink: sink
        )
        return [
            Value(input.type, try checked(attention.joined)), Value(input.type, keys), Value(input.type, values),
        ]
    }

    /// Queries, keys and values as heads, apart or side by side in one input.
    private static func groupedHeads(
        _ operation: Operation,
        _ count: Int,
        _ groups: Int
    ) throws -> (CrypTensor, CrypTensor, CrypTensor) {
        let input = try operation.real(0)
        let first = try input.expression()
        if operation.optional(1) != nil || operation.optional(2) != nil {
            return (
                try operation.heads(first, count), try operation.heads(try operation.real(1).expression(), groups),
                try operation.heads(try operation.real(2).expression(), groups)
            )
        }
        let all = count + 2 * groups
        guard input.shape[2] % all == 0 else {
            throw operation.mismatch("shape \(input.shape) isn't that of \(all) heads of queries, keys and values")
        }
        let heads = try operation.heads(first, all)
        return (
            heads.narrow(axis: 1, start: 0, length: count), heads.narrow(axis: 1, start: count, length: groups),
            heads.narrow(axis: 1, start: count + groups, length: groups)
        )
    }

    /// - Throws: `.unsupportedOperator` for caches that are quantised or go round, for chunks of several lengths, and for scores as a result.
    private static func refuseCacheForms(_ operation: Operation) throws {
        guard try !operation.flag("sliding_window_cache", default: false), operation.optional(12) == nil,
            operation.optional(13) == nil, try operation.string("k_quant_type", default: "NONE") == "NONE",
            try operation.string("v_quant_type", default: "NONE") == "NONE"
        else { throw operation.unsupported("its cache is quantised or goes round; a plain one is computed here") }
        guard operation.optional(16) == nil else {
            throw operation.unsupported(
                "its chunks have lengths of their own (query_seqlens), which isn't computed here"
            )
        }
        guard !operation.isRead(output: 3) else { throw operation.unsupported("its output 3 isn't computed here") }
    }
}

/// How many tokens came before each sample's, and where the new ones go.
private struct GroupCache {
    /// Tokens before, one for each sample, or one for all.
    let before: [Int]
    /// Tokens before and new ones.
    let totals: [Int]
    private let batch, length: Int
    /// The most tokens of a sample.
    private let total: Int

    init(_ operation: Operation, batch: Int, length: Int) throws {
        guard batch > 0, let lengths = try operation.known(5), lengths.kind == .integer, lengths.shape.count == batch,
            let total = try operation.knownWhole(6), total >= length, total <= 1 << 30
        else {
            throw operation.malformed("its lengths must be one for each of \(batch) samples, and a total of all tokens")
        }
        totals = try wholeNumbers(lengths).map { last in
            guard (0..<Int64(total)).contains(last) else {
                throw operation.mismatch("a sample's last token \(last) isn't one of \(total)")
            }
            return Int(last) + 1
        }
        // Where all tokens are new, shorter samples are padded behind.
        let isPrompt = length == total
        let each = isPrompt ? totals.map { _ in 0 } : totals.map { $0 - length }
        guard each.allSatisfy({ $0 >= 0 }) else {
            throw operation.mismatch("samples of \(totals) tokens don't have \(length) new ones")
        }
        before = Set(each).count == 1 ? [each[0]] : each
        try ImportBudget.spend(before.count * length, for: "positions of \(length) tokens")
        (self.batch, self.length, self.total) = (batch, length, total)
    }

    /// The new tokens' positions, `[N, L]` or `[L]`.
    var positions: CrypTensor {
        let numbers = before.flatMap { start in (0..<Int64(length)).map { Int64(start) + $0 } }
        return CrypTensor(constant: Tensor(numbers, shape: before.count == 1 ? [length] : [batch, length]))
    }

    /// What came before and what is new, `[N, G, T, D]`, with zeros behind where a cache is longer.
    func joined(_ operation: Operation, _ past: CrypTensor?, _ new: CrypTensor) throws -> CrypTensor {
        let room = max(total, past.map { $0.rank == 4 ? $0.shape[2] : 0 } ?? 0)
        func padded(_ x: CrypTensor) -> CrypTensor {
            x.shape[2] == room ? x : x.pad(before: [0, 0, 0, 0], after: [0, 0, room - x.shape[2], 0])
        }
        guard let past, past.rank == 4, past.shape[2] > 0 else {
            guard before == [0] else { throw operation.mismatch("it has tokens before and no cache of them") }
            return try checked(padded(new))
        }
        guard past.shape[0] == batch, past.shape[1] == new.shape[1], past.shape[3] == new.shape[3],
            before.allSatisfy({ $0 <= past.shape[2] })
        else { throw operation.mismatch("a cache of shape \(past.shape) doesn't hold what came before \(new.shape)") }
        func sample(_ past: CrypTensor, _ new: CrypTensor, _ count: Int) -> CrypTensor {
            padded(concatenate([past.narrow(axis: 2, start: 0, length: count), new], axis: 2))
        }
        if before.count == 1 { return try checked(sample(past, new, before[0])) }
        let samples = before.enumerated().map { index, count in
            sample(past.narrow(axis: 0, start: index, length: 1), new.narrow(axis: 0, start: index, length: 1), count)
        }
        return try checked(concatenate(samples, axis: 0))
    }
}
