internal import CrypTenBase
internal import CrypTenRing

/// Scaled dot-product attention: `softmax(q kᵀ · scale + bias) v` over the last two axes; Vaswani and others 2017.
///
/// - Parameters:
///   - query: `[…, S, D]`.
///   - key: `[…, T, D]`.
///   - value: `[…, T, V]`.
///   - mask: Bits, 1 where a query may read a key, or reals that are added to the scores; broadcasts to `[…, S, T]`. Every query
///     reads at least one key.
///   - isCausal: Whether query i reads keys up to i alone.
///   - scale: `1 / √D` where nil.
/// - Returns: `[…, S, V]`; what `softmax` errs in its weights, times the values.
/// - Complexity: 3 rounds more than `softmax`, and 1 for a mask of secret bits.
public func scaledDotProductAttention(
    _ query: CrypTensor,
    _ key: CrypTensor,
    _ value: CrypTensor,
    mask: CrypTensor? = nil,
    isCausal: Bool = false,
    scale: Double? = nil,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([query, key, value] + [mask].compactMap(\.self), file: file, line: line) { origin in
        guard query.rank >= 2, key.rank >= 2, value.rank >= 2, query.shape[-1] == key.shape[-1],
            key.shape[-2] == value.shape[-2], key.shape[-2] > 0, query.shape[-1] > 0
        else {
            throw CrypTenError(
                .shapeMismatch,
                "scaledDotProductAttention can't combine shapes \(query.shape), \(key.shape) and \(value.shape): "
                    + "it takes […, S, D], […, T, D] and […, T, V]"
            )
        }
        let factor = scale ?? 1 / Double(query.shape[-1]).squareRoot()
        var scores = query.matmul(key.transposed(-2, -1), file: file, line: line).scaled(by: factor, at: origin)
        // As good as minus infinity for a softmax, and in the range of every fixed point.
        let never = CrypTensor(constant: Tensor(-0x1p24), at: origin)
        if let mask {
            scores =
                mask.kind == .bit
                ? scores.where(mask, otherwise: never, file: file, line: line) : scores.adding(mask, at: origin)
        }
        if isCausal, scores.error == nil {
            let (rows, columns) = (query.shape[-2], key.shape[-2])
            try scores.checkListed([rows, columns], in: "scaledDotProductAttention")
            let allowed = (0..<rows).flatMap { row in (0..<columns).map { $0 <= row } }
            let triangle = CrypTensor(constant: Tensor(.bool(allowed), shape: [rows, columns]), at: origin)
            scores = scores.where(triangle, otherwise: never, file: file, line: line)
        }
        return scores.softmax(axis: -1, file: file, line: line).matmul(value, file: file, line: line)
    }
}
