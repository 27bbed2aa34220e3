internal import CrypTenBase
internal import CrypTenRing

/// Arithmetic by elements, with NumPy's broadcasting.
///
/// Integers and reals mix to reals, and bits count as 0 and 1. Sums are local. A product of two secrets needs one
/// round, which masks its operands, and none more where they are masked already; a product with a public number is
/// local, up to the truncation of reals, whose opening the next gate shares. A truncation is right for products within
/// 2^(62 − 2·fractionBits), 2³⁰ with 16; sums and what is revealed within 2^(63 − fractionBits), 2⁴⁷.
extension CrypTensor {
    // MARK: Two tensors

    /// The sum.
    public static func + (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        let (a, b) = unified(left, right)
        let (x, y) = aligned(a, b)
        return x.applying(.add, y)
    }

    /// The difference.
    public static func - (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        let (a, b) = unified(left, right)
        let (x, y) = aligned(a, b)
        return x.applying(.subtract, y)
    }

    /// The product; where one operand is of bits it selects from the other, which is exact.
    public static func * (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        switch (left.kind == .bit, right.kind == .bit) {
        case (true, true): return (left & right).number()
        case (true, false): return left.selecting(right)
        case (false, true): return right.selecting(left)
        case (false, false):
            return left.factor(beside: right).applying(.bilinear(.multiply), right.factor(beside: left))
        }
    }

    /// The opposite numbers.
    public static prefix func - (operand: CrypTensor) -> CrypTensor {
        operand.number().applying(.negate)
    }

    /// The same numbers.
    public static prefix func + (operand: CrypTensor) -> CrypTensor {
        operand
    }

    /// Adds to the left operand.
    public static func += (left: inout CrypTensor, right: CrypTensor) {
        left = left + right
    }

    /// Subtracts from the left operand.
    public static func -= (left: inout CrypTensor, right: CrypTensor) {
        left = left - right
    }

    /// Multiplies the left operand.
    public static func *= (left: inout CrypTensor, right: CrypTensor) {
        left = left * right
    }

    // MARK: A tensor and public numbers

    /// The sum.
    public static func + (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left + CrypTensor(right, beside: left)
    }

    /// The sum.
    public static func + (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) + right
    }

    /// The difference.
    public static func - (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left - CrypTensor(right, beside: left)
    }

    /// The difference.
    public static func - (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) - right
    }

    /// The product; where one operand is of bits it selects from the other, which is exact.
    public static func * (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left * CrypTensor(right, beside: left)
    }

    /// The product; where one operand is of bits it selects from the other, which is exact.
    public static func * (left: some PublicOperand, right: CrypTensor) -> CrypTensor {
        CrypTensor(left, beside: right) * right
    }

    /// Adds to the left operand.
    public static func += (left: inout CrypTensor, right: some PublicOperand) {
        left = left + right
    }

    /// Subtracts from the left operand.
    public static func -= (left: inout CrypTensor, right: some PublicOperand) {
        left = left - right
    }

    /// Multiplies the left operand.
    public static func *= (left: inout CrypTensor, right: some PublicOperand) {
        left = left * right
    }

    /// The quotient by public numbers, as a product with their reciprocals; always real.
    ///
    /// A zero among them is an error.
    public static func / (left: CrypTensor, right: some PublicOperand) -> CrypTensor {
        left.divided(by: right.publicTensor, at: left.node.origin)
    }

    /// Divides the left operand by public numbers.
    public static func /= (left: inout CrypTensor, right: some PublicOperand) {
        left = left / right
    }

    /// The quotient by public numbers, as a product with their reciprocals; always real.
    ///
    /// - Parameter divisor: Numbers that aren't 0, in a shape that broadcasts with this one's.
    public func divided(
        by divisor: Tensor,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        divided(by: divisor, at: SourceOrigin(file: "\(file)", line: line))
    }

    func divided(by divisor: Tensor, at origin: SourceOrigin?) -> CrypTensor {
        if error != nil { return self }
        let reciprocals = divisor.doubles.map { 1 / $0 }
        guard reciprocals.allSatisfy(\.isFinite), divisor.doubles.allSatisfy(\.isFinite) else {
            let problem = CrypTenError(
                .invalidArgument,
                "divide can't divide shape \(shape) by zeros, infinities or NaN"
            )
            return CrypTensor(failing: problem, at: origin)
        }
        let factor = CrypTensor(constant: Tensor(reciprocals, shape: divisor.shape), at: origin)
        return real(at: origin).applying(.bilinear(.multiply), factor, at: origin)
    }

    /// This, or the integer that it is where it is a constant whole real and the other factor is real: then nothing is
    /// truncated.
    private func factor(beside other: CrypTensor) -> CrypTensor {
        guard other.kind == .real, kind == .real, shape == [], let value = constantValue?.doubles.first,
            value.magnitude <= 0x1p31, let whole = Int(exactly: value), other.constantValue == nil
        else { return self }
        return CrypTensor(whole: whole, at: node.origin)
    }

    /// This tensor of bits times numbers.
    func selecting(_ numbers: CrypTensor, at origin: SourceOrigin? = nil) -> CrypTensor {
        let (bits, values) = CrypTensor.aligned(self, numbers, at: origin)
        return bits.applying(.select, values, at: origin)
    }
}
