internal import CrypTenBase
internal import CrypTenRing

/// Square roots and what is divided by them.
extension CrypTensor {
    /// √x for all x ≥ 0 that the encoding holds: relative error 10⁻³ or one unit of the result, whichever is larger.
    ///
    /// A sum of products is read as it is, not truncated: from 2⁻³² to 2³⁰ with 16 fraction bits; other numbers from 2⁻¹⁶ to 2⁴⁶. 0 for
    /// what is less than a unit, and so for what is negative.
    /// - Complexity: 7 rounds.
    public func sqrt(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.squareRoot(.whole), at: origin)
        }
    }

    /// 1 / √x for all x > 0 that the encoding holds: relative error 10⁻³ or absolute 2⁻¹³, whichever is larger, with 16 fraction bits.
    ///
    /// A sum of products is read as it is, not truncated: from 2⁻³² with 16 fraction bits; other numbers from 2⁻¹⁶. What is less than a
    /// unit, and so what is negative, counts as one: then the result is 2¹⁶, or 2⁸. 0 for more than 2²⁸ with 16 fraction bits, of which it
    /// is less than four units.
    /// - Complexity: 7 rounds.
    public func inverseSquareRoot(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        inverseSquareRoot(sparingDealer: false, file: file, line: line)
    }

    /// The same, where so many numbers are divided by that what is dealt is most of the cost.
    ///
    /// - Parameter sparesDealer: Whether 136 bytes less are dealt an element, for eight opened ones and a round more.
    /// - Complexity: 7 rounds, or 8.
    package func inverseSquareRoot(
        sparingDealer sparesDealer: Bool,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var magnitudes = MagnitudeRange.whole
            magnitudes.dropsSmallResults = true
            magnitudes.sparesDealer = sparesDealer
            return real(at: origin).applying(.inverseSquareRoot(magnitudes), at: origin)
        }
    }
}

/// √x, of all x ≥ 0 that the encoding holds.
///
/// 7 rounds.
public func sqrt(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.sqrt(file: file, line: line)
}

/// 1 / √x, of all x > 0 that the encoding holds.
///
/// 7 rounds.
public func rsqrt(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.inverseSquareRoot(file: file, line: line)
}
