internal import CrypTenBase
internal import CrypTenRing

/// Piecewise linear activations and their gated forms, from comparisons with constants.
///
/// For |x| < 2^(63 − fractionBits), 2⁴⁷ with 16, less the bounds; of a product within 2^(62 − 2·fractionBits), 2³⁰.
extension CrypTensor {
    /// `slope · x + shift`, but never below 0 or above 1: 4 rounds, exact up to the rounding of the product.
    public func hardSigmoid(
        slope: Double = 1.0 / 6,
        shift: Double = 0.5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard slope.isFinite, shift.isFinite else {
                throw CrypTenError(
                    .invalidArgument,
                    "hardSigmoid of shape \(shape) can't use slope \(slope) and shift \(shift): both are finite"
                )
            }
            return scaled(by: slope, at: origin).adding(CrypTensor(constant: Tensor(shift), at: origin), at: origin)
                .clamp(min: 0, max: 1, file: file, line: line)
        }
    }

    /// `x · hardSigmoid(x)`; Howard and others 2019.
    ///
    /// 6 rounds.
    public func hardSwish(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gate = hardSigmoid(file: file, line: line)
            return real(at: origin).applying(.bilinear(.multiply), gate, at: origin)
        }
    }

    /// x where it is above `threshold`, 0 elsewhere: 4 rounds, exact.
    public func thresholdedRelu(
        _ threshold: Double = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try above(threshold, name: "thresholdedRelu", at: origin).applying(.select, real(at: origin), at: origin)
        }
    }

    /// x where |x| is above `threshold`, 0 elsewhere: 4 rounds, exact.
    public func hardShrink(_ threshold: Double = 0.5, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try shrunken(threshold, bias: 0, name: "hardShrink", at: origin)
        }
    }

    /// x moved towards 0 by `threshold`, 0 where |x| is less: 4 rounds, exact.
    public func softShrink(_ threshold: Double = 0.5, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try shrunken(threshold, bias: threshold, name: "softShrink", at: origin)
        }
    }

    /// `x − bias` above `threshold`, `x + bias` below `−threshold`, and 0 between: ONNX's `Shrink`.
    ///
    /// 4 rounds, exact.
    public func shrink(
        _ threshold: Double,
        bias: Double,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try shrunken(threshold, bias: bias, name: "shrink", at: origin)
        }
    }

    /// x where it is positive, `slope · x` elsewhere, with a public or secret slope that broadcasts to this shape.
    ///
    /// 4 rounds, and 1 for a secret slope.
    public func prelu(_ slope: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, slope], file: file, line: line) { origin in
            guard Shape.broadcast(shape, slope.shape) == shape else {
                throw CrypTenError(
                    .shapeMismatch,
                    "prelu can't combine shapes \(shape) and \(slope.shape): the slope must broadcast to the first"
                )
            }
            let x = real(at: origin)
            let positive = x.applying(.relu, at: origin)
            let negative = x.applying(.subtract, positive, at: origin)
            let bent = negative.applying(.bilinear(.multiply), slope.real(at: origin), at: origin)
            return positive.applying(.add, bent, at: origin)
        }
    }

    /// Whether x is above a number, a bit.
    private func above(_ threshold: Double, name: String, at origin: SourceOrigin) throws -> CrypTensor {
        guard threshold.isFinite else {
            throw CrypTenError(.invalidArgument, "\(name) of shape \(shape) can't use threshold \(threshold)")
        }
        let bound = CrypTensor(constant: Tensor(threshold), at: origin).broadcasted(to: shape, at: origin)
        return bound.applying(.subtract, real(at: origin), at: origin).applying(.isNegative, at: origin)
    }

    private func shrunken(_ threshold: Double, bias: Double, name: String, at origin: SourceOrigin) throws -> CrypTensor
    {
        guard bias.isFinite else {
            throw CrypTenError(.invalidArgument, "\(name) of shape \(shape) can't use bias \(bias)")
        }
        let x = real(at: origin)
        let shift = CrypTensor(constant: Tensor(bias), at: origin).broadcasted(to: shape, at: origin)
        let high = try x.above(threshold, name: name, at: origin)
            .applying(.select, x.applying(.subtract, shift, at: origin), at: origin)
        let low = try x.applying(.negate, at: origin).above(threshold, name: name, at: origin)
            .applying(.select, x.applying(.add, shift, at: origin), at: origin)
        return high.applying(.add, low, at: origin)
    }
}

/// `slope · x + shift`, but never below 0 or above 1.
///
/// 4 rounds.
public func hardSigmoid(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.hardSigmoid(file: file, line: line)
}

/// `x · hardSigmoid(x)`.
///
/// 6 rounds.
public func hardSwish(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.hardSwish(file: file, line: line)
}

/// x where it is positive, `slope · x` elsewhere.
///
/// 4 rounds, and 1 for a secret slope.
public func prelu(
    _ x: CrypTensor,
    _ slope: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.prelu(slope, file: file, line: line)
}
