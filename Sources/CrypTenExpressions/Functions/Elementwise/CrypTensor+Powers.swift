internal import CrypTenBase
internal import CrypTenRing

/// Powers with real exponents.
extension CrypTensor {
    /// x to a public power.
    ///
    /// Whole exponents from 0 on are products (see `pow`), whole ones below 0 those of the reciprocal: relative error 2·10⁻³ for
    /// exponents down to −8 and |x| ≥ 2⁻¹⁰; ±1/2 are roots. All others are `e^(exponent · log x)`, for x > 0 and results up
    /// to e¹⁰: relative error 10⁻³ and 5·10⁻⁴ times the exponent; 11 rounds.
    public func pow(_ exponent: Double, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard exponent.isFinite, exponent.magnitude <= 0x1p20 else {
                throw CrypTenError(.invalidArgument, "pow can't raise shape \(shape) to \(exponent)")
            }
            if let whole = Int(exactly: exponent) {
                if whole >= 0 { return pow(whole, file: file, line: line) }
                return reciprocal(file: file, line: line).pow(-whole, file: file, line: line)
            }
            if exponent == 0.5 { return sqrt(file: file, line: line) }
            if exponent == -0.5 { return inverseSquareRoot(file: file, line: line) }
            return log(file: file, line: line).scaled(by: exponent, at: origin).applying(.exponential, at: origin)
        }
    }

    /// x to a secret power, `e^(exponent · log x)` for x > 0 and results up to e¹⁰; they broadcast.
    ///
    /// 12 rounds; relative error 10⁻³ and 5·10⁻⁴ times the exponent.
    public func pow(_ exponent: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, exponent], file: file, line: line) { origin in
            log(file: file, line: line).applying(.bilinear(.multiply), exponent.real(at: origin), at: origin)
                .applying(.exponential, at: origin)
        }
    }
}

/// x to a public power.
public func pow(
    _ x: CrypTensor,
    _ exponent: Double,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.pow(exponent, file: file, line: line)
}
