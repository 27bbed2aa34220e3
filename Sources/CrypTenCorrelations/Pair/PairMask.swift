package import CrypTenRing

/// The mask of a wire, as one of two parties names it: its part, and whose bits are read in its place.
///
/// Safety of `@unchecked Sendable`: the one thread that makes a run's correlations uses it.
package struct PairMask: @unchecked Sendable {
    package let shape: Shape
    /// Nil for a truncation read in place, whose mask follows from its origin.
    let held: PairWords?
    let origin: PairOrigin
    /// Which of the origin's elements these are.
    let range: Range<Int>

    init(_ shape: Shape, _ words: PairWords?, _ origin: PairOrigin, _ range: Range<Int>? = nil) {
        self.shape = shape
        held = words
        self.origin = origin
        self.range = range ?? 0..<origin.count
    }

    /// This party's part of it.
    func words(_ kernels: any Kernels) -> PairWords {
        if let held { return held }
        let (pieces, shift) = origin.untruncated(range)
        return PairWords.joining(pieces.map { $0.shifted(by: shift) }, kernels)
    }
}
