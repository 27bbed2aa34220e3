/// The life of one session of a cell: an id counts only in the epoch for which it was drawn.
package struct Epoch: SixteenBytes {
    package let halves: SIMD2<UInt64>

    package init(halves: SIMD2<UInt64>) {
        self.halves = halves
    }
}
