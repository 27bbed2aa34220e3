internal import CrypTenBase
internal import CrypTenRing

/// Determinants and inverses of square matrices, which are the last two axes.
extension CrypTensor {
    /// The determinant of each matrix `[…, n, n]`, for n up to 6: by the first row's minors, which share theirs.
    ///
    /// Products and sums alone, so it is defined for singular matrices too. All products lie within 2^(62 − 2·fractionBits), 2³⁰
    /// with 16. 2n − 3 rounds, n − 1 of integers.
    public func determinant(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard rank >= 2, shape[-1] == shape[-2], (1...6).contains(shape[-1]) else {
                throw CrypTenError(
                    .shapeMismatch,
                    "determinant can't take shape \(shape): it takes square matrices of up to 6 rows"
                )
            }
            let (size, x) = (shape[-1], number(at: origin))
            func element(_ row: Int, _ column: Int) -> CrypTensor {
                x.narrowed(axis: rank - 2, start: row, length: 1, at: origin)
                    .narrowed(axis: rank - 1, start: column, length: 1, at: origin)
            }
            // Minors of the last rows, by the columns that they have.
            var minors: [Int: CrypTensor] = [:]
            for column in 0..<size { minors[1 << column] = element(size - 1, column) }
            for row in (0..<size - 1).reversed() {
                var larger: [Int: CrypTensor] = [:]
                for columns in 1..<(1 << size) where columns.nonzeroBitCount == size - row {
                    var (sum, place): (CrypTensor?, Int) = (nil, 0)
                    for column in 0..<size where columns & (1 << column) != 0 {
                        guard let minor = minors[columns ^ (1 << column)] else { continue }
                        let term = element(row, column).applying(.bilinear(.multiply), minor, at: origin)
                        sum = sum.map { $0.applying(place % 2 == 0 ? .add : .subtract, term, at: origin) } ?? term
                        place += 1
                    }
                    larger[columns] = sum
                }
                minors = larger
            }
            let whole = minors[(1 << size) - 1] ?? x
            return whole.reshaped(Shape(shape.dimensions.dropLast(2).map(\.self)), at: origin)
        }
    }

    /// The inverse of each matrix `[…, n, n]` by Newton and Schulz, `V ← V (2I − A V)` from `V = Aᵀ / (‖A‖₁ ‖A‖∞)`, which
    /// converges for every invertible matrix; Ben-Israel and Cohen 1966.
    ///
    /// For well-conditioned matrices: after `iterations` steps the relative error is `(1 − κ⁻²)^(2^iterations)` for a condition
    /// number κ measured in that starting point, 10⁻⁴ for κ ≤ 20 with the usual 14; rounding adds κ² units of the encoding.
    /// Entries of the inverse lie within 2¹⁰. 2 rounds a step, and those of a maximum and a reciprocal.
    public func inverse(iterations: Int = 14, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard rank >= 2, shape[-1] == shape[-2], shape[-1] > 0 else {
                throw CrypTenError(.shapeMismatch, "inverse can't take shape \(shape): it takes square matrices")
            }
            guard (1...64).contains(iterations) else {
                throw CrypTenError(.invalidArgument, "inverse can't take \(iterations) steps: 1 to 64")
            }
            let (a, size) = (real(at: origin), shape[-1])
            try checkListed([size, size], in: "inverse")
            let magnitude = a.abs(file: file, line: line)
            func largest(summing axis: Int) -> CrypTensor {
                magnitude.sum(axes: [axis], keepDimensions: true, file: file, line: line)
                    .max(axes: [rank - 2, rank - 1], keepDimensions: true, file: file, line: line)
            }
            let scale = largest(summing: rank - 2).reciprocal(file: file, line: line)
                .applying(
                    .bilinear(.multiply),
                    largest(summing: rank - 1).reciprocal(file: file, line: line),
                    at: origin
                )
            let identity = (0..<size * size).map { $0 % (size + 1) == 0 ? 2.0 : 0 }
            let two = CrypTensor(constant: Tensor(identity, shape: [size, size]), at: origin)
                .broadcasted(to: shape, at: origin)
            let product = Primitive.bilinear(.matmul(transposeLeft: false, transposeRight: false))
            var v = a.transposed(rank - 2, rank - 1, file: file, line: line)
                .applying(.bilinear(.multiply), scale, at: origin)
            for _ in 0..<iterations {
                v = v.applying(
                    product,
                    two.applying(.subtract, a.applying(product, v, at: origin), at: origin),
                    at: origin
                )
            }
            return v
        }
    }
}
