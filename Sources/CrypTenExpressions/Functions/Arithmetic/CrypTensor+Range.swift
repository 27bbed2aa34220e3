internal import CrypTenBase
internal import CrypTenRing

/// What is publicly known of a tensor's numbers.
extension CrypTensor {
    /// The same numbers, of which all members may know that they lie in a range.
    ///
    /// From declared ranges a plan chooses each value's scale: numbers of up to 2¹⁸ have fewer fraction bits than the session's,
    /// so that their squares and sums fit; numbers below 2⁻⁶ have more. Ranges of what is computed follow from the operations,
    /// as far as all operands have one; functions without a bound end that. An input that is read under declared ranges alone
    /// is encoded by them, too: see ``Session/input(from:range:name:_:)`` for numbers that are larger than the session's encoding takes.
    ///
    /// All parties must declare the same. A range is public: it is in the plan, which the dealer sees, and says nothing else.
    ///
    /// - Parameter range: Finite, with magnitudes of at most 2⁴⁶. A number outside of it makes results wrong, without a word in a
    ///   secret run: a checked session names it (``withInsecureCheckedParties(_:configuration:comparesResults:_:)``).
    /// - Complexity: no round, no bytes; what reads the value may truncate it by other amounts, or once more.
    public func declaring(
        range: ClosedRange<Double>,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind != .bit else {
                throw CrypTenError(.invalidArgument, "a range can't be declared of bits, which are 0 or 1")
            }
            let declared = try ValueRange(declaring: range)
            return visibility == .public ? self : applying(.declared(declared), at: origin)
        }
    }
}

extension ValueRange {
    /// The largest magnitude that can be declared.
    package static let largestDeclared = 0x1p46

    /// What a user declares.
    ///
    /// - Throws: `.invalidArgument` for what isn't finite or is too large.
    package init(declaring range: ClosedRange<Double>) throws {
        let largest = Swift.max(range.lowerBound.magnitude, range.upperBound.magnitude)
        guard range.lowerBound.isFinite, range.upperBound.isFinite, largest <= ValueRange.largestDeclared else {
            throw CrypTenError(
                .invalidArgument,
                "a range of \(range.lowerBound) to \(range.upperBound) can't be declared: its ends are finite, and at most 2^46"
            )
        }
        self.init(range.lowerBound, range.upperBound)
    }
}
