internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Probabilities of classes from those of pairs of classes.
///
/// Of pairwise estimates r_ij, of class i where it is one of i and j, the p with Σp = 1 are wanted for which Σ (r_ji p_i − r_ij p_j)² is
/// least. With
///
///     Q_ii = Σ_{j≠i} r_ji²,   Q_ij = −r_ji r_ij
///
/// p is the y of (Q + 1·1ᵀ) y = 1 over its sum, which lies between 1/2 and 1: Q itself may have no inverse. That matrix is definite, so that no
/// pivot has to be looked for. Other programs approach the same p by steps, and stop within some thousandths of it.
/// > Wu, Lin, Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling", JMLR 5 (2004).
struct PairwiseProbabilities {
    /// How many classes.
    let count: Int

    /// - Parameter pairs: r_ij for i < j in order, `[samples, pairs]`.
    /// - Returns: `[samples, classes]`.
    /// - Complexity: for more than two classes as many reciprocals, one after another, as there are classes, and one.
    func joint(_ pairs: CrypTensor) -> CrypTensor {
        if count == 2 { return concatenate([pairs, 1 - pairs], axis: 1) }
        var rest = augmentedMatrix(pairs)
        var inverses: [CrypTensor] = []
        // Gauss and Jordan: each pivot clears its column in all other rows.
        for pivot in 0..<count {
            let column = rest[TensorIndex.all, TensorIndex.all, 0..<1]
            let inverse = column[TensorIndex.all, pivot..<pivot + 1].reciprocal(range: 0x1p-4...Double(2 * count))
            inverses.append(inverse)
            rest = rest[TensorIndex.all, TensorIndex.all, 1...]
            let others = (0..<count).filter { $0 != pivot }
            let changed = column.taking(others) * inverse * rest[TensorIndex.all, pivot..<pivot + 1]
            rest = rest - changed.inserting(pivot)
        }
        let solution = (rest * concatenate(inverses, axis: 1)).reshape([pairs.shape[0], count])
        return solution * solution.sum(axis: 1, keepDimensions: true).reciprocal(range: 0x1p-2...2)
    }

    /// Q + 1·1ᵀ, and a column of ones: `[samples, classes, classes + 1]`.
    private func augmentedMatrix(_ pairs: CrypTensor) -> CrypTensor {
        let (samples, half) = (pairs.shape[0], pairs.shape[1])
        // r_ij at i·count + j, and zeros on the diagonal.
        let zeros = CrypTensor(constant: Tensor([Double](repeating: 0, count: samples), shape: [samples, 1]))
        let columns = concatenate([pairs, 1 - pairs, zeros], axis: 1)
        let order = (0..<count * count).map { place -> Int in
            let (i, j) = (place / count, place % count)
            return i == j ? 2 * half : i < j ? pair(i, j) : half + pair(j, i)
        }
        let r = columns.applying(.take(axis: 1, indices: order)).reshape([samples, count, count])
        let opposite = r.permuted(0, 2, 1)
        let squares = opposite.square().sum(axis: 2).reshape([samples * count, 1])
        // Each sum of squares at the place of its row.
        let padded = squares.applying(.pad(before: [0, 0], after: [0, count])).reshape([samples, count * (count + 1)])
        let diagonal = padded[TensorIndex.all, 0..<count * count].reshape([samples, count, count])
        let ones = CrypTensor(
            constant: Tensor([Double](repeating: 1, count: samples * count), shape: [samples, count, 1])
        )
        return concatenate([1 - r * opposite + diagonal, ones], axis: 2)
    }

    /// Where a pair of classes stands among all.
    private func pair(_ i: Int, _ j: Int) -> Int {
        i * (2 * count - i - 1) / 2 + j - i - 1
    }
}

extension CrypTensor {
    /// Rows of each sample.
    fileprivate func taking(_ rows: [Int]) -> CrypTensor {
        applying(.take(axis: 1, indices: rows))
    }

    /// A row of zeros at a place of each sample.
    fileprivate func inserting(_ row: Int) -> CrypTensor {
        let padded = applying(.pad(before: [0, 1, 0], after: [0, 0, 0]))
        return padded.taking((0..<shape[1] + 1).map { $0 < row ? $0 + 1 : $0 == row ? 0 : $0 })
    }
}
