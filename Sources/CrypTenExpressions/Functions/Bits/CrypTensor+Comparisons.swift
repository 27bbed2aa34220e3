internal import CrypTenRing

/// Comparisons by elements, with NumPy's broadcasting; the results are bits.
///
/// Exact on the encoded numbers while the difference of the operands fits in 63 bits: 2^(63 − fractionBits) for reals, 2⁴⁷
/// with 16. Each needs 4 rounds, masking
/// included; comparisons with several constants share their first level.
extension CrypTensor {
    /// Whether the left is less than the right.
    public static func .< (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        left.below(right)
    }

    /// Whether the left is greater than the right.
    public static func .> (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        right.below(left)
    }

    /// Whether the left is at most the right.
    public static func .<= (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        right.below(left).applying(.not)
    }

    /// Whether the left is at least the right.
    public static func .>= (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        left.below(right).applying(.not)
    }

    /// Whether the two are equal.
    public static func .== (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        left.same(as: right)
    }

    /// Whether the two differ.
    public static func .!= (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        left.same(as: right).applying(.not)
    }

    /// Whether the left is less than the right.
    public static func .< (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left .< CrypTensor(right, beside: left)
    }

    /// Whether the left is less than the right.
    public static func .< (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) .< right
    }

    /// Whether the left is greater than the right.
    public static func .> (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left .> CrypTensor(right, beside: left)
    }

    /// Whether the left is greater than the right.
    public static func .> (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) .> right
    }

    /// Whether the left is at most the right.
    public static func .<= (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left .<= CrypTensor(right, beside: left)
    }

    /// Whether the left is at most the right.
    public static func .<= (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) .<= right
    }

    /// Whether the left is at least the right.
    public static func .>= (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left .>= CrypTensor(right, beside: left)
    }

    /// Whether the left is at least the right.
    public static func .>= (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) .>= right
    }

    /// Whether the two are equal.
    public static func .== (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left .== CrypTensor(right, beside: left)
    }

    /// Whether the two are equal.
    public static func .== (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) .== right
    }

    /// Whether the two differ.
    public static func .!= (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left .!= CrypTensor(right, beside: left)
    }

    /// Whether the two differ.
    public static func .!= (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) .!= right
    }

    /// `self < other`, a bit.
    ///
    /// 4 rounds.
    public func lessThan(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { below(other, at: $0) }
    }

    /// `self <= other`, a bit.
    ///
    /// 4 rounds.
    public func lessThanOrEqual(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { other.below(self, at: $0).applying(.not, at: $0) }
    }

    /// `self > other`, a bit.
    ///
    /// 4 rounds.
    public func greaterThan(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { other.below(self, at: $0) }
    }

    /// `self >= other`, a bit.
    ///
    /// 4 rounds.
    public func greaterThanOrEqual(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor
    {
        CrypTensor.composing([self, other], file: file, line: line) { below(other, at: $0).applying(.not, at: $0) }
    }

    /// `self = other`, a bit.
    ///
    /// 4 rounds; of two tensors of bits, none.
    public func equal(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { same(as: other, at: $0) }
    }

    /// `self ≠ other`, a bit.
    ///
    /// 4 rounds; of two tensors of bits, none.
    public func notEqual(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { same(as: other, at: $0).applying(.not, at: $0) }
    }

    private func below(_ other: CrypTensor, at origin: SourceOrigin? = nil) -> CrypTensor {
        let (a, b) = CrypTensor.unified(self, other, at: origin)
        let (x, y) = CrypTensor.aligned(a, b, at: origin)
        return x.applying(.subtract, y, at: origin).applying(.isNegative, at: origin)
    }

    private func same(as other: CrypTensor, at origin: SourceOrigin? = nil) -> CrypTensor {
        if kind == .bit, other.kind == .bit {
            let (x, y) = CrypTensor.aligned(self, other, at: origin)
            return x.applying(.xor, y, at: origin).applying(.not, at: origin)
        }
        let (a, b) = CrypTensor.unified(self, other, at: origin)
        let (x, y) = CrypTensor.aligned(a, b, at: origin)
        return x.applying(.subtract, y, at: origin).applying(.isZero, at: origin)
    }
}
