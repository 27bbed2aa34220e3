internal import CrypTenBase
internal import CrypTenRing

/// Sums, means and largest elements along axes.
extension CrypTensor {
    /// The sum over the given axes, over all where none are given. Local; bits count as integers, after one round.
    ///
    /// - Parameters:
    ///   - axes: Axes that disappear; negative ones count from the last.
    ///   - keepDimensions: Whether they stay with extent 1 instead.
    public func sum(
        axes: [Int]? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gone = try normalized(axes: axes, in: "sum")
            let total = gone.isEmpty ? number(at: origin) : number(at: origin).applying(.sum(axes: gone), at: origin)
            return keepDimensions ? total.reshaped(shape.reducing(gone, keepDimensions: true), at: origin) : total
        }
    }

    /// The sum over one axis.
    ///
    /// Local.
    public func sum(
        axis: Int,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        sum(axes: [axis], keepDimensions: keepDimensions, file: file, line: line)
    }

    /// The mean over the given axes, over all where none are given: the sum times 1/n, a real. Local up to the
    /// truncation.
    public func mean(
        axes: [Int]? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gone = try normalized(axes: axes, in: "mean")
            let count = gone.reduce(1) { $0 * shape[$1] }
            guard count > 0 else {
                throw CrypTenError(.shapeMismatch, "mean over axes \(gone) of shape \(shape) has no elements")
            }
            return sum(axes: gone, keepDimensions: keepDimensions, file: file, line: line).scaled(
                by: 1 / Double(count),
                at: origin
            )
        }
    }

    /// The mean over one axis.
    ///
    /// Local up to the truncation.
    public func mean(
        axis: Int,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        mean(axes: [axis], keepDimensions: keepDimensions, file: file, line: line)
    }

    /// The mean of the squared distances from the mean over the given axes, divided by n, or by n − 1 where `unbiased`.
    ///
    /// 1 round.
    public func variance(
        axes: [Int]? = nil,
        unbiased: Bool = false,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gone = try normalized(axes: axes, in: "variance")
            let count = gone.reduce(1) { $0 * shape[$1] } - (unbiased ? 1 : 0)
            guard count > 0 else {
                throw CrypTenError(.shapeMismatch, "variance over axes \(gone) of shape \(shape) has too few elements")
            }
            let distance = self - mean(axes: gone, keepDimensions: true, file: file, line: line)
            return distance.square(file: file, line: line)
                .sum(axes: gone, keepDimensions: keepDimensions, file: file, line: line).scaled(
                    by: 1 / Double(count),
                    at: origin
                )
        }
    }

    /// The largest along an axis, which disappears; 5 rounds for every factor of four, maskings included.
    ///
    /// Exact while differences of elements fit in 63 bits: 2^(63 − fractionBits), 2⁴⁷ with 16; of products 2³¹.
    public func max(
        axis: Int,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        max(axes: [axis], keepDimensions: keepDimensions, file: file, line: line)
    }

    /// The largest over several axes, over all where none are given; 5 rounds for every factor of four, maskings included.
    public func max(
        axes: [Int]? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gone = try normalized(axes: axes, in: "max")
            return try largest(over: gone, keepDimensions: keepDimensions, at: origin)
        }
    }

    /// The smallest along an axis, which disappears; costs what `max` costs.
    public func min(
        axis: Int,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        min(axes: [axis], keepDimensions: keepDimensions, file: file, line: line)
    }

    /// The smallest over several axes, over all where none are given; costs what `max` costs.
    public func min(
        axes: [Int]? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gone = try normalized(axes: axes, in: "min")
            return try number(at: origin).applying(.negate, at: origin)
                .largest(over: gone, keepDimensions: keepDimensions, at: origin).applying(.negate, at: origin)
        }
    }

    /// The lowest index of the largest along an axis, an integer; the position among all elements where no axis is
    /// given.
    ///
    /// 5 rounds for every factor of four, maskings included.
    public func argmax(
        axis: Int? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let values = number(at: origin)
            guard let axis else {
                let index = values.reshaped([count], at: origin).applying(.argmax(axis: 0), at: origin)
                return keepDimensions ? index.reshaped(Shape(shape.dimensions.map { _ in 1 }), at: origin) : index
            }
            let position = try normalized(axis: axis, in: "argmax")
            let index = values.applying(.argmax(axis: position), at: origin)
            return keepDimensions && index.error == nil
                ? index.reshaped(shape.reducing([position], keepDimensions: true), at: origin) : index
        }
    }

    /// The lowest index of the smallest along an axis; costs what `argmax` costs.
    public func argmin(
        axis: Int? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            number(at: origin).applying(.negate, at: origin)
                .argmax(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
        }
    }

    /// The largest over different axes: they are moved together, in front, and become one.
    func largest(over gone: [Int], keepDimensions: Bool, at origin: SourceOrigin) throws -> CrypTensor {
        if gone.isEmpty { return self }
        let kept = (0..<rank).filter { !gone.contains($0) }
        let extent = gone.reduce(1) { $0 * shape[$1] }
        guard extent > 0 else {
            throw CrypTenError(.shapeMismatch, "max over axes \(gone) of shape \(shape) has no elements")
        }
        let result =
            if gone.count == 1 {
                number(at: origin).applying(.maximum(axis: gone[0]), at: origin)
            } else {
                number(at: origin).permuted(positions: gone.sorted() + kept, at: origin)
                    .reshaped(Shape([extent] + kept.map { shape[$0] }), at: origin).applying(
                        .maximum(axis: 0),
                        at: origin
                    )
            }
        return keepDimensions ? result.reshaped(shape.reducing(gone, keepDimensions: true), at: origin) : result
    }

    /// This as reals times one public real number.
    func scaled(by factor: Double, at origin: SourceOrigin?) -> CrypTensor {
        if factor == 1 { return real(at: origin) }
        return real(at: origin).applying(
            .bilinear(.multiply),
            CrypTensor(constant: Tensor(factor), at: origin),
            at: origin
        )
    }
}

