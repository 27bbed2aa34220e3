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

    private static func attend(_ operation: Operation) throws -> [Value] {
        let type = try operation.real(0).type
        let isFlat = try operation.real(0).shape.rank == 3
        let query = try heads(operation, try operation.real(0), "q_num_heads")
        var key = try heads(operation, try operation.real(1), "kv_num_heads")
        var value = try heads(operation, try operation.real(2), "kv_num_heads")
        var past = 0
        if let pastKey = operation.optional(4), let pastValue = operation.optional(5) {
            past = pastKey.shape.rank == 4 ? pastKey.shape[2] : 0
            key = try checked(concatenate([try pastKey.expression(), key], axis: 2))
            value = try checked(concatenate([try pastValue.expression(), value], axis: 2))
        }
        let present = [Value(type, key), Value(type, value)]
        guard query.rank == 4, key.rank == 4 else {
            throw operation.mismatch("shapes \(query.shape) and \(key.shape) aren't queries and keys")
        }
        let mask = try AttentionMask(
            operation,
            queries: query.shape[2],
            keys: key.shape[2],
            past: past,
            batch: query.shape[0]
        )
        let attention = try HeadAttention(
            operation,
            query: query,
            key: key,
            value: value,
            factor: try operation.scale(ofHeads: query.shape[3]),
            softcap: try operation.float("softcap", default: 0),
            mask: mask
        )
        let inside =
            switch try operation.int("qk_matmul_output_mode", default: 0) {
            case 0: attention.raw
            case 1: attention.capped
            case 2: attention.scores
            default: attention.weights
            }
        let result = isFlat ? attention.joined : attention.result
        return [Value(type, try checked(result))] + present + [Value(type, try checked(inside))]
    }

    private static func rotate(_ operation: Operation) throws -> [Value] {
        let x = try operation.real(0)
        let heads = try Self.heads(operation, x, "num_heads")
        guard heads.rank == 4 else { throw operation.mismatch("shape \(x.shape) has no heads") }
        let given = try operation.int("rotary_embedding_dim", default: 0)
        let rotation = try Rotation(
            operation,
            tables: (try operation.real(1), try operation.real(2)),
            positions: try operation.optional(3)?.expression(),
            length: heads.shape[2],
            turned: given == 0 ? heads.shape[3] : given,
            size: heads.shape[3],
            isInterleaved: try operation.flag("interleaved", default: false)
        )
        let turned = try rotation.applied(to: heads)
        return [Value(x.type, try checked(x.shape.rank == 3 ? turned.transposed(1, 2).reshape(x.shape) : turned))]
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
