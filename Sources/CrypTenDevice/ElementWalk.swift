/// Where the elements of a view lie, for a kernel that reads them in the view's order: `elementwise_walk` of arguments.h.
///
/// Of a view of three axes with extents e0, e1, e2 and steps f0, f1, f2, element j has the digits j / (e1·e2), j / e2 mod e1 and j mod e2.
/// With r mod e = r − e·⌊r / e⌋ its position Σ digit·f is j·f2 + ⌊j / e2⌋·(f1 − e2·f2) + ⌊j / (e1·e2)⌋·(f0 − e1·f1).
package struct ElementWalk: Hashable, Sendable {
    /// ⌊j / d⌋ = j·factor >> shift for all j < 2^31.
    ///
    /// With l = ⌈log2 d⌉, shift = 31 + l and factor = ⌈2^shift / d⌉ = (2^shift + e) / d, 0 ≤ e < d ≤ 2^l, the product is (j / d)·2^shift + j·e / d,
    /// and j·e < 2^31·2^l keeps the second term below 2^shift / d: it carries no quotient to the next. The factor is at most 2^32 − 1 for d > 1
    /// that are no powers of two, and 2^31 for those that are.
    package struct Divisor: Hashable, Sendable {
        package let factor: UInt32
        package let shift: UInt32

        package init(_ d: Int) {
            precondition(d > 0 && d < 1 << 31, "a division of 31 bits by \(d)")
            let bits = Int.bitWidth - (d - 1).leadingZeroBitCount
            shift = UInt32(31 + bits)
            factor = UInt32((1 << (31 + bits) + d - 1) / d)
        }
    }

    /// The view's element that the kernel's first one is.
    package let first: UInt32
    /// What j, ⌊j / e2⌋ and ⌊j / (e1·e2)⌋ are multiplied by, modulo 2^32.
    package let step, innerStep, outerStep: UInt32
    /// By e2, and by e1·e2.
    package let inner, outer: Divisor

    /// How a walk is read from one of its elements on, by `from`; nil where it has more than three axes, or leads too far.
    init?(_ walk: DeviceWalk, from first: Int) {
        let missing = 3 - walk.rank
        guard missing >= 0, walk.count < 1 << 31,
            zip(walk.extents, walk.from).reduce(0, { $0 + ($1.0 - 1) * abs($1.1) }) < 1 << 31
        else { return nil }
        let e = [Int](repeating: 1, count: missing) + walk.extents
        let f = [Int](repeating: 0, count: missing) + walk.from
        self.first = UInt32(first)
        step = UInt32(truncatingIfNeeded: f[2])
        innerStep = UInt32(truncatingIfNeeded: f[1] - e[2] * f[2])
        outerStep = UInt32(truncatingIfNeeded: f[0] - e[1] * f[1])
        inner = Divisor(e[2])
        outer = Divisor(e[1] * e[2])
    }

    /// As the kernel reads them.
    package var numbers: [UInt32] {
        [first, step, innerStep, outerStep, inner.factor, outer.factor, inner.shift, outer.shift]
    }
}
