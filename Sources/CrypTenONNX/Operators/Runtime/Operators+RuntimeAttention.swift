internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Attention of onnxruntime's own, in all layouts that its optimiser writes.
    static let runtimeAttention: [String: OperatorEntry] = [
        "com.microsoft.Attention": OperatorEntry([1], attendMerged),
        "com.microsoft.MultiHeadAttention": OperatorEntry([1], attendHeads),
        "com.microsoft.GroupQueryAttention": OperatorEntry([1], known: [5, 6], attendGroups),
        "com.microsoft.RotaryEmbedding": OperatorEntry([1], rotateTokens),
    ]

    // MARK: Attention

    /// Queries, keys and values as one product of the input and merged weights.
    private static func attendMerged(_ operation: Operation) throws -> [Value] {
        let (input, weights) = (try operation.real(0), try operation.real(1))
        guard let count = try operation.int("num_heads"), count >= 1, weights.shape.rank == 2, input.shape.rank == 3
        else {
            throw operation.malformed("it takes an input [N, L, I], weights [I, 3H] and a number of heads")
        }
        guard try !operation.flag("do_rotary", default: false) else {
            throw operation.unsupported("it rotates inside (do_rotary); export the model with RotaryEmbedding")
        }
        try refuseSharedBuffer(operation, lengthAt: 6)
        let columns = weights.shape[1]
        let sizes = try operation.ints("qkv_hidden_sizes") ?? [Int](repeating: columns / 3, count: 3)
        guard sizes.count == 3, sizes.allSatisfy({ $0 > 0 && $0 <= columns && $0 % count == 0 }), sizes[0] == sizes[1],
            sizes.reduce(0, +) == columns
        else {
            throw operation.mismatch(
                "weights of shape \(weights.shape) can't be queries, keys and values of sizes \(sizes)"
            )
        }
        let product = try operation.result(of: "MatMul", [.input(0), .input(1)])
        let merged = try operation.sum(product, input: 2).expression()
        guard merged.shape == [input.shape[0], input.shape[1], columns] else {
            throw operation.mismatch("a bias doesn't fit \(columns) columns: the sum has shape \(merged.shape)")
        }
        var start = 0
        let parts = try sizes.map { size in
            defer { start += size }
            return try operation.heads(merged.narrow(axis: 2, start: start, length: size), count)
        }
        var (key, value) = (parts[1], parts[2])
        if let past = operation.optional(4) {
            guard past.shape.rank == 5, past.shape[0] == 2 else {
                throw operation.mismatch("a past of shape \(past.shape) isn't [2, N, H, P, D]")
            }
            let states = try past.expression()
            key = try checked(concatenate([states[0], key], axis: 2))
            value = try checked(concatenate([states[1], value], axis: 2))
        }
        let attention = try HeadAttention(
            operation,
            query: parts[0],
            key: key,
            value: value,
            factor: try operation.scale(ofHeads: parts[0].shape[3]),
            mask: try mask(operation, queries: parts[0].shape, keys: key.shape[2], maskAt: 3, biasAt: 5)
        )
        var results = [Value(input.type, try checked(attention.joined))]
        if operation.isRead(output: 1) { results.append(Value(input.type, try checked(stack([key, value], axis: 0)))) }
        return results
    }

    /// Queries, keys and values apart, or packed side by side for each head; or keys and values as another attention left them.
    private static func attendHeads(_ operation: Operation) throws -> [Value] {
        let input = try operation.real(0)
        guard let count = try operation.int("num_heads"), count >= 1 else {
            throw operation.malformed("its number of heads is missing")
        }
        try refuseSharedBuffer(operation, lengthAt: 8)
        guard operation.optional(9) == nil else {
            throw operation.unsupported("it follows beams (cache_indirection), which isn't computed here")
        }
        let bias = try operation.optional(3).map { try $0.expression() }
        // A list of the bias, as heads have it: added to `[N, L, H, D]`.
        func biased(_ x: CrypTensor, from start: Int) throws -> CrypTensor {
            let size = x.shape[2] * x.shape[3]
            guard let bias else { return x }
            guard bias.rank == 1, start + size <= bias.shape[0] else {
                throw operation.mismatch("a bias of shape \(bias.shape) doesn't fit heads \(x.shape)")
            }
            return x + bias.narrow(axis: 0, start: start, length: size).reshape([x.shape[2], x.shape[3]])
        }
        // `[N, L, H, D]` of `[N, L, H · D]`.
        func split(_ x: CrypTensor) throws -> CrypTensor { try operation.heads(x, count).transposed(1, 2) }
        func packed(_ x: CrypTensor, _ parts: Int) throws -> [CrypTensor] {
            guard x.rank == 5, x.shape[2] == count, x.shape[3] == parts else {
                throw operation.mismatch("shape \(x.shape) isn't [N, L, \(count), \(parts), D]")
            }
            return (0..<parts).map { x[TensorIndex.all, TensorIndex.all, TensorIndex.all, $0] }
        }
        let first = try input.expression()
        var query: CrypTensor
        var key: CrypTensor
        var value: CrypTensor
        let keys = try operation.optional(1).map { try $0.expression() }
        let values = try operation.optional(2).map { try $0.expression() }
        if first.rank == 5 {
            guard keys == nil, values == nil else {
                throw operation.malformed("its queries hold keys, and it has others")
            }
            let parts = try packed(first, 3)
            (query, key, value) = (parts[0], parts[1], parts[2])
        } else if let keys, keys.rank == 5 {
            guard values == nil else { throw operation.malformed("its keys hold values, and it has others") }
            let parts = try packed(keys, 2)
            (query, key, value) = (try split(first), parts[0], parts[1])
        } else if let keys, let values {
            query = try split(first)
            (key, value) = keys.rank == 4 ? (keys, values) : (try split(keys), try split(values))
        } else {
            throw operation.malformed("its keys or values are missing")
        }
        query = try checked(try biased(query, from: 0).transposed(1, 2))
        if keys?.rank != 4 {
            let size = count * query.shape[3]
            key = try checked(try biased(key, from: size).transposed(1, 2))
            value = try checked(try biased(value, from: 2 * size).transposed(1, 2))
        }
        if let past = operation.optional(6), let pastValue = operation.optional(7) {
            key = try checked(concatenate([try past.expression(), key], axis: 2))
            value = try checked(concatenate([try pastValue.expression(), value], axis: 2))
        }
        guard !operation.isRead(output: 3) else { throw operation.unsupported("its output 3 isn't computed here") }
        let attention = try HeadAttention(
            operation,
            query: query,
            key: key,
            value: value,
            factor: try operation.scale(ofHeads: query.shape[3]),
            mask: try mask(operation, queries: query.shape, keys: key.shape[2], maskAt: 4, biasAt: 5)
        )
        return [
            Value(input.type, try checked(attention.joined)), Value(input.type, key), Value(input.type, value),
        ]
    }

    /// - Throws: `.unsupportedOperator` where keys and values are kept in a buffer that is longer than they are.
    private static func refuseSharedBuffer(_ operation: Operation, lengthAt position: Int) throws {
        guard operation.optional(position) == nil, try !operation.flag("past_present_share_buffer", default: false)
        else {
            throw operation.unsupported(
                "its past and present share a buffer; export the model without past_present_share_buffer"
            )
        }
    }

    // MARK: Masks

    /// What queries `[N, H, L, D]` may read: earlier keys, keys that a mask names, and a bias.
    ///
    /// The mask says it key by key, `[N, T]`, `[N, L, T]` or `[N, 1, M, M]`; or by how many keys a sample has, `[N]` or the first N of
    /// `[3N + 2]`; or by where its keys end, and where they start, `[2N]`. It may be secret: then a comparison is made for each of its numbers.
    private static func mask(
        _ operation: Operation,
        queries: Shape,
        keys: Int,
        maskAt: Int,
        biasAt: Int
    ) throws -> AttentionMask {
        let (batch, length) = (queries[0], queries[2])
        let past = keys - length
        var mask = AttentionMask.none
        if try operation.flag("unidirectional", default: false) {
            try mask.limit(operation, queries: length, keys: keys, offsets: [past], isCausal: true)
        }
        if let given = operation.optional(maskAt) {
            let filter = try operation.float("mask_filter_value", default: -10000)
            guard given.type.kind == .integer || given.shape.rank > 1, filter <= 0 else {
                throw operation.malformed(
                    "its lengths are \(given.type.rawValue), or its mask_filter_value \(filter) is positive"
                )
            }
            func compare(_ a: Value, _ b: Value) throws -> Value {
                try Value.related(a, b, Relation(reals: { $0 > $1 }, integers: { $0 > $1 }, expressions: { $0 .> $1 }))
            }
            func bits(_ value: Value) throws -> Value {
                if value.type == .bool { return value }
                let zero = value.type.kind == .real ? Tensor(0.0) : Tensor([0], shape: [])
                return try compare(value, Value(value.type, known: zero))
            }
            try ImportBudget.spend(2 * keys, for: "places of \(keys) keys")
            let places = Value(integers: Array(0..<keys), shape: [keys])
            func part(_ start: Int) throws -> Value {
                try given.sliced(starts: [start], steps: [1], shape: [batch]).reshaped([batch, 1, 1, 1])
            }
            let shape = given.shape
            switch shape.rank {
            case 1 where shape[0] == batch || shape[0] == 3 * batch + 2:
                try mask.add(filter, where: try compare(try part(0), places), of: operation)
            case 1 where shape[0] == 2 * batch:
                try mask.add(filter, where: try compare(try part(0), places), of: operation)
                let next = Value(integers: Array(1...max(keys, 1)), shape: [max(keys, 1)])
                // A sample whose keys start at a place reads that one, and what is behind it.
                try mask.add(filter, where: try compare(next, try part(batch)), of: operation)
            case 2 where shape == [batch, keys]:
                try mask.add(filter, where: try bits(given).reshaped([batch, 1, 1, keys]), of: operation)
            case 3 where shape == [batch, length, keys]:
                try mask.add(filter, where: try bits(given).reshaped([batch, 1, length, keys]), of: operation)
            case 4 where shape[0] == batch && shape[1] == 1 && shape[2] >= keys && shape[3] >= keys && past >= 0:
                let rows = try given.sliced(
                    starts: [0, 0, past, 0],
                    steps: [1, 1, 1, 1],
                    shape: [batch, 1, length, keys]
                )
                try mask.add(filter, where: try bits(rows), of: operation)
            default:
                throw operation.mismatch(
                    "a mask of shape \(shape) doesn't fit \(batch) samples of \(length) queries and \(keys) keys"
                )
            }
        }
        if let bias = operation.optional(biasAt) {
            guard bias.type.kind == .real else { throw operation.malformed("its bias is \(bias.type.rawValue)") }
            mask.add(try bias.expression())
        }
        return mask
    }

    // MARK: Rotations

    /// Rotations by tables, at positions that a tensor says or from one on.
    private static func rotateTokens(_ operation: Operation) throws -> [Value] {
        let (x, cosine) = (try operation.real(0), try operation.real(2))
        guard try operation.float("scale", default: 1) == 1, try !operation.flag("is_packed_batching", default: false)
        else {
            throw operation.unsupported(
                "it is scaled, or of ragged batches (is_packed_batching); neither is computed here"
            )
        }
        guard [3, 4].contains(x.shape.rank), cosine.shape.rank == 2 else {
            throw operation.mismatch("shapes \(x.shape) and \(cosine.shape) aren't heads and a table")
        }
        let dimension = try operation.int("rotary_embedding_dim", default: 0)
        let named = try operation.int("num_heads", default: 0)
        guard dimension == 0 || named > 0 || x.shape.rank == 4 else {
            throw operation.malformed("it rotates a part of each head and doesn't say how many heads there are")
        }
        let width = max(2 * cosine.shape[1], 1)
        let count = named > 0 ? named : x.shape[-1] / width
        let heads = try x.shape.rank == 4 ? x.expression() : operation.heads(try x.expression(), max(count, 1))
        let rotation = try Rotation(
            operation,
            tables: (cosine, try operation.real(3)),
            positions: try tokenPositions(
                operation,
                try operation.input(1),
                batch: heads.shape[0],
                length: heads.shape[2]
            ),
            length: heads.shape[2],
            turned: dimension == 0 ? min(width, heads.shape[3]) : dimension,
            size: heads.shape[3],
            isInterleaved: try operation.flag("interleaved", default: false)
        )
        let turned = try rotation.applied(to: heads)
        return [Value(x.type, try checked(x.shape.rank == 3 ? turned.transposed(1, 2).reshape(x.shape) : turned))]
    }

    /// Positions `[N, L]`, or `[L]` from one number on.
    static func tokenPositions(_ operation: Operation, _ given: Value, batch: Int, length: Int) throws -> CrypTensor {
        guard given.type.kind == .integer else {
            throw operation.malformed("its positions are \(given.type.rawValue), not integers")
        }
        let positions = try given.expression()
        try ImportBudget.spend(length, for: "positions of \(length) tokens")
        switch given.shape.dimensions {
        case [batch, length]: return positions
        case [1] where given.knownTensor != nil, [] where given.knownTensor != nil:
            let first = wholeNumbers(given.knownTensor ?? Tensor([Int64(0)], shape: []))[0]
            guard (0...1 << 40).contains(first) else { throw operation.mismatch("tokens can't start at \(first)") }
            return CrypTensor(constant: Tensor((0..<Int64(length)).map { first + $0 }, shape: [length]))
        case [1], []:
            return try checked(
                positions.reshape([1]) + CrypTensor(constant: Tensor(Array(0..<length), shape: [length]))
            )
        default:
            throw operation.mismatch(
                "positions of shape \(given.shape) aren't those of \(batch) samples of \(length) tokens"
            )
        }
    }
}
