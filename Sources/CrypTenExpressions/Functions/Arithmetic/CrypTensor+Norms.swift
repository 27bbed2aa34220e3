internal import CrypTenBase
internal import CrypTenRing

/// Lengths, deviations and angles.
extension CrypTensor {
    /// The p-norm over the given axes, over all where none are given: the sum of |x| for p = 1, √Σx² for 2, the largest |x| for
    /// infinity, `(Σ |x|^p)^(1/p)` for other p ≥ 1.
    ///
    /// 4 rounds for p = 1, 8 for 2, 4 and those of `max` for infinity; exact for 1 and infinity, else the error is that of `sqrt`,
    /// or of the powers.
    public func norm(
        _ p: Double = 2,
        axes: [Int]? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard p >= 1 else {
                throw CrypTenError(.invalidArgument, "norm of shape \(shape) can't have p = \(p): it is 1 or more")
            }
            func total(_ x: CrypTensor) -> CrypTensor {
                x.sum(axes: axes, keepDimensions: keepDimensions, file: file, line: line)
            }
            let x = real(at: origin)
            switch p {
            case 1: return total(x.abs(file: file, line: line))
            case 2: return total(x.square(file: file, line: line)).sqrt(file: file, line: line)
            case .infinity:
                return x.abs(file: file, line: line)
                    .max(axes: axes, keepDimensions: keepDimensions, file: file, line: line)
            default:
                return total(x.abs(file: file, line: line).pow(p, file: file, line: line))
                    .pow(1 / p, file: file, line: line)
            }
        }
    }

    /// The standard deviation over the given axes, with n − 1 in the denominator where `unbiased`.
    ///
    /// 9 rounds; the error is that of `sqrt`.
    public func std(
        axes: [Int]? = nil,
        unbiased: Bool = false,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { _ in
            variance(axes: axes, unbiased: unbiased, keepDimensions: keepDimensions, file: file, line: line)
                .sqrt(file: file, line: line)
        }
    }

    /// The cosine of the angle between two tensors along an axis, which disappears: `Σxy / √(Σx² · Σy²)`; they broadcast.
    ///
    /// For lengths in [2⁻⁶, 2¹⁵]; shorter vectors count as that long. 12 rounds; absolute error 4·10⁻³.
    public func cosineSimilarity(
        _ other: CrypTensor,
        axis: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            guard let full = Shape.broadcast(shape, other.shape) else {
                throw CrypTenError(
                    .shapeMismatch,
                    "cosineSimilarity can't combine shapes \(shape) and \(other.shape): extents must be equal or 1"
                )
            }
            let x = real(at: origin).broadcasted(to: full, at: origin)
            let y = other.real(at: origin).broadcasted(to: full, at: origin)
            let place = try x.normalized(axis: axis, in: "cosineSimilarity")
            // One of the two roots divides before the products are summed, so that no sum is too large.
            func unit(_ v: CrypTensor) -> CrypTensor {
                let squares = v.applying(.bilinear(.multiply), v, at: origin)
                    .sum(axes: [place], keepDimensions: true, file: file, line: line)
                return v.applying(
                    .bilinear(.multiply),
                    squares.inverseSquareRoot(file: file, line: line),
                    at: origin
                )
            }
            return unit(x).applying(.bilinear(.multiply), unit(y), at: origin)
                .sum(axes: [place], file: file, line: line)
        }
    }
}

/// The p-norm over the given axes.
public func norm(
    _ x: CrypTensor,
    _ p: Double = 2,
    axes: [Int]? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.norm(p, axes: axes, keepDimensions: keepDimensions, file: file, line: line)
}

/// The cosine of the angle between two tensors along an axis.
public func cosineSimilarity(
    _ x: CrypTensor,
    _ y: CrypTensor,
    axis: Int = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.cosineSimilarity(y, axis: axis, file: file, line: line)
}
