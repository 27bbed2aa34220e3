internal import CrypTenBase
internal import CrypTenRing

/// Trigonometric and hyperbolic functions beyond sine and cosine, and their inverses.
extension CrypTensor {
    /// The tangent of x in radians, for |tan x| ≤ 2¹⁰: 10 rounds; relative error 2·10⁻³ or absolute 2⁻¹³.
    public func tan(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            return x.applying(.sine, at: origin)
                .divided(by: x.applying(.cosine, at: origin), range: 0x1p-10...1, file: file, line: line)
        }
    }

    /// The hyperbolic sine for |x| ≤ 10: 6 rounds; relative error 10⁻³ or absolute 2⁻¹³.
    public func sinh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            // Of operands that are no larger exponentials have more bits.
            let x = real(at: origin).applying(.declared(.hyperbolic), at: origin)
            let falling = real(at: origin).applying(.negate, at: origin).applying(.declared(.hyperbolic), at: origin)
                .applying(.exponential, at: origin)
            return x.applying(.exponential, at: origin).applying(.subtract, falling, at: origin)
                .scaled(by: 0.5, at: origin)
        }
    }

    /// The hyperbolic cosine for |x| ≤ 10: 6 rounds; relative error 10⁻³.
    public func cosh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            // Of operands that are no larger exponentials have more bits.
            let x = real(at: origin).applying(.declared(.hyperbolic), at: origin)
            let falling = real(at: origin).applying(.negate, at: origin).applying(.declared(.hyperbolic), at: origin)
                .applying(.exponential, at: origin)
            return x.applying(.exponential, at: origin).applying(.add, falling, at: origin)
                .scaled(by: 0.5, at: origin)
        }
    }

    /// The angle in (−π/2, π/2) whose tangent is x, for all that the encoding holds: a series for |x| ≤ 1, to which a
    /// reciprocal brings larger numbers. Absolute error 2·10⁻⁴; 27 rounds.
    public func atan(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            let size = x.abs(file: file, line: line)
            let one = CrypTensor(constant: Tensor(1.0), at: origin)
            // atan |x| = π/2 − atan(1 / |x|) beyond 1.
            let isLarge = size.greaterThan(one, file: file, line: line)
            let divisor = size.maximum(one, file: file, line: line).minimum(0x1p16, file: file, line: line)
            let inverse = divisor.reciprocal(range: 1...0x1p17, file: file, line: line)
            let small = inverse.where(isLarge, otherwise: size, file: file, line: line)
            let angle = small.applying(.smooth(.arctangent), at: origin)
            let turned = CrypTensor(constant: Tensor(Double.pi / 2), at: origin)
                .where(isLarge, otherwise: CrypTensor(constant: Tensor(0.0), at: origin), file: file, line: line)
            let signed = angle.where(isLarge, otherwise: angle.applying(.negate, at: origin), file: file, line: line)
            let positive = turned.applying(.subtract, signed, at: origin)
            return positive.applying(.bilinear(.multiply), x.sign(file: file, line: line), at: origin)
        }
    }

    /// The angle in [−π/2, π/2] whose sine is x, for −1 ≤ x ≤ 1: `2 · atan(x / (1 + √(1 − x²)))`; absolute error 2·10⁻³,
    /// 19 rounds.
    public func asin(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            let one = CrypTensor(constant: Tensor(1.0), at: origin).broadcasted(to: shape, at: origin)
            let root = one.applying(.subtract, x.square(file: file, line: line), at: origin).sqrt(
                file: file,
                line: line
            )
            // The quotient lies in [−1, 1], where the series holds for both signs.
            return x.divided(
                by: root.applying(.add, one, at: origin),
                range: 1...2,
                isSigned: false,
                file: file,
                line: line
            )
            .applying(.smooth(.arctangent), at: origin).scaled(by: 2, at: origin)
        }
    }

    /// The angle in [0, π] whose cosine is x, for −1 ≤ x ≤ 1: `π/2 − asin(x)`; absolute error 2·10⁻³, 19 rounds.
    public func acos(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let quarter = CrypTensor(constant: Tensor(Double.pi / 2), at: origin).broadcasted(to: shape, at: origin)
            return quarter.applying(.subtract, asin(file: file, line: line), at: origin)
        }
    }

    /// The number whose hyperbolic sine is x, `±log(|x| + √(x² + 1))`, for |x| ≤ 2¹⁴: absolute error 10⁻³,
    /// 16 rounds. The slope is `1 / √(x² + 1)`.
    public func asinh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            let one = CrypTensor(constant: Tensor(1.0), at: origin).broadcasted(to: shape, at: origin)
            let root = x.square(file: file, line: line).applying(.add, one, at: origin).sqrt(file: file, line: line)
            let size = x.abs(file: file, line: line).applying(.add, root, at: origin).log(file: file, line: line)
            return size.applying(.bilinear(.multiply), x.sign(file: file, line: line), at: origin)
                .applying(.known(.inverseHyperbolicSine), x, at: origin)
        }
    }

    /// The number from 0 on whose hyperbolic cosine is x, `log(x + √(x² − 1))`, for 1 ≤ x ≤ 2¹⁴: absolute error 2·10⁻³, near 1
    /// up to 10⁻²; 14 rounds. The slope is `1 / √(x² − 1)`.
    public func acosh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            let one = CrypTensor(constant: Tensor(1.0), at: origin).broadcasted(to: shape, at: origin)
            let root = x.square(file: file, line: line).applying(.subtract, one, at: origin).sqrt(
                file: file,
                line: line
            )
            return x.applying(.add, root, at: origin).log(file: file, line: line)
                .applying(.known(.inverseHyperbolicCosine), x, at: origin)
        }
    }

    /// The number whose hyperbolic tangent is x, `(log(1 + x) − log(1 − x)) / 2`, for |x| ≤ 1 − 2⁻¹²: absolute error 5·10⁻⁴.
    ///
    /// 7 rounds.
    public func atanh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = real(at: origin)
            let one = CrypTensor(constant: Tensor(1.0), at: origin).broadcasted(to: shape, at: origin)
            let above = one.applying(.add, x, at: origin).log(file: file, line: line)
            let below = one.applying(.subtract, x, at: origin).log(file: file, line: line)
            return above.applying(.subtract, below, at: origin).scaled(by: 0.5, at: origin)
        }
    }
}

/// The tangent of x in radians.
public func tan(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.tan(file: file, line: line)
}

extension ValueRange {
    /// The operands of exponentials of which hyperbolic functions are made.
    fileprivate static let hyperbolic = ValueRange(-.infinity, 10.375)
}
