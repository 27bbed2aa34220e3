internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Means of values, weighted by how well keys fit queries, head by head: `softmax(mask(cap(factor · q kᵀ))) v`.
struct HeadAttention {
    /// The scores before anything is done to them, after the cap, and after the mask: `[N, H, L, T]`.
    let raw, capped, scores: CrypTensor
    /// What the values are weighted by.
    let weights: CrypTensor
    /// The means, `[N, H, L, V]`.
    let result: CrypTensor

    /// - Parameters:
    ///   - query: `[N, H, L, D]`.
    ///   - key: `[N, G, T, D]`, where G heads stand for H each: as many queries share one.
    ///   - value: `[N, G, T, V]`.
    ///   - softcap: Where it isn't 0, what no score exceeds: `c · tanh(score / c)`.
    ///   - sink: `[H]`, a score for each head that takes weight from the others and has no value.
    init(
        _ operation: Operation,
        query: CrypTensor,
        key: CrypTensor,
        value: CrypTensor,
        factor: Double,
        softcap: Double = 0,
        mask: AttentionMask,
        sink: CrypTensor? = nil
    ) throws {
        guard query.rank == 4, key.rank == 4, value.rank == 4, query.shape[3] == key.shape[3],
            query.shape[0] == key.shape[0], value.shape[0] == key.shape[0], key.shape[2] == value.shape[2],
            key.shape[1] == value.shape[1]
        else {
            throw operation.mismatch(
                "shapes \(query.shape), \(key.shape) and \(value.shape) aren't queries, keys and values"
            )
        }
        let heads = query.shape[1]
        guard key.shape[1] > 0, heads % key.shape[1] == 0 else {
            throw operation.mismatch("\(heads) heads of queries can't share \(key.shape[1]) of keys")
        }
        func shared(_ x: CrypTensor) -> CrypTensor {
            heads == x.shape[1] ? x : x.repeated(heads / x.shape[1], axis: 1)
        }
        raw = try checked(query.matmul(shared(key).transposed(2, 3)) * factor)
        capped = softcap == 0 ? raw : (raw * (1 / softcap)).tanh() * softcap
        scores = try mask.applied(to: capped)
        guard scores.shape == raw.shape else {
            throw operation.mismatch("a mask doesn't fit scores of shape \(raw.shape): it makes them \(scores.shape)")
        }
        if let sink {
            let column = sink.reshape([1, heads, 1, 1]).broadcast(to: Shape(raw.shape.dimensions.dropLast() + [1]))
            let all = concatenate([scores, column], axis: 3).softmax(axis: -1)
            weights = try checked(all.narrow(axis: 3, start: 0, length: raw.shape[3]))
        } else {
            weights = try checked(mask.withoutEmptyRows(scores.softmax(axis: -1)))
        }
        result = try checked(weights.matmul(shared(value)))
    }

    /// The heads' means side by side, `[N, L, H · V]`.
    var joined: CrypTensor {
        result.transposed(1, 2).reshape([
            result.shape[0], result.shape[2], result.shape[1] * result.shape[3],
        ])
    }
}

extension Operation {
    /// Heads `[N, H, L, D]` of `[N, L, H · D]`.
    func heads(_ x: CrypTensor, _ count: Int) throws -> CrypTensor {
        guard x.rank == 3, count >= 1, x.shape[2] % count == 0 else {
            throw mismatch("shape \(x.shape) isn't [N, L, H · D] with \(count) heads")
        }
        return x.reshape([x.shape[0], x.shape[1], count, x.shape[2] / count]).transposed(1, 2)
    }

    /// By what scores are multiplied: an attribute, or `1 / √D` where it is 0 or left out.
    func scale(ofHeads size: Int) throws -> Double {
        let given = try float("scale", default: 0)
        return given == 0 ? 1 / Double(max(size, 1)).squareRoot() : given
    }
}
