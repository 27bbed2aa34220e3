/// The kernels in plain Swift: the specification that every other backend is tested against.
///
/// Goals, in this order: easy to read, correct on every edge, fast enough to run the whole gate suite. Each method is the
/// loop that its documentation in `Kernels` describes. Nothing branches on, indexes by or takes time by an element.
package struct PlainKernels: Kernels {
    package init() {}

    package var name: String {
        "plain"
    }

    // MARK: Elementwise on the ring

    package func add(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        combine(a, b) { $0 &+ $1 }
    }

    package func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        combine(a, b) { $0 &- $1 }
    }

    package func multiply(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        combine(a, b) { $0 &* $1 }
    }

    package func negate(_ a: RingTensor) -> RingTensor {
        map(a) { 0 &- $0 }
    }

    package func add(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        map(a) { $0 &+ scalar }
    }

    package func multiply(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        map(a) { $0 &* scalar }
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor) {
        update(&sum, a) { $0 &+ $1 }
    }

    package func accumulate(_ sum: inout RingTensor, subtracting a: RingTensor) {
        update(&sum, a) { $0 &- $1 }
    }

    package func accumulate(_ sum: inout RingTensor, addingProductOf a: RingTensor, _ b: RingTensor) {
        update(&sum, multiply(a, b)) { $0 &+ $1 }
    }

    package func accumulate(_ sum: inout RingTensor, subtractingProductOf a: RingTensor, _ b: RingTensor) {
        update(&sum, multiply(a, b)) { $0 &- $1 }
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, times scalar: UInt64) {
        update(&sum, a) { $0 &+ $1 &* scalar }
    }

    package func shiftRight(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return map(a) { $0 &>> UInt64(bits) }
    }

    package func multiplyHigh(_ a: RingTensor, factor: UInt64) -> RingTensor {
        precondition(factor < 1 << 62, "a factor of at most 62 bits")
        return map(a) { element in
            let (high, low) = element.multipliedFullWidth(by: factor)
            return high << 2 | low >> 62
        }
    }

    package func shiftLeft(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return map(a) { $0 &<< UInt64(bits) }
    }

    package func lowBits(_ a: RingTensor, _ bits: Int) -> RingTensor {
        let mask = lowBitsMask(bits)
        return map(a) { $0 & mask }
    }

    package func sine(_ a: RingTensor, times number: UInt64, plus offset: UInt64) -> RingTensor {
        map(a) { integerSine($0 &* number &+ offset) }
    }

    package func accumulate(
        _ sum: inout RingTensor,
        harmonic number: Int,
        of phase: RingTensor,
        cosine: RingTensor,
        sine: RingTensor,
        factors: (p: Int64, q: Int64)
    ) {
        checkHarmonic(sum, phase, cosine, sine, factors)
        let (p, q) = (UInt64(bitPattern: factors.p), UInt64(bitPattern: factors.q))
        let parts = phase.elements.map { phase -> (UInt64, UInt64) in
            let angle = phase &* UInt64(number)
            let (s, c) = (integerSine(angle), integerSine(angle &+ 1 << 62))
            func rounded(_ x: UInt64) -> UInt64 { UInt64(bitPattern: Int64(bitPattern: x &+ 1 << 29) >> 30) }
            return (rounded(p &* c &+ q &* s), rounded(p &* s &- q &* c))
        }
        accumulate(&sum, addingProductOf: cosine, RingTensor(parts.map(\.0), shape: sum.shape))
        accumulate(&sum, addingProductOf: sine, RingTensor(parts.map(\.1), shape: sum.shape))
    }

    package func powerOfTwo(_ a: RingTensor, negated: Bool, plus offset: UInt64, fractionBits: Int) -> RingTensor {
        precondition((0...46).contains(fractionBits), "a power with \(fractionBits) fraction bits")
        return map(a) { integerPower(offset &+ (negated ? 0 &- $0 : $0), fractionBits: fractionBits) }
    }
}

// MARK: Loops that the methods share

extension PlainKernels {
    func map(_ a: RingTensor, _ body: (UInt64) -> UInt64) -> RingTensor {
        var out = RingTensor(uninitialized: a.shape)
        let count = a.count
        a.withWords { a in
            out.withMutableWords { out in
                for i in 0..<count { out[i] = body(a[i]) }
            }
        }
        return out
    }

    func combine(_ a: RingTensor, _ b: RingTensor, _ body: (UInt64, UInt64) -> UInt64) -> RingTensor {
        var out = a
        update(&out, b, body)
        return out
    }

    func update(_ sum: inout RingTensor, _ a: RingTensor, _ body: (UInt64, UInt64) -> UInt64) {
        precondition(sum.count == a.count, "elementwise on shapes \(sum.shape) and \(a.shape)")
        let count = sum.count
        a.withWords { a in
            sum.withMutableWords { sum in
                for i in 0..<count { sum[i] = body(sum[i], a[i]) }
            }
        }
    }
}

/// The word whose `bits` low bits are 1, for 1 ≤ bits ≤ 64.
package func lowBitsMask(_ bits: Int) -> UInt64 {
    precondition((1...64).contains(bits), "\(bits) bits of a word")
    return UInt64.max &>> UInt64(64 - bits)
}
