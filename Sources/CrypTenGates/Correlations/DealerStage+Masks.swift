package import CrypTenRing

// Functions of masks of ring elements, computed where the masks are known.
extension DealerStage {
    // MARK: Products

    package func openMask(_ shape: Shape, absorbing products: [MaskProduct<RingTensor>]) -> RingTensor {
        var mask = maskSum(shape)
        for product in products { accumulate(&mask, product, subtracting: true) }
        return mask
    }

    package func dealProduct(_ product: MaskProduct<RingTensor>) throws {
        var masks = RingTensor(zeros: product.form.output)
        accumulate(&masks, product, subtracting: false)
        try deal(masks)
    }

    private func accumulate(_ sum: inout RingTensor, _ product: MaskProduct<RingTensor>, subtracting: Bool) {
        kernels.accumulate(
            &sum,
            product.form.operation,
            product.left.reshaped(to: product.form.left),
            product.right.reshaped(to: product.form.right),
            subtracting: subtracting
        )
    }

    package func dealProduct(of wire: WireMask<RingTensor>, times other: RingTensor) throws {
        try dealFunction(of: wire) { kernels.multiply($0, other) }
    }

    package func dealPowers(of wire: WireMask<RingTensor>, exponents: ClosedRange<Int>) throws {
        for exponent in exponents {
            try dealFunction(of: wire) { mask in
                (1..<exponent).reduce(mask) { power, _ in kernels.multiply(power, mask) }
            }
        }
    }

    package func dealShares(of wire: WireMask<RingTensor>) throws {
        try dealFunction(of: wire) { $0 }
    }

    /// Deals shares of a function of the mask, and, of a wire with two masks, of its difference between them.
    ///
    /// The function must be a polynomial then: the difference is a multiple of 2^(64 − shift), and is dealt modulo 2^shift.
    func dealFunction(of wire: WireMask<RingTensor>, _ function: (RingTensor) -> RingTensor) throws {
        let base = function(wire.mask)
        try deal(base)
        if let alternative = wire.alternative {
            var difference = function(alternative.mask)
            kernels.accumulate(&difference, subtracting: base)
            try deal(kernels.shiftRight(difference, by: 64 - alternative.shift), bits: alternative.shift)
        }
    }

    // MARK: What reads bits

    package func bits(of wire: WireMask<RingTensor>, _ ranges: [Range<Int>]) -> [BitPlanes] {
        readBits()
        return ranges.map { kernels.planes(of: wire.mask, from: $0.lowerBound, count: $0.count) }
    }

    package func truncated(_ wire: WireMask<RingTensor>, by shift: Int) -> WireMask<RingTensor> {
        precondition(
            (1...62).contains(shift) && wire.alternative == nil,
            "a truncation is by 1 to 62 bits, and not of one"
        )
        readBits()
        let high = kernels.shiftRight(wire.mask, by: shift)
        var alternative = high
        let top = kernels.shiftRight(wire.mask, by: 63)
        kernels.accumulate(&alternative, subtracting: kernels.shiftLeft(top, by: 64 - shift))
        return WireMask(mask: high, sharesHeld: false, alternative: .init(mask: alternative, shift: shift))
    }

    package func dealQuotient(of mask: RingTensor, factor: UInt64) throws {
        readBits()
        try deal(kernels.multiplyHigh(mask, factor: factor))
        try deal(kernels.shiftRight(mask, by: 63))
    }

    package func dealOctaves(
        of mask: RingTensor,
        where bits: BitPlanes,
        entries: Int,
        octaves: Int,
        fractionBits: Int
    ) throws {
        readBits()
        let other = kernels.not(bits)
        for entry in 0..<entries {
            let start = UInt64(entry * (64 / entries)) &* ExponentialGate.octave
            let power = kernels.powerOfTwo(mask, negated: true, plus: start, fractionBits: fractionBits)
            try deal(kernels.keep(power, where: bits))
            try deal(kernels.keep(power, where: other))
        }
    }

    // MARK: Sines

    package func dealHarmonics(of mask: RingTensor, numbers: ClosedRange<Int>) throws {
        for number in numbers {
            try deal(kernels.sine(mask, times: UInt64(number), plus: TrigonometricGate.quarter))
            try deal(kernels.sine(mask, times: UInt64(number), plus: 0))
        }
    }
}
