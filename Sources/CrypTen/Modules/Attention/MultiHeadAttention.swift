/// Attention of several heads; state `in_proj_weight [3E, E]`, `in_proj_bias [3E]`, `out_proj.weight [E, E]`, `out_proj.bias [E]`; of keys or
/// values of other widths `q_proj_weight [E, E]`, `k_proj_weight [E, K]` and `v_proj_weight [E, V]` in the first one's place; Vaswani and
/// others 2017.
///
/// 2 rounds more than ``scaledDotProductAttention(_:_:_:mask:isCausal:scale:file:line:)``. Of one tensor as query, key and value the three
/// projections are one product.
public struct MultiHeadAttention: StatefulModule, Layer {
    /// The projections.
    public var state: ModuleState
    private let width: Int
    private let heads: Int
    private let batchFirst: Bool
    private var dropout: Dropout

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - width: The last extent of queries and results, E.
    ///   - heads: How many; they divide the width.
    ///   - dropout: The probability with which a key's weight is dropped in training.
    ///   - bias: Whether the projections have biases.
    ///   - keyWidth: The last extent of keys; nil: E.
    ///   - valueWidth: The last extent of values; nil: E.
    ///   - batchFirst: Whether operands are `[N, T, E]` and not `[T, N, E]`.
    public init(
        _ width: Int,
        heads: Int,
        dropout: Double = 0,
        bias: Bool = true,
        keyWidth: Int? = nil,
        valueWidth: Int? = nil,
        batchFirst: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.width, self.heads, self.batchFirst) = (width, heads, batchFirst)
        self.dropout = Dropout(dropout, file: file, line: line)
        state = ModuleState(of: "MultiHeadAttention", file: file, line: line)
        state.require(
            (1...1 << 20).contains(width) && heads > 0 && width.isMultiple(of: max(1, heads)),
            "\(heads) heads don't divide width \(width)"
        )
        let whole = 3.multipliedReportingOverflow(by: width).partialValue
        if keyWidth ?? width == width, valueWidth ?? width == width {
            state.declare("in_proj_weight", [whole, width], .xavierUniform())
        } else {
            state.declare("q_proj_weight", [width, width], .xavierUniform())
            state.declare("k_proj_weight", [width, keyWidth ?? width], .xavierUniform())
            state.declare("v_proj_weight", [width, valueWidth ?? width], .xavierUniform())
        }
        if bias { state.declare("in_proj_bias", [whole], .zeros) }
        state.declare("out_proj.weight", [width, width], .layerWeight)
        if bias { state.declare("out_proj.bias", [width], .zeros) }
    }

    /// The layer in training, or in evaluation.
    public func training(_ isOn: Bool) -> MultiHeadAttention {
        var out = self
        out.dropout = dropout.training(isOn)
        return out
    }

    /// What each step of a sequence reads of the sequence itself.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { self(x, x, x) }

    /// What each query reads.
    ///
    /// - Parameters:
    ///   - query: `[S, N, E]`, or `[N, S, E]` where the batch comes first.
    ///   - key: `[T, N, K]`, or `[N, T, K]`.
    ///   - value: `[T, N, V]`, or `[N, T, V]`.
    ///   - mask: Bits, 1 where a query may read a key (PyTorch's are 1 where it may not), or reals that are added to the scores; broadcasts
    ///     to `[N, heads, S, T]`.
    ///   - isCausal: Whether step i reads steps up to i alone.
    /// - Returns: In the query's shape.
    public func callAsFunction(
        _ query: CrypTensor,
        _ key: CrypTensor,
        _ value: CrypTensor,
        mask: CrypTensor? = nil,
        isCausal: Bool = false
    ) -> CrypTensor {
        let (file, line) = (state.place.file, state.place.line)
        let own = state[.parameter].map(\.tensor)
        return CrypTensor.composing([query, key, value] + own, file: file, line: line) { _ in
            let (batch, step) = batchFirst ? (0, 1) : (1, 0)
            guard query.rank == 3, key.rank == 3, value.rank == 3, query.shape[2] == width,
                query.shape[batch] == key.shape[batch], key.shape[batch] == value.shape[batch],
                key.shape[step] == value.shape[step]
            else {
                throw CrypTenError(
                    .shapeMismatch,
                    "MultiHeadAttention of width \(width) can't combine shapes \(query.shape), \(key.shape) and \(value.shape): it takes "
                        + (batchFirst ? "[N, S, E], [N, T, K] and [N, T, V]" : "[S, N, E], [T, N, K] and [T, N, V]")
                )
            }
            let parts = projected(query, key, value).map(split)
            if let broken = parts.first(where: { $0.error != nil }) { return broken }
            let read = attention(
                parts[0],
                parts[1],
                parts[2],
                mask: mask,
                isCausal: isCausal,
                dropout: dropout,
                at: state.place
            )
            if read.error != nil { return read }
            let joined = read.permuted(batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3], file: file, line: line)
                .reshape(query.shape, file: file, line: line)
            return withLayer("out_proj") {
                joined.linear(state.tensor("out_proj.weight"), bias: state["out_proj.bias"], file: file, line: line)
            }
        }
    }

    /// Queries, keys and values, each of width E.
    private func projected(_ query: CrypTensor, _ key: CrypTensor, _ value: CrypTensor) -> [CrypTensor] {
        let (file, line) = (state.place.file, state.place.line)
        func part(_ tensor: CrypTensor, _ index: Int, axis: Int) -> CrypTensor {
            tensor.narrow(axis: axis, start: index * width, length: width, file: file, line: line)
        }
        let bias = state["in_proj_bias"]
        let isSelf = query.node === key.node && key.node === value.node
        if let weight = state["in_proj_weight"], isSelf {
            let all = withLayer("in_proj") { query.linear(weight, bias: bias, file: file, line: line) }
            return (0..<3).map { part(all, $0, axis: 2) }
        }
        return zip(["q", "k", "v"], [query, key, value]).enumerated().map { index, pair in
            let weight =
                state["in_proj_weight"].map { part($0, index, axis: 0) } ?? state.tensor("\(pair.0)_proj_weight")
            return withLayer("\(pair.0)_proj") {
                pair.1.linear(weight, bias: bias.map { part($0, index, axis: 0) }, file: file, line: line)
            }
        }
    }

    /// `[N, heads, T, E / heads]`
    private func split(_ x: CrypTensor) -> CrypTensor {
        if x.error != nil { return x }
        let apart = Array(x.shape.dimensions.prefix(2)) + [heads, width / heads]
        return x.reshape(apart, file: state.place.file, line: state.place.line)
            .permuted(batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3], file: state.place.file, line: state.place.line)
    }
}
