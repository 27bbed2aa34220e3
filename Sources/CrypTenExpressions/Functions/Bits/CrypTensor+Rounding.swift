internal import CrypTenBase
internal import CrypTenRing

/// Whole numbers near a real one, and remainders: exact on the encoded numbers.
///
/// For |x| < 2^(62 − fractionBits), 2⁴⁶ with 16; a product counts as the number to which it is truncated. Results have the
/// kind of this tensor; integers stay as they are.
extension CrypTensor {
    /// The largest whole number that isn't above x: 5 rounds.
    public func floor(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { wholeBelow(at: $0) }
    }

    /// The smallest whole number that isn't below x: 5 rounds.
    public func ceil(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind == .real else { return number(at: origin) }
            return applying(.negate, at: origin).wholeBelow(at: origin).applying(.negate, at: origin)
        }
    }

    /// The whole number next to x towards 0: 9 rounds.
    public func trunc(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind == .real else { return number(at: origin) }
            let positive = applying(.relu, at: origin)
            let negative = positive.applying(.subtract, self, at: origin)
            return positive.wholeBelow(at: origin).applying(.subtract, negative.wholeBelow(at: origin), at: origin)
        }
    }

    /// The whole number nearest to x; of two as near the even one, as IEEE 754 and ONNX have it.
    ///
    /// 15 rounds.
    public func round(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind == .real else { return number(at: origin) }
            func constant(_ value: Double) -> CrypTensor {
                CrypTensor(constant: Tensor(value), at: origin).broadcasted(to: shape, at: origin)
            }
            let raised = applying(.add, constant(0.5), at: origin)
            let up = raised.wholeBelow(at: origin)
            // x lies halfway where x + 1/2 is whole; then an odd result is one too many.
            let isHalfway = raised.applying(.subtract, up, at: origin).applying(.isZero, at: origin)
            let half = up.scaled(by: 0.5, at: origin)
            let isOdd = half.applying(.subtract, half.wholeBelow(at: origin), at: origin)
                .applying(.isZero, at: origin).applying(.not, at: origin)
            let excess = isHalfway.applying(.and, isOdd, at: origin).applying(.select, constant(1), at: origin)
            return up.applying(.subtract, excess, at: origin)
        }
    }

    /// What is left of x after whole multiples of a public divisor are taken away, with the divisor's sign: Python's `%`.
    ///
    /// `x − d · ⌊x / d⌋`, exact for integers of magnitude up to 2³⁰; of reals within |x| rounding units of `1 / d`, and exact for
    /// powers of two. 10 rounds.
    public func remainder(_ divisor: Double, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try remainder(divisor, towardZero: false, name: "remainder", at: origin)
        }
    }

    /// What is left of x after whole multiples of a public divisor are taken away, with the sign of x: C's `fmod`.
    ///
    /// As `remainder`; 14 rounds.
    public func fmod(_ divisor: Double, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try remainder(divisor, towardZero: true, name: "fmod", at: origin)
        }
    }

    /// What is left of x after whole multiples of a secret divisor are taken away, with the divisor's sign; they broadcast.
    ///
    /// For divisors of 2⁻¹⁰ ≤ |y| ≤ 2²⁰ and quotients up to 2⁸: exact for integers, and for reals as the product of the whole
    /// quotient and the divisor is.
    public func remainder(
        dividingBy divisor: CrypTensor,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, divisor], file: file, line: line) { origin in
            let (x, y) = CrypTensor.unified(self, divisor, at: origin)
            let sign = y.sign(file: file, line: line)
            let rest = try x.applying(.bilinear(.multiply), sign, at: origin)
                .split(by: y.abs(file: file, line: line), name: "remainder", at: origin).rest
            return rest.applying(.bilinear(.multiply), sign, at: origin)
        }
    }

    /// What is left of x after whole multiples of a secret divisor are taken away, with the sign of x; they broadcast.
    ///
    /// As `remainder`.
    public func fmod(dividingBy divisor: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, divisor], file: file, line: line) { origin in
            let (x, y) = CrypTensor.unified(self, divisor, at: origin)
            let rest = try x.abs(file: file, line: line)
                .split(by: y.abs(file: file, line: line), name: "fmod", at: origin).rest
            return rest.applying(.bilinear(.multiply), x.sign(file: file, line: line), at: origin)
        }
    }

    /// The quotient of integers without its fraction, as C's `/` has it; they broadcast.
    ///
    /// Exact for divisors of 1 ≤ |y| ≤ 2²⁰ and quotients up to 2⁸.
    public func truncatedQuotient(
        _ divisor: CrypTensor,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, divisor], file: file, line: line) { origin in
            guard kind != .real, divisor.kind != .real else {
                throw CrypTenError(
                    .invalidArgument,
                    "truncatedQuotient can't take \(kind.rawValue) \(shape) and \(divisor.kind.rawValue) \(divisor.shape): it takes integers"
                )
            }
            let (x, y) = (number(at: origin), divisor.number(at: origin))
            let quotient = try x.abs(file: file, line: line)
                .split(by: y.abs(file: file, line: line), name: "truncatedQuotient", at: origin).quotient
            let signs = x.sign(file: file, line: line)
                .applying(.bilinear(.multiply), y.sign(file: file, line: line), at: origin)
            return quotient.applying(.bilinear(.multiply), signs, at: origin)
        }
    }

    /// The whole quotient by a positive divisor, an integer, and the rest from 0 on and below the divisor: a quotient within 1 is
    /// put right by two comparisons.
    private func split(
        by divisor: CrypTensor,
        name: String,
        at origin: SourceOrigin
    ) throws -> (quotient: CrypTensor, rest: CrypTensor) {
        guard let full = Shape.broadcast(shape, divisor.shape) else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't combine shapes \(shape) and \(divisor.shape): extents must be equal or 1"
            )
        }
        let x = broadcasted(to: full, at: origin)
        let y = divisor.broadcasted(to: full, at: origin)
        let near = x.divided(by: y, range: 0x1p-10...0x1p20, isSigned: false).applying(.floor, at: origin)
        let rest = x.applying(.subtract, near.applying(.bilinear(.multiply), y, at: origin), at: origin)
        let low = rest.applying(.isNegative, at: origin)
        let high = rest.applying(.subtract, y, at: origin).applying(.isNegative, at: origin).applying(.not, at: origin)
        let quotient = near.applying(.subtract, low.number(at: origin), at: origin)
            .applying(.add, high.number(at: origin), at: origin)
        let whole = rest.applying(.add, low.applying(.select, y, at: origin), at: origin)
            .applying(.subtract, high.applying(.select, y, at: origin), at: origin)
        return (quotient, whole)
    }

    /// `⌊x⌋` as this tensor's kind.
    private func wholeBelow(at origin: SourceOrigin) -> CrypTensor {
        kind == .real
            ? applying(.floor, at: origin).applying(.toReal, at: origin) : number(at: origin)
    }

    private func remainder(
        _ divisor: Double,
        towardZero: Bool,
        name: String,
        at origin: SourceOrigin
    ) throws -> CrypTensor {
        guard divisor.isFinite, divisor != 0 else {
            throw CrypTenError(.invalidArgument, "\(name) can't divide shape \(shape) by \(divisor)")
        }
        if towardZero {
            // Of the magnitude, with the sign back.
            let x = number(at: origin)
            let positive = x.applying(.relu, at: origin)
            let negative = positive.applying(.subtract, x, at: origin)
            let size = divisor.magnitude
            return try positive.remainder(size, towardZero: false, name: name, at: origin)
                .applying(
                    .subtract,
                    try negative.remainder(size, towardZero: false, name: name, at: origin),
                    at: origin
                )
        }
        let x = number(at: origin)
        let isWhole = kind != .real && Int(exactly: divisor) != nil
        let factor =
            isWhole ? CrypTensor(whole: Int(divisor), at: origin) : CrypTensor(constant: Tensor(divisor), at: origin)
        // A quotient that is rounded may be one off near a multiple: one comparison with the divisor puts it right.
        let quotient = x.real(at: origin).scaled(by: 1 / divisor, at: origin).applying(.floor, at: origin)
        let multiple = quotient.applying(.bilinear(.multiply), factor, at: origin)
        let (a, b) = CrypTensor.unified(x, multiple, at: origin)
        let rest = a.applying(.subtract, b, at: origin)
        let bound = (rest.kind == .real ? factor.real(at: origin) : factor).broadcasted(to: shape, at: origin)
        let (low, high): (CrypTensor, CrypTensor)
        if divisor > 0 {
            low = rest.applying(.isNegative, at: origin)
            high = rest.applying(.subtract, bound, at: origin).applying(.isNegative, at: origin).applying(
                .not,
                at: origin
            )
        } else {
            low = rest.applying(.negate, at: origin).applying(.isNegative, at: origin)
            high = bound.applying(.subtract, rest, at: origin).applying(.isNegative, at: origin).applying(
                .not,
                at: origin
            )
        }
        return rest.applying(.add, low.applying(.select, bound, at: origin), at: origin)
            .applying(.subtract, high.applying(.select, bound, at: origin), at: origin)
    }
}

/// The largest whole number that isn't above x.
///
/// 5 rounds.
public func floor(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.floor(file: file, line: line)
}

/// The smallest whole number that isn't below x.
///
/// 5 rounds.
public func ceil(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.ceil(file: file, line: line)
}

/// The whole number nearest to x, the even one of two.
///
/// 15 rounds.
public func round(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.round(file: file, line: line)
}
