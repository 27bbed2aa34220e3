package import CrypTenRing

/// `elementwise`: the operation is an argument, the same for all work-items.
extension DeviceKernels {
    package func add(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        staysOnHost(a, b) ? host.add(a, b) : elements(.add, a, b)
    }

    package func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        staysOnHost(a, b) ? host.subtract(a, b) : elements(.subtract, a, b)
    }

    package func multiply(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        staysOnHost(a, b) ? host.multiply(a, b) : elements(.multiply, a, b)
    }

    package func negate(_ a: RingTensor) -> RingTensor {
        staysOnHost(a) ? host.negate(a) : elements(.negate, a)
    }

    package func add(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        staysOnHost(a) ? host.add(a, scalar: scalar) : elements(.addScalar, a, s: scalar)
    }

    package func multiply(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        staysOnHost(a) ? host.multiply(a, scalar: scalar) : elements(.multiplyScalar, a, s: scalar)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor) {
        if staysOnHost(sum, a) { return host.accumulate(&sum, adding: a) }
        // 1 · a: an operation of its own would save nothing.
        update(&sum, .addTimes, a, s: 1)
    }

    package func accumulate(_ sum: inout RingTensor, subtracting a: RingTensor) {
        if staysOnHost(sum, a) { return host.accumulate(&sum, subtracting: a) }
        update(&sum, .addTimes, a, s: .max)
    }

    package func accumulate(_ sum: inout RingTensor, addingProductOf a: RingTensor, _ b: RingTensor) {
        if staysOnHost(sum, a, b) { return host.accumulate(&sum, addingProductOf: a, b) }
        update(&sum, .addProduct, a, b)
    }

    package func accumulate(_ sum: inout RingTensor, subtractingProductOf a: RingTensor, _ b: RingTensor) {
        if staysOnHost(sum, a, b) { return host.accumulate(&sum, subtractingProductOf: a, b) }
        update(&sum, .subtractProduct, a, b)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, times scalar: UInt64) {
        if staysOnHost(sum, a) { return host.accumulate(&sum, adding: a, times: scalar) }
        update(&sum, .addTimes, a, s: scalar)
    }

    package func shiftRight(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return staysOnHost(a) ? host.shiftRight(a, by: bits) : elements(.shiftRight, a, s: UInt64(bits))
    }

    package func multiplyHigh(_ a: RingTensor, factor: UInt64) -> RingTensor {
        precondition(factor < 1 << 62, "a factor of at most 62 bits")
        return staysOnHost(a) ? host.multiplyHigh(a, factor: factor) : elements(.multiplyHigh, a, s: factor)
    }

    package func shiftLeft(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return staysOnHost(a) ? host.shiftLeft(a, by: bits) : elements(.shiftLeft, a, s: UInt64(bits))
    }

    package func lowBits(_ a: RingTensor, _ bits: Int) -> RingTensor {
        staysOnHost(a) ? host.lowBits(a, bits) : elements(.lowBits, a, s: lowBitsMask(bits))
    }

    package func sine(_ a: RingTensor, times number: UInt64, plus offset: UInt64) -> RingTensor {
        staysOnHost(a)
            ? host.sine(a, times: number, plus: offset) : elements(.sine, a, s: number, t: offset)
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
        if staysOnHost(sum, phase, cosine, sine) {
            return host.accumulate(
                &sum,
                harmonic: number,
                of: phase,
                cosine: cosine,
                sine: sine,
                factors: factors
            )
        }
        update(
            &sum,
            .harmonic,
            phase,
            cosine,
            sine,
            s: UInt64(number),
            t: UInt64(bitPattern: factors.p),
            v: UInt64(bitPattern: factors.q)
        )
    }

    package func powerOfTwo(_ a: RingTensor, negated: Bool, plus offset: UInt64, fractionBits: Int) -> RingTensor {
        precondition((0...46).contains(fractionBits), "a power with \(fractionBits) fraction bits")
        if staysOnHost(a) {
            return host.powerOfTwo(a, negated: negated, plus: offset, fractionBits: fractionBits)
        }
        return elements(.powerOfTwo, a, s: UInt64(fractionBits), t: offset, flag: negated)
    }

    // MARK: Where a bit is 1

    package func keep(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        staysOnHost(a, bits) ? host.keep(a, where: bits) : elements(.keepWhere, a, bits: bits)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, where bits: BitPlanes) {
        if staysOnHost(sum, a, bits) { return host.accumulate(&sum, adding: a, where: bits) }
        update(&sum, .addWhere, a, bits: bits)
    }

    package func negate(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        staysOnHost(a, bits) ? host.negate(a, where: bits) : elements(.negateWhere, a, bits: bits)
    }

    package func selection(
        of hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool
    ) -> RingTensor {
        if staysOnHost(hat, beta, product, mask, bits) {
            return host.selection(of: hat, beta: beta, product: product, mask: mask, where: bits, first: first)
        }
        return elements(.selection, hat, beta, product, mask, bits: bits, flag: first)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        adding a: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        if staysOnHost(sum, a, bits) {
            return host.accumulate(&sum, adding: a, times: factor, negatedWhere: bits)
        }
        update(&sum, .addTimesNegatedWhere, a, bits: bits, s: factor)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingProductOf a: RingTensor,
        _ b: RingTensor,
        less c: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        if staysOnHost(sum, a, b, c, bits) {
            return host.accumulate(&sum, addingProductOf: a, b, less: c, times: factor, negatedWhere: bits)
        }
        update(&sum, .addProductLess, a, b, c, bits: bits, s: factor)
    }

    // MARK: What the methods share

    /// A tensor of the first operand's shape.
    private func elements(
        _ operation: ElementwiseOperation,
        _ operands: RingTensor...,
        bits: BitPlanes? = nil,
        s: UInt64 = 0,
        t: UInt64 = 0,
        flag: Bool = false
    ) -> RingTensor {
        let shape = operands[0].shape
        check(shape, operands, bits)
        return onDevice(RingTensor(zeros: shape)) { call in
            let places = try operands.map { try call.place(of: $0) }
            let bits = try bits.map { try call.place(of: $0) }
            let (out, to) = try call.tensor(shape)
            try call.elementwise(operation, to, shape.count, places, bits: bits, s, t, 0, flag)
            return out
        }
    }

    /// Changes a tensor.
    private func update(
        _ sum: inout RingTensor,
        _ operation: ElementwiseOperation,
        _ operands: RingTensor...,
        bits: BitPlanes? = nil,
        s: UInt64 = 0,
        t: UInt64 = 0,
        v: UInt64 = 0
    ) {
        check(sum.shape, operands, bits)
        let count = sum.count
        onDevice(()) { call in
            let places = try operands.map { try call.place(of: $0) }
            let bits = try bits.map { try call.place(of: $0) }
            try call.renew(&sum) { to, old in
                try call.elementwise(operation, to, count, places, bits: bits, s, t, v, sum: old)
            }
        }
    }

    private func check(_ shape: Shape, _ operands: [RingTensor], _ bits: BitPlanes?) {
        precondition(
            operands.allSatisfy { $0.count == shape.count },
            "elementwise on shapes \(shape) and \(operands.map(\.shape))"
        )
        guard let bits else { return }
        precondition(
            bits.planes == 1 && bits.count == shape.count,
            "\(bits.planes) planes of \(bits.count) bits where one of \(shape.count) is meant"
        )
    }
}

extension DeviceCall {
    func elementwise(
        _ operation: ElementwiseOperation,
        _ to: DeviceAddress,
        _ count: Int,
        _ operands: [DeviceAddress],
        bits: DeviceAddress? = nil,
        _ s: UInt64 = 0,
        _ t: UInt64 = 0,
        _ v: UInt64 = 0,
        _ flag: Bool = false,
        sum: DeviceAddress? = nil
    ) throws {
        func operand(_ index: Int) -> DeviceAddress { index < operands.count ? operands[index] : 0 }
        let arguments = ElementwiseArguments(
            to: to,
            a: operand(0),
            b: operand(1),
            c: operand(2),
            d: operand(3),
            bits: bits ?? 0,
            count: UInt64(count),
            s: s,
            t: t,
            v: v,
            sum: sum ?? to,
            operation: operation.rawValue,
            flags: flag ? 1 : 0
        )
        try forEach(count, "elementwise", arguments)
    }
}
