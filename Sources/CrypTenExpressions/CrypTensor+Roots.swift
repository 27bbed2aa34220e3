internal import CrypTenBase
internal import CrypTenRing

/// Square roots and what is divided by them.
extension CrypTensor {
    /// √x for 0 ≤ x ≤ 2³⁰: relative error 10⁻³ or absolute 2⁻¹³, whichever is larger, with 16 fraction bits.
    ///
    /// 0 for what is less than the smallest positive number that the encoding holds, and so for what is negative.
    /// - Complexity: 8 rounds.
    public func sqrt(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.squareRoot(MagnitudeRange(-16, 30)), at: origin)
        }
    }

    /// 1 / √x for 2⁻¹² ≤ x ≤ 2³⁰: relative error 10⁻³ or absolute 2⁻¹³, whichever is larger, with 16 fraction bits.
    ///
    /// 64 for what is less than 2⁻¹², and so for what is negative; 0 for more than 2²⁸ with 16 fraction bits, of which it is less than four
    /// units.
    /// - Complexity: 8 rounds.
    public func inverseSquareRoot(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var magnitudes = MagnitudeRange(-12, 30)
            magnitudes.dropsSmallResults = true
            return real(at: origin).applying(.inverseSquareRoot(magnitudes), at: origin)
        }
    }
}

/// √x for 0 ≤ x ≤ 2³⁰.
///
/// 8 rounds.
public func sqrt(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.sqrt(file: file, line: line)
}

/// 1 / √x for 2⁻¹² ≤ x ≤ 2³⁰.
///
/// 8 rounds.
public func rsqrt(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.inverseSquareRoot(file: file, line: line)
}
