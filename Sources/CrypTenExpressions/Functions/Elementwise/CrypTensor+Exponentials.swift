internal import CrypTenBase
internal import CrypTenRing

/// Exponentials and logarithms.
extension CrypTensor {
    /// eˣ for x ≤ 20.79 with 16 fraction bits: relative error 10⁻³ or absolute 2⁻¹³, whichever is larger. For more the result stays
    /// there, at 1.07·10⁹.
    ///
    /// With f fraction bits results end at 2^(62 − 2f), but not below 2¹⁵ nor above 2³⁰. Of operands that are known to be at most 10, as
    /// of what ReLU's opposite gives, the relative error is 2⁻¹⁶.
    /// - Complexity: 5 rounds.
    public func exp(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { real(at: $0).applying(.exponential, at: $0) }
    }

    /// The natural logarithm for all x > 0 that the encoding holds: absolute error 5·10⁻⁴ with 16 fraction bits.
    ///
    /// A sum of products is read as it is, not truncated: from 2⁻³² to 2³⁰ with 16 fraction bits; other numbers from 2⁻¹⁶ to 2⁴⁶. What is
    /// less than a unit, and so what isn't positive, counts as one: then the result is −22.18, or −11.09.
    /// - Complexity: 6 rounds.
    public func log(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.logarithm(.whole), at: origin)
        }
    }

    /// eˣ over its sum along an axis: absolute error 3·10⁻⁴ for any spread of up to 1,000 numbers.
    ///
    /// - Complexity: 13 rounds, and those of the largest: 23 for up to 16 numbers along the axis, 33 for 256, 38 for 1,024.
    public func softmax(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let (position, shifted) = try shifted(axis: axis, in: "softmax", at: origin)
            return shifted.applying(.normalizedExponential(axis: position), at: origin)
        }
    }

    /// The logarithm of `softmax`: absolute error 10⁻³ for any spread of up to 1,000 numbers.
    ///
    /// - Complexity: 3 rounds fewer than `softmax`.
    public func logSoftmax(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let (position, shifted) = try shifted(axis: axis, in: "logSoftmax", at: origin)
            let sums = shifted.applying(.logarithmOfExponentials(axis: position), at: origin)
            let kept = sums.reshaped(shape.reducing([position], keepDimensions: true), at: origin)
            return shifted.applying(.subtract, kept.broadcasted(to: shape, at: origin), at: origin)
        }
    }

    /// ln Σ eˣ along an axis, without overflow: absolute error 10⁻³ for up to 1,000 numbers.
    ///
    /// - Complexity: as `logSoftmax`.
    public func logSumExp(
        axis: Int,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let (position, shifted) = try shifted(axis: axis, in: "logSumExp", at: origin)
            let sums = shifted.applying(.logarithmOfExponentials(axis: position), at: origin)
            // The largest alone, whose gradient isn't that of the sum, is no more than a shift.
            let largest = real(at: origin).applying(.maximum(axis: position), at: origin).applying(
                .stopGradient,
                at: origin
            )
            let total = sums.applying(.add, largest, at: origin)
            return keepDimensions
                ? total.reshaped(shape.reducing([position], keepDimensions: true), at: origin) : total
        }
    }

    /// This less its largest along an axis, of which the exponentials are at most 1.
    private func shifted(axis: Int, in name: String, at origin: SourceOrigin) throws -> (Int, CrypTensor) {
        let position = try normalized(axis: axis, in: name)
        let x = real(at: origin)
        guard shape[position] > 0 else { return (position, x) }
        let largest = x.applying(.maximum(axis: position), at: origin)
            .applying(.stopGradient, at: origin)
            .reshaped(shape.reducing([position], keepDimensions: true), at: origin)
        return (position, x.applying(.subtract, largest.broadcasted(to: shape, at: origin), at: origin))
    }
}

/// eˣ for x ≤ 10.
///
/// 5 rounds.
public func exp(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.exp(file: file, line: line)
}

/// The natural logarithm for 2⁻¹² ≤ x ≤ 2³⁰.
///
/// 6 rounds.
public func log(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.log(file: file, line: line)
}

/// eˣ over its sum along an axis.
///
/// 13 rounds, and those of the largest.
public func softmax(
    _ x: CrypTensor,
    axis: Int = -1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.softmax(axis: axis, file: file, line: line)
}

/// The logarithm of `softmax`.
public func logSoftmax(
    _ x: CrypTensor,
    axis: Int = -1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.logSoftmax(axis: axis, file: file, line: line)
}

/// ln Σ eˣ along an axis.
public func logSumExp(
    _ x: CrypTensor,
    axis: Int = -1,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.logSumExp(axis: axis, keepDimensions: keepDimensions, file: file, line: line)
}
