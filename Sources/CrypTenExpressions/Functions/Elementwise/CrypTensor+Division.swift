internal import CrypTenBase
internal import CrypTenRing

/// Reciprocals and quotients of secrets.
///
/// The divisor is brought into [1/16, 1) by a power of 16 that comparisons select, as in Catrina and Saxena, "Secure
/// Computation with Fixed-Point Numbers" (2010), but without a loop: a trigonometric series gives the reciprocal there.
extension CrypTensor {
    /// The magnitudes of divisors for which quotients are built where nothing else is said.
    package static let divisors = MagnitudeRange(-62, 62, isSigned: true)

    /// 1 / x for all x that the encoding holds, but 0: relative error 10⁻³ or absolute 2⁻¹³, whichever is larger, with 16 fraction bits.
    ///
    /// A sum of products is read as it is, not truncated. Results end between 2³⁰ and 2³² with 16 fraction bits, which only sums of
    /// products reach; 0 itself counts as one positive unit: 2¹⁶, or that end. Beyond 2¹⁶, where it is less than a unit, the result is 0.
    ///
    /// - Parameter range: Magnitudes of x if more is known of it, positive then unless `isSigned`; bounds are widened to powers
    ///   of two. The fewer there are, the fewer comparisons are made.
    /// - Parameter isSigned: Whether x may be negative.
    /// - Complexity: 7 rounds.
    public func reciprocal(
        range: ClosedRange<Double>? = nil,
        isSigned: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var magnitudes = try MagnitudeRange(range, isSigned: isSigned, else: CrypTensor.divisors, in: "reciprocal")
            magnitudes.dropsSmallResults = true
            return real(at: origin).applying(.reciprocal(magnitudes), at: origin)
        }
    }

    /// The quotient; they broadcast.
    ///
    /// Of two secrets, for all divisors that the encoding holds, to 2⁴⁶, and quotients below 2³⁰ with 16 fraction bits: relative error
    /// 10⁻³ or absolute 2⁻¹³, whichever is larger; 8 rounds. 0 counts as one positive unit. Larger quotients are no numbers. By public
    /// numbers, a product with their reciprocals, of which none may be 0.
    public static func / (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        left.divided(by: right, range: nil, isSigned: true, at: left.node.origin ?? right.node.origin)
    }

    /// Divides the left operand.
    public static func /= (left: inout CrypTensor, right: CrypTensor) {
        left = left / right
    }

    /// The quotient of public numbers by secret ones; see `reciprocal`.
    public static func / (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(constant: left.publicTensor, at: right.node.origin) / right
    }

    /// The quotient, of whose divisors more may be known; they broadcast.
    ///
    /// - Parameters:
    ///   - range: Magnitudes of the divisor, positive ones unless `isSigned`; bounds are widened to powers of two. The fewer there
    ///     are, the fewer comparisons are made.
    ///   - isSigned: Whether the divisor may be negative.
    /// - Complexity: 8 rounds.
    public func divided(
        by divisor: CrypTensor,
        range: ClosedRange<Double>? = nil,
        isSigned: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, divisor], file: file, line: line) { origin in
            divided(by: divisor, range: range, isSigned: isSigned, at: origin)
        }
    }

    private func divided(
        by divisor: CrypTensor,
        range: ClosedRange<Double>?,
        isSigned: Bool,
        at origin: SourceOrigin?
    ) -> CrypTensor {
        if let broken = [self, divisor].first(where: { $0.error != nil }) { return broken }
        if let constant = divisor.constantValue { return divided(by: constant, at: origin) }
        do {
            let magnitudes = try MagnitudeRange(range, isSigned: isSigned, else: CrypTensor.divisors, in: "divide")
            let (x, y) = (real(at: origin), divisor.real(at: origin))
            if x.visibility == .public {
                return y.dividing(x, magnitudes, at: origin) ?? x.applying(.divide(magnitudes), y, at: origin)
            }
            if y.visibility == .public {
                return x.applying(.bilinear(.multiply), y.applying(.reciprocal(magnitudes), at: origin), at: origin)
            }
            return x.applying(.divide(magnitudes), y, at: origin)
        } catch {
            return CrypTensor(failing: error, at: origin)
        }
    }
}

extension CrypTensor {
    /// One public number over this, as the reciprocal of this over that number: so that nothing is lost of small ones. Nil where the
    /// numbers aren't one, or it is 0.
    private func dividing(
        _ numbers: CrypTensor,
        _ magnitudes: MagnitudeRange,
        at origin: SourceOrigin?
    ) -> CrypTensor? {
        guard let constant = numbers.constantValue, let number = constant.doubles.first, number != 0, number.isFinite,
            constant.doubles.allSatisfy({ $0 == number }), (1 / number).isFinite, 1 / number != 0
        else { return nil }
        var range = magnitudes
        range.dropsSmallResults = true
        var divisor = self
        if number.magnitude != 1 {
            let exponent = Int(number.magnitude.exponent)
            if range.lowest > MagnitudeRange.whole.lowest { range.lowest -= exponent + 1 }
            if range.highest < MagnitudeRange.whole.highest { range.highest -= exponent }
            let factor = CrypTensor(constant: Tensor(1 / number.magnitude), at: origin)
            divisor = applying(.bilinear(.multiply), factor, at: origin)
        }
        var quotient = divisor.applying(.reciprocal(range), at: origin)
        if number < 0 { quotient = quotient.applying(.negate, at: origin) }
        guard let shape = Shape.broadcast(shape, numbers.shape) else { return nil }
        return quotient.broadcasted(to: shape, at: origin)
    }
}

extension MagnitudeRange {
    /// What a caller says of the magnitudes of an operand, widened to powers of two.
    init(
        _ range: ClosedRange<Double>?,
        isSigned: Bool,
        else usual: MagnitudeRange,
        in name: String
    ) throws(CrypTenError) {
        guard let range else {
            self = usual
            return
        }
        guard range.lowerBound > 0, range.upperBound.isFinite, range.upperBound < 0x1p62, range.lowerBound > 0x1p-62
        else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't be built for magnitudes \(range): bounds are positive, and no more than 2^62"
            )
        }
        // The upper bound lies in the range, too.
        self.init(Int(range.lowerBound.exponent), Int(range.upperBound.exponent) + 1, isSigned: isSigned)
    }
}

/// 1 / x, of all x that the encoding holds, but 0.
///
/// 7 rounds.
public func reciprocal(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.reciprocal(file: file, line: line)
}
