package import CrypTenRing

/// `elementwise`: the operation is an argument, the same for all work-items.
extension DeviceKernels {
    package func add(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        elements(.add, a, b)
    }

    package func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        elements(.subtract, a, b)
    }

    package func multiply(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        elements(.multiply, a, b)
    }

    package func negate(_ a: RingTensor) -> RingTensor {
        elements(.negate, a)
    }

    package func add(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        elements(.addScalar, a, s: scalar)
    }

    package func multiply(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        elements(.multiplyScalar, a, s: scalar)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor) {
        // 1 · a: an operation of its own would save nothing.
        update(&sum, .addTimes, a, s: 1)
    }

    package func accumulate(_ sum: inout RingTensor, subtracting a: RingTensor) {
        update(&sum, .addTimes, a, s: .max)
    }

    package func accumulate(_ sum: inout RingTensor, addingProductOf a: RingTensor, _ b: RingTensor) {
        update(&sum, .addProduct, a, b)
    }

    package func accumulate(_ sum: inout RingTensor, subtractingProductOf a: RingTensor, _ b: RingTensor) {
        update(&sum, .subtractProduct, a, b)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, times scalar: UInt64) {
        update(&sum, .addTimes, a, s: scalar)
    }

    package func shiftRight(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return elements(.shiftRight, a, s: UInt64(bits))
    }

    package func multiplyHigh(_ a: RingTensor, factor: UInt64) -> RingTensor {
        precondition(factor < 1 << 62, "a factor of at most 62 bits")
        return elements(.multiplyHigh, a, s: factor)
    }

    package func shiftLeft(_ a: RingTensor, by bits: Int) -> RingTensor {
        precondition((0...63).contains(bits), "a shift by \(bits) bits")
        return elements(.shiftLeft, a, s: UInt64(bits))
    }

    package func lowBits(_ a: RingTensor, _ bits: Int) -> RingTensor {
        elements(.lowBits, a, s: lowBitsMask(bits))
    }

    package func sine(_ a: RingTensor, times number: UInt64, plus offset: UInt64) -> RingTensor {
        elements(.sine, a, s: number, t: offset)
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
        return elements(.powerOfTwo, a, s: UInt64(fractionBits), t: offset, flag: negated)
    }

    // MARK: Where a bit is 1

    package func keep(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        elements(.keepWhere, a, bits: bits)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, where bits: BitPlanes) {
        update(&sum, .addWhere, a, bits: bits)
    }

    package func negate(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        elements(.negateWhere, a, bits: bits)
    }

    package func selection(
        of hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool
    ) -> RingTensor {
        elements(.selection, hat, beta, product, mask, bits: bits, flag: first)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        adding a: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
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
        return onDevice { call in
            let places = try operands.map(call.upload)
            // The result takes the first operand's place.
            let to = places[0]
            try call.elementwise(operation, to, shape.count, places, bits: bits.map(call.upload), s, t, 0, flag)
            return try call.download(to, shape: shape)
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
        onDevice { call in
            let to = try call.upload(sum)
            let places = try operands.map(call.upload)
            try call.elementwise(operation, to, sum.count, places, bits: bits.map(call.upload), s, t, v, false)
            try call.download(to, into: &sum)
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
        _ flag: Bool = false
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
            operation: operation.rawValue,
            flags: flag ? 1 : 0
        )
        try forEach(count, "elementwise", arguments)
    }
}
