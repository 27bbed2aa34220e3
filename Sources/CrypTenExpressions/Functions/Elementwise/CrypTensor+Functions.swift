internal import CrypTenBase
internal import CrypTenRing

/// Powers, polynomials, sine and cosine; and layers that have no function of their own.
extension CrypTensor {
    /// x · x: 1 round.
    ///
    /// For x² ≤ 2^(62 − 2·fractionBits), 2³⁰ with 16, as every product of reals.
    public func square(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = number(at: origin)
            return x.applying(.bilinear(.multiply), x, at: origin)
        }
    }

    /// x to a whole power from 0 on, by squaring and multiplying: about log2 of the exponent rounds.
    ///
    /// Exact modulo 2^64 for integers; of reals every product is rounded to the encoding, and must lie within
    /// 2^(62 − 2·fractionBits), 2³⁰ with 16.
    public func pow(_ exponent: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard exponent >= 0 else {
                throw CrypTenError(
                    .invalidArgument,
                    "pow can't raise shape \(shape) to \(exponent): take the reciprocal first"
                )
            }
            var base = number(at: origin)
            if exponent == 0 {
                let one = CrypTensor(whole: 1, at: origin)
                return (base.kind == .real ? one.real(at: origin) : one).broadcasted(to: shape, at: origin)
            }
            var (result, rest): (CrypTensor?, Int) = (nil, exponent)
            while true {
                if rest & 1 == 1 { result = result?.applying(.bilinear(.multiply), base, at: origin) ?? base }
                rest >>= 1
                if rest == 0 { return result! }
                base = base.applying(.bilinear(.multiply), base, at: origin)
            }
        }
    }

    /// `coefficients[0] + coefficients[1] · x + coefficients[2] · x² + …`: 1 round up to degree 2, else 2 for each degree.
    ///
    /// For values within 2^(62 − 2·fractionBits), 2³⁰ with 16; from degree 3 on so are all values of Horner's rule, and up to
    /// degree 2 those within 2²⁶ where coefficients aren't whole.
    public func polynomial(
        _ coefficients: [Double],
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard !coefficients.isEmpty, coefficients.allSatisfy(\.isFinite) else {
                throw CrypTenError(
                    .invalidArgument,
                    "polynomial can't have coefficients \(coefficients): it takes one or more, all finite"
                )
            }
            return real(at: origin).applying(.polynomial(coefficients), at: origin)
        }
    }

    /// The sine of x in radians: 1 round; within 3·10⁻⁸ + |x| · 2^(fractionBits − 62) before rounding, on the whole ring.
    public func sin(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { real(at: $0).applying(.sine, at: $0) }
    }

    /// The cosine of x in radians: 1 round; within 3·10⁻⁸ before rounding, on the whole ring.
    public func cos(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { real(at: $0).applying(.cosine, at: $0) }
    }

    /// Dropout at inference, which changes nothing: training draws its mask from a session.
    public func dropout(
        _ probability: Double = 0.5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { _ in
            guard (0...1).contains(probability) else {
                throw CrypTenError(
                    .invalidArgument,
                    "dropout can't drop with probability \(probability): it must lie in [0, 1]"
                )
            }
            return self
        }
    }

    /// Batch normalisation in evaluation, as one product and sum for each channel: `scale · x + shift`.
    ///
    /// - Parameters:
    ///   - scale: `[C]`: the layer's weight over its running standard deviation; public, or secret for 1 round.
    ///   - shift: `[C]`: its bias less the running mean times `scale`; public or secret.
    /// - Returns: `[N, C, …]` like this tensor.
    public func batchNorm(
        scale: CrypTensor,
        shift: CrypTensor,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, scale, shift], file: file, line: line) { origin in
            guard rank >= 2, scale.shape == [shape[1]], shift.shape == [shape[1]] else {
                throw CrypTenError(
                    .shapeMismatch,
                    "batchNorm can't combine shapes \(shape), \(scale.shape) and \(shift.shape): it takes [N, C, …], [C] and [C]"
                )
            }
            let channels = Shape([1, shape[1]] + [Int](repeating: 1, count: rank - 2))
            return number(at: origin)
                .applying(.bilinear(.multiply), scale.number(at: origin).reshaped(channels, at: origin), at: origin)
                .adding(shift.reshaped(channels, at: origin), at: origin)
        }
    }
}

/// x · x.
///
/// 1 round.
public func square(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.square(file: file, line: line)
}

/// x to a whole power from 0 on.
///
/// About log2 of the exponent rounds.
public func pow(
    _ x: CrypTensor,
    _ exponent: Int,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.pow(exponent, file: file, line: line)
}

/// The sine of x in radians.
///
/// 1 round.
public func sin(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.sin(file: file, line: line)
}

/// The cosine of x in radians.
///
/// 1 round.
public func cos(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.cos(file: file, line: line)
}
