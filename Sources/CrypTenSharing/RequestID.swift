/// What a request is known by, at all parties: drawn anew for each, also where one is asked again.
package struct RequestID: SixteenBytes {
    package let halves: SIMD2<UInt64>

    package init(halves: SIMD2<UInt64>) {
        self.halves = halves
    }
}
