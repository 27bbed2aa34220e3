internal import CCrypTenKernels

extension NativeKernels {
    package func add(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        combine(a, b) { cct_u64_add(set, $0, $1, $2, $3) }
    }

    package func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        combine(a, b) { cct_u64_subtract(set, $0, $1, $2, $3) }
    }

    package func multiply(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        combine(a, b) { cct_u64_multiply(set, $0, $1, $2, $3) }
    }

    package func negate(_ a: RingTensor) -> RingTensor {
        multiply(a, scalar: UInt64.max)
    }

    package func add(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        map(a) { cct_u64_affine(set, $0, $1, 1, scalar, $2) }
    }

    package func multiply(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        map(a) { cct_u64_affine(set, $0, $1, scalar, 0, $2) }
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor) {
        update(&sum, a) { cct_u64_add(set, $0, $1, $2, $3) }
    }

    package func accumulate(_ sum: inout RingTensor, subtracting a: RingTensor) {
        update(&sum, a) { cct_u64_subtract(set, $0, $1, $2, $3) }
    }

    package func accumulate(_ sum: inout RingTensor, at start: Int, _ words: UnsafeBufferPointer<UInt64>, xor: Bool) {
        precondition(start >= 0 && start + words.count <= sum.count, "\(words.count) words at \(start) of \(sum.shape)")
        guard let first = words.baseAddress else { return }
        sum.withMutableWords { sum in
            split(words.count) { range in
                let (to, from) = (sum + start + range.lowerBound, first + range.lowerBound)
                xor ? cct_bits_xor(set, to, to, from, range.count) : cct_u64_add(set, to, to, from, range.count)
            }
        }
    }

    package func accumulate(_ sum: inout RingTensor, addingProductOf a: RingTensor, _ b: RingTensor) {
        update(&sum, a, b) { cct_u64_multiply_add(set, $0, $1, $2, $3, $4) }
    }

    package func accumulate(_ sum: inout RingTensor, subtractingProductOf a: RingTensor, _ b: RingTensor) {
        update(&sum, a, b) { cct_u64_multiply_subtract(set, $0, $1, $2, $3, $4) }
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, times scalar: UInt64) {
        update(&sum, a) { cct_u64_add_scaled(set, $0, $1, $2, scalar, $3) }
    }

    package func shiftRight(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return map(a) { cct_u64_shift_right(set, $0, $1, UInt32(bits), $2) }
    }

    package func multiplyHigh(_ a: RingTensor, factor: UInt64) -> RingTensor {
        precondition(factor < 1 << 62, "a factor of at most 62 bits")
        return map(a) { cct_u64_multiply_high(set, $0, $1, factor, $2) }
    }

    package func shiftLeft(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return map(a) { cct_u64_shift_left(set, $0, $1, UInt32(bits), $2) }
    }

    package func lowBits(_ a: RingTensor, _ bits: Int) -> RingTensor {
        let mask = lowBitsMask(bits)
        return map(a) { cct_u64_mask(set, $0, $1, mask, $2) }
    }

    package func sine(_ a: RingTensor, times number: UInt64, plus offset: UInt64) -> RingTensor {
        map(a, work: 8) { cct_u64_sine(set, $0, $1, number, offset, $2) }
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
        let count = sum.count
        phase.withWords { phase in
            cosine.withWords { cosine in
                sine.withWords { sine in
                    sum.withMutableWords { sum in
                        split(count, work: 16) {
                            let start = $0.lowerBound
                            cct_u64_add_harmonic(
                                set,
                                sum + start,
                                phase + start,
                                UInt64(number),
                                cosine + start,
                                sine + start,
                                p,
                                q,
                                $0.count
                            )
                        }
                    }
                }
            }
        }
    }

    package func powerOfTwo(_ a: RingTensor, negated: Bool, plus offset: UInt64, fractionBits: Int) -> RingTensor {
        precondition((0...46).contains(fractionBits), "a power with \(fractionBits) fraction bits")
        return map(a, work: 8) {
            cct_u64_power_of_two(set, $0, $1, negated ? 1 : 0, offset, UInt32(fractionBits), $2)
        }
    }
}

// MARK: Calls that the methods share

extension NativeKernels {
    typealias Words = UnsafePointer<UInt64>
    typealias MutableWords = UnsafeMutablePointer<UInt64>

    func map(_ a: RingTensor, work: Int = 1, _ body: (MutableWords, Words, Int) -> Void) -> RingTensor {
        var out = RingTensor(uninitialized: a.shape)
        let count = a.count
        a.withWords { a in
            out.withMutableWords { out in
                split(count, work: work) { body(out + $0.lowerBound, a + $0.lowerBound, $0.count) }
            }
        }
        return out
    }

    func combine(_ a: RingTensor, _ b: RingTensor, _ body: (MutableWords, Words, Words, Int) -> Void) -> RingTensor {
        precondition(a.count == b.count, "elementwise on shapes \(a.shape) and \(b.shape)")
        var out = RingTensor(uninitialized: a.shape)
        let count = a.count
        a.withWords { a in
            b.withWords { b in
                out.withMutableWords { out in
                    split(count) { body(out + $0.lowerBound, a + $0.lowerBound, b + $0.lowerBound, $0.count) }
                }
            }
        }
        return out
    }

    /// Calls `body` with where the sum goes, the sum as it is, and `a`.
    func update(_ sum: inout RingTensor, _ a: RingTensor, _ body: (MutableWords, Words, Words, Int) -> Void) {
        precondition(sum.count == a.count, "elementwise on shapes \(sum.shape) and \(a.shape)")
        let count = a.count
        a.withWords { a in
            sum.withUpdatedWords { new, old in
                split(count) { body(new + $0.lowerBound, old + $0.lowerBound, a + $0.lowerBound, $0.count) }
            }
        }
    }

    func update(
        _ sum: inout RingTensor,
        _ a: RingTensor,
        _ b: RingTensor,
        _ body: (MutableWords, Words, Words, Words, Int) -> Void
    ) {
        precondition(
            sum.count == a.count && a.count == b.count,
            "elementwise on shapes \(sum.shape), \(a.shape) and \(b.shape)"
        )
        let count = a.count
        a.withWords { a in
            b.withWords { b in
                sum.withUpdatedWords { new, old in
                    split(count) { range in
                        let start = range.lowerBound
                        body(new + start, old + start, a + start, b + start, range.count)
                    }
                }
            }
        }
    }
}
