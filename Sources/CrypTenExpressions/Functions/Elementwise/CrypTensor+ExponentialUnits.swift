internal import CrypTenBase
internal import CrypTenRing

/// Units with an exponential tail: max(x, 0) plus a bounded function of min(x, 0).
///
/// The exponential is taken of numbers up to 0 only, so that no x is too large for it.
extension CrypTensor {
    /// x where it is positive, `alpha · (eˣ − 1)` elsewhere; Clevert, Unterthiner and Hochreiter 2015.
    ///
    /// 9 rounds; the absolute error is `alpha` times that of `exp`.
    public func elu(_ alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try exponentialUnit(gain: 1, alpha: alpha, width: 1, name: "elu", at: origin)
        }
    }

    /// x where it is positive, `alpha · (e^(x / alpha) − 1)` elsewhere, whose slope is continuous; Barron 2017.
    ///
    /// 9 rounds; the absolute error is `alpha` times that of `exp`.
    public func celu(_ alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard alpha != 0 else {
                throw CrypTenError(.invalidArgument, "celu of shape \(shape) can't have alpha 0: it divides by it")
            }
            return try exponentialUnit(gain: 1, alpha: alpha, width: alpha, name: "celu", at: origin)
        }
    }

    /// `scale · elu(alpha)`, by whose constants layers keep mean 0 and variance 1; Klambauer and others 2017.
    ///
    /// 10 rounds.
    public func selu(
        alpha: Double = 1.6732632423543772,
        scale: Double = 1.0507009873554805,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try exponentialUnit(gain: scale, alpha: alpha, width: 1, name: "selu", at: origin)
        }
    }

    /// `gain · (max(x, 0) + alpha · (e^(min(x, 0) / width) − 1))`
    private func exponentialUnit(
        gain: Double,
        alpha: Double,
        width: Double,
        name: String,
        at origin: SourceOrigin
    ) throws -> CrypTensor {
        guard gain.isFinite, alpha.isFinite, width.isFinite else {
            throw CrypTenError(.invalidArgument, "\(name) of shape \(shape) can't use \(alpha): parameters are finite")
        }
        let x = real(at: origin)
        let positive = x.applying(.relu, at: origin)
        // min(x, 0); for a negative width the exponential grows where x is negative, as its definition says.
        let negative = x.applying(.subtract, positive, at: origin)
        let power = negative.scaled(by: 1 / width, at: origin).applying(.exponential, at: origin)
        let one = CrypTensor(constant: Tensor(1.0), at: origin).broadcasted(to: shape, at: origin)
        let tail = power.applying(.subtract, one, at: origin).scaled(by: gain * alpha, at: origin)
        return positive.scaled(by: gain, at: origin).applying(.add, tail, at: origin)
    }
}

/// x where it is positive, `alpha · (eˣ − 1)` elsewhere.
///
/// 10 rounds.
public func elu(
    _ x: CrypTensor,
    _ alpha: Double = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.elu(alpha, file: file, line: line)
}

/// x where it is positive, `alpha · (e^(x / alpha) − 1)` elsewhere.
///
/// 10 rounds.
public func celu(
    _ x: CrypTensor,
    _ alpha: Double = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.celu(alpha, file: file, line: line)
}

/// `scale · elu(alpha)` with the constants of self-normalising networks.
///
/// 10 rounds.
public func selu(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.selu(file: file, line: line)
}
