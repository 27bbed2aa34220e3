/// Scaled dot-product attention of `[N, heads, T, D]` whose weights are dropped in training; in evaluation
/// ``scaledDotProductAttention(_:_:_:mask:isCausal:scale:file:line:)`` itself.
func attention(
    _ query: CrypTensor,
    _ key: CrypTensor,
    _ value: CrypTensor,
    mask: CrypTensor?,
    isCausal: Bool = false,
    dropout: Dropout,
    at place: LayerPlace
) -> CrypTensor {
    let (file, line) = (place.file, place.line)
    guard dropout.isDropping else {
        return scaledDotProductAttention(query, key, value, mask: mask, isCausal: isCausal, file: file, line: line)
    }
    return CrypTensor.composing([query, key, value] + [mask].compactMap(\.self), file: file, line: line) { origin in
        let (rows, columns) = (query.shape[-2], key.shape[-2])
        guard rows <= (1 << 26) / max(1, columns) else {
            throw CrypTenError(
                .outOfRange,
                "attention of \(rows) steps to \(columns) takes more than 2^26 scores a head; take shorter sequences"
            )
        }
        // As good as minus infinity for a softmax, as in attention without dropout.
        let never = CrypTensor(constant: Tensor(-0x1p24), at: origin)
        var scores = query.matmul(key.transposed(-2, -1), file: file, line: line)
        scores *= 1 / Double(query.shape[-1]).squareRoot()
        if let mask {
            scores = mask.kind == .bit ? scores.where(mask, otherwise: never, file: file, line: line) : scores + mask
        }
        if isCausal {
            let allowed = (0..<rows).flatMap { row in (0..<columns).map { $0 <= row } }
            let triangle = CrypTensor(constant: Tensor(.bool(allowed), shape: [rows, columns]), at: origin)
            scores = scores.where(triangle, otherwise: never, file: file, line: line)
        }
        return dropout(scores.softmax(axis: -1, file: file, line: line)).matmul(value, file: file, line: line)
    }
}
