internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Attention, and positions as rotations.
    static let attention: [String: OperatorEntry] = [
        "Attention": OperatorEntry([23, 24, 25], known: [6], attend),
        "RotaryEmbedding": OperatorEntry([23], rotate),
        "LinearAttention": OperatorEntry([27], attendLinearly),
    ]

    /// What disallowed scores become: as good as minus infinity for a softmax, and in the range of every fixed point.
    private static let disallowed: Double = -0x1p24

    /// A tensor of heads `[N, H, L, D]`, made of `[N, L, H · D]` where it has three axes.
    private static func heads(_ operation: Operation, _ value: Value, _ attribute: String) throws -> CrypTensor {
        let expression = try value.expression()
        if value.shape.rank == 4 { return expression }
        guard value.shape.rank == 3, let count = try operation.int(attribute), count >= 1, value.shape[2] % count == 0
        else {
            throw operation.mismatch(
                "shape \(value.shape) isn't [N, H, L, D], nor [N, L, H · D] with a number of heads"
            )
        }
        return expression.reshape([value.shape[0], value.shape[1], count, value.shape[2] / count]).transposed(1, 2)
    }

    /// Heads that several queries share, once for each.
    private static func shared(_ operation: Operation, _ x: CrypTensor, by heads: Int) throws -> CrypTensor {
        guard x.shape[1] > 0, heads % x.shape[1] == 0 else {
            throw operation.mismatch("\(heads) heads of queries can't share \(x.shape[1]) of keys")
        }
        return heads == x.shape[1] ? x : x.repeated(heads / x.shape[1], axis: 1)
    }

    private static func attend(_ operation: Operation) throws -> [Value] {
        let type = try operation.real(0).type
        let isFlat = try operation.real(0).shape.rank == 3
        let query = try heads(operation, try operation.real(0), "q_num_heads")
        var key = try heads(operation, try operation.real(1), "kv_num_heads")
        var value = try heads(operation, try operation.real(2), "kv_num_heads")
        guard query.rank == 4, key.rank == 4, value.rank == 4, query.shape[3] == key.shape[3],
            query.shape[0] == key.shape[0], key.shape[2] == value.shape[2]
        else {
            throw operation.mismatch(
                "shapes \(query.shape), \(key.shape) and \(value.shape) aren't queries, keys and values"
            )
        }
        var past = 0
        if let pastKey = operation.optional(4), let pastValue = operation.optional(5) {
            past = pastKey.shape.rank == 4 ? pastKey.shape[2] : 0
            key = try checked(concatenate([try pastKey.expression(), key], axis: 2))
            value = try checked(concatenate([try pastValue.expression(), value], axis: 2))
        }
        let present = [Value(type, key), Value(type, value)]
        let scale = try operation.float("scale").flatMap { $0 == 0 ? nil : $0 }
        let factor = scale ?? 1 / Double(query.shape[3]).squareRoot()
        let keys = try shared(operation, key, by: query.shape[1])
        let raw = try checked(query.matmul(keys.transposed(2, 3)) * factor)
        let softcap = try operation.float("softcap", default: 0)
        let capped = softcap == 0 ? raw : (raw * (1 / softcap)).tanh() * softcap
        let mask = try AttentionMask(
            operation,
            queries: query.shape[2],
            keys: key.shape[2],
            past: past,
            batch: query.shape[0]
        )
        let scores = try mask.applied(to: capped, fill: disallowed)
        let weights = mask.withoutEmptyRows(scores.softmax(axis: -1))
        let values = try shared(operation, value, by: query.shape[1])
        let heads = try checked(weights.matmul(values))
        let result =
            isFlat
            ? heads.transposed(1, 2).reshape([heads.shape[0], heads.shape[2], heads.shape[1] * heads.shape[3]]) : heads
        let inside =
            switch try operation.int("qk_matmul_output_mode", default: 0) {
            case 0: raw
            case 1: capped
            case 2: scores
            default: weights
            }
        return [Value(type, try checked(result))] + present + [Value(type, try checked(inside))]
    }

    /// Pairs of elements turned by angles, whose sines and cosines are tables by position.
    private static func rotate(_ operation: Operation) throws -> [Value] {
        let x = try operation.real(0)
        let isFlat = x.shape.rank == 3
        let heads = try Self.heads(operation, x, "num_heads")
        let (batch, length, size) = (heads.shape[0], heads.shape[2], heads.shape[3])
        let given = try operation.int("rotary_embedding_dim", default: 0)
        let turned = given == 0 ? size : given
        guard turned % 2 == 0, (0...size).contains(turned) else {
            throw operation.malformed("it can't rotate \(turned) of \(size) elements")
        }
        func table(_ position: Int) throws -> CrypTensor {
            let table = try operation.real(position)
            var rows = try table.expression()
            if let ids = operation.optional(3) {
                guard case let positions = try ids.expression(), positions.visibility == .public else {
                    throw operation.unsupported("its positions are secret; public ones are computed here")
                }
                rows = rows.gather(positions, axis: 0)
            }
            return rows.reshape([rows.shape[0], 1, length, turned / 2])
        }
        let (cosine, sine) = (try table(1), try table(2))
        let isInterleaved = try operation.flag("interleaved", default: false)
        let part = heads.narrow(axis: 3, start: 0, length: turned)
        let pairs = isInterleaved ? part.reshape([batch, heads.shape[1], length, turned / 2, 2]) : part
        let first = isInterleaved ? pairs[TensorIndex.ellipsis, 0] : part.narrow(axis: 3, start: 0, length: turned / 2)
        let second =
            isInterleaved ? pairs[TensorIndex.ellipsis, 1] : part.narrow(axis: 3, start: turned / 2, length: turned / 2)
        let (real, imaginary) = (cosine * first - sine * second, sine * first + cosine * second)
        let rotated =
            isInterleaved
            ? stack([real, imaginary], axis: 4).reshape([batch, heads.shape[1], length, turned])
            : concatenate([real, imaginary], axis: 3)
        let rest = heads.narrow(axis: 3, start: turned, length: size - turned)
        let whole = turned == size ? rotated : concatenate([rotated, rest], axis: 3)
        let result = isFlat ? whole.transposed(1, 2).reshape(x.shape) : whole
        return [Value(x.type, try checked(result))]
    }

    /// A state that each token updates and reads: `S ← decay · S + beta · k ⊗ (v − S k)`, in the order of the tokens.
    private static func attendLinearly(_ operation: Operation) throws -> [Value] {
        let type = try operation.real(0).type
        let query = try heads(operation, try operation.real(0), "q_num_heads")
        let key = try heads(operation, try operation.real(1), "kv_num_heads")
        let value = try heads(operation, try operation.real(2), "kv_num_heads")
        let (batch, groups, length) = (key.shape[0], key.shape[1], key.shape[2])
        guard query.shape[3] == key.shape[3], value.shape[1] == groups, query.shape[1] % max(groups, 1) == 0, groups > 0
        else {
            throw operation.mismatch(
                "shapes \(query.shape), \(key.shape) and \(value.shape) aren't queries, keys and values"
            )
        }
        let rule = try operation.string("update_rule", default: "gated_delta")
        guard ["linear", "gated", "delta", "gated_delta"].contains(rule) else {
            throw operation.malformed("update_rule '\(rule)' isn't known")
        }
        try ImportBudget.spend(0, work: length << 8, for: "\(length) steps of \(operation.node.name)")
        let decay = try rule.hasPrefix("gated") ? operation.real(4) : nil
        let beta = try rule.hasSuffix("delta") ? operation.real(5) : nil
        let decays = try decay.map { decay -> CrypTensor in
            guard decay.shape.rank == 3 else {
                throw operation.mismatch("decay of shape \(decay.shape) isn't [N, L, …]")
            }
            let each = decay.shape[2] / groups
            return try decay.expression().reshape([batch, length, groups, each, 1]).exp()
        }
        let scale = try operation.float("scale", default: 0)
        let factor = scale == 0 ? 1 / Double(query.shape[3]).squareRoot() : scale
        let (rows, columns) = (key.shape[3], value.shape[3])
        var state =
            try operation.optional(3)?.expression() ?? CrypTensor(0.0).broadcast(to: [batch, groups, rows, columns])
        let queries = query.reshape([batch, groups, query.shape[1] / groups, length, rows])
        var outputs: [CrypTensor] = []
        for step in 0..<length {
            let k = key[TensorIndex.all, TensorIndex.all, step].unsqueeze(3)  // [N, G, K, 1]
            var update = value[TensorIndex.all, TensorIndex.all, step].unsqueeze(2)  // [N, G, 1, V]
            if let decays { state = state * decays[TensorIndex.all, step] }
            if let beta {
                let rate = try beta.expression()[TensorIndex.all, step].unsqueeze(2).unsqueeze(3)
                update = (update - k.transposed(2, 3).matmul(state)) * rate
            }
            state = try checked(state + k.matmul(update))
            let q = queries[TensorIndex.all, TensorIndex.all, TensorIndex.all, step]  // [N, G, Q, K]
            outputs.append(q.matmul(state))
        }
        let heads = try checked(stack(outputs, axis: 1) * factor)  // [N, T, G, Q, V]
        let result = heads.reshape([batch, length, query.shape[1] * columns])
        return [Value(type, try checked(result)), Value(type, state)]
    }
}