/// The sum over the given axes, over all where none are given.
///
/// Local.
public func sum(
    _ x: CrypTensor,
    axes: [Int]? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.sum(axes: axes, keepDimensions: keepDimensions, file: file, line: line)
}

/// The mean over the given axes, over all where none are given.
///
/// Local up to the truncation.
public func mean(
    _ x: CrypTensor,
    axes: [Int]? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.mean(axes: axes, keepDimensions: keepDimensions, file: file, line: line)
}

/// The mean of the squared distances from the mean.
///
/// 1 round.
public func variance(
    _ x: CrypTensor,
    axes: [Int]? = nil,
    unbiased: Bool = false,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.variance(axes: axes, unbiased: unbiased, keepDimensions: keepDimensions, file: file, line: line)
}

/// The largest over the given axes, over all where none are given; 5 rounds for every factor of four, maskings included.
public func max(
    _ x: CrypTensor,
    axes: [Int]? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.max(axes: axes, keepDimensions: keepDimensions, file: file, line: line)
}

/// The smallest over the given axes, over all where none are given; 5 rounds for every factor of four, maskings included.
public func min(
    _ x: CrypTensor,
    axes: [Int]? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.min(axes: axes, keepDimensions: keepDimensions, file: file, line: line)
}

/// The lowest index of the largest along an axis; 5 rounds for every factor of four, maskings included.
public func argmax(
    _ x: CrypTensor,
    axis: Int? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.argmax(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
}

/// The lowest index of the smallest along an axis; 5 rounds for every factor of four, maskings included.
public func argmin(
    _ x: CrypTensor,
    axis: Int? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.argmin(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
}

/// The sum over one axis.
///
/// Local.
public func sum(
    _ x: CrypTensor,
    axis: Int,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.sum(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
}

/// The mean over one axis.
///
/// Local up to the truncation.
public func mean(
    _ x: CrypTensor,
    axis: Int,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.mean(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
}

/// The largest along one axis; 5 rounds for every factor of four, maskings included.
public func max(
    _ x: CrypTensor,
    axis: Int,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.max(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
}

/// The smallest along one axis; 5 rounds for every factor of four, maskings included.
public func min(
    _ x: CrypTensor,
    axis: Int,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.min(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
}
