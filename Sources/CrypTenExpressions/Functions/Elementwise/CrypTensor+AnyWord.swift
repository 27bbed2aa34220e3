internal import CrypTenBase
internal import CrypTenRing

/// Bounds that hold whatever words a value consists of.
extension CrypTensor {
    /// x, but never below `range` or above it, exactly, for every word of Z_2^64: for values that come from who may have put in anything.
    ///
    /// ``clamp(min:max:)`` compares differences, which must fit; of a word near ±2^63 they wrap, and it gives anything. Here the sign of the
    /// word says which of the two differences fits: with lo ≤ 0, x < lo where x < 0 and x − lo < 0; with lo > 0, where either is; and likewise above.
    ///
    /// - Parameter range: Finite, and within what the session's encoding holds.
    /// - Returns: The clamped value, of which the range is known from then on.
    /// - Complexity: six rounds from a share; of two bounds and the sign one gate compares the masked value.
    package func clampingAnyWord(
        to range: ClosedRange<Double>,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let (low, high) = (range.lowerBound, range.upperBound)
            let isWhole = kind == .integer
            guard kind != .bit, low.isFinite, high.isFinite,
                !isWhole || [low, high].allSatisfy({ Int64(exactly: $0) != nil })
            else {
                throw CrypTenError(
                    .invalidArgument,
                    "a value of shape \(shape) can't be held within \(low) and \(high): bounds are finite, and whole for integers"
                )
            }
            func constant(_ value: Double) -> CrypTensor {
                let scalar =
                    isWhole
                    ? CrypTensor(whole: Int(value), at: origin) : CrypTensor(constant: Tensor(value), at: origin)
                return scalar.broadcasted(to: shape, at: origin)
            }
            func isLess(_ bound: Double) -> CrypTensor {
                applying(.subtract, constant(bound), at: origin).applying(.isNegative, at: origin)
            }
            let isNegative = applying(.isNegative, at: origin)
            let isNotNegative = isNegative.applying(.not, at: origin)
            let isBelow =
                low == 0
                ? isNegative
                : low < 0
                    ? isNegative.applying(.and, isLess(low), at: origin)
                    : isNotNegative.applying(.and, isLess(low).applying(.not, at: origin), at: origin)
                        .applying(.not, at: origin)
            let isAbove =
                high >= 0
                ? isNotNegative.applying(.and, isLess(high).applying(.not, at: origin), at: origin)
                : isNegative.applying(.and, isLess(high), at: origin).applying(.not, at: origin)
            func difference(_ bit: CrypTensor, _ bound: Double) -> CrypTensor {
                bit.applying(.select, constant(bound).applying(.subtract, self, at: origin), at: origin)
            }
            return applying(.add, difference(isBelow, low), at: origin)
                .applying(.add, difference(isAbove, high), at: origin)
                .applying(.declared(try ValueRange(declaring: range)), at: origin)
        }
    }
}
