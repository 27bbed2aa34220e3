package import CrypTenRing

/// `elementwise`: operations are arguments, the same for all work-items, and run when somebody reads what they make, with what they read.
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
        return promise(.init(operation: operation, s: s, t: t, flag: flag), operands, sum: nil, bits: bits, shape)
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
        var old: RingTensor? = sum
        // A sum of nothing yet.
        if case .repeating(0)? = sum.storage.unread { old = nil }
        let shape = sum.shape
        sum = RingTensor(zeros: [0])
        let step = ArithmeticPromise.Step(operation: operation, s: s, t: t, v: v)
        sum = promise(step, operands, sum: old, bits: bits, shape)
    }

    /// Elements that an operation makes when somebody reads them.
    private func promise(
        _ step: ArithmeticPromise.Step,
        _ operands: [RingTensor],
        sum: RingTensor?,
        bits: BitPlanes?,
        _ shape: Shape
    ) -> RingTensor {
        guard shape.count > 0 else { return RingTensor(uninitialized: shape) }
        let promise = ArithmeticPromise(step, operands, sum: sum, bits: bits, self)
        return RingTensor(storage: Storage(.promise(promise), count: shape.count), firstWord: 0, shape: shape)
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
    /// Runs a promise's step, with those of what it reads and isn't made yet; its own result goes to a place.
    func compute(_ promise: ArithmeticPromise, to place: DeviceAddress) throws {
        let fusion = ArithmeticFusion(promise)
        var bases = try fusion.blocks.map { try $0.map { try self.place(of: $0.storage, from: $0.firstWord) } ?? 0 }
        let (own, others) = (fusion.outputs.last!, fusion.outputs.dropLast())
        let made = try others.map { _ in try newWords(fusion.count) }
        for (output, words) in zip(others, made) { bases[output.block] = words.block.address }
        bases[own.block] = place
        let steps = fusion.parts.map { part in
            let elements = part.promise.elements
            return ElementwiseStep(
                part.promise.step,
                out: part.out,
                operands: Array(part.places[..<elements]),
                sum: part.promise.hasSum ? part.places[elements] : nil,
                bits: part.promise.hasBits ? part.places.last : nil
            )
        }
        try elementwise(steps, bases, fusion.walks, fusion.count)
        for (output, words) in zip(others, made) { fusion.parts[output.part].shared?.computed(words) }
    }

    private func elementwise(
        _ steps: [ElementwiseStep],
        _ bases: [DeviceAddress],
        _ walks: [ElementWalk],
        _ count: Int
    ) throws {
        try launch(
            "elementwise",
            groups: DeviceGroups(for: count, threads: Self.threads),
            threads: Self.threads,
            bytes: ElementwiseArguments.bytes
        ) { buffer in
            for (index, step) in steps.enumerated() {
                let place = index * MemoryLayout<ElementwiseStep>.stride
                buffer.storeBytes(of: step, toByteOffset: place, as: ElementwiseStep.self)
            }
            for (index, base) in bases.enumerated() {
                let place = ElementwiseArguments.bases + 8 * index
                buffer.storeBytes(of: base, toByteOffset: place, as: DeviceAddress.self)
            }
            for (index, walk) in walks.enumerated() {
                let place = ElementwiseArguments.firstWalk + index * ElementwiseArguments.walkBytes
                for (number, value) in walk.numbers.enumerated() {
                    buffer.storeBytes(of: value, toByteOffset: place + 4 * number, as: UInt32.self)
                }
            }
            buffer.storeBytes(of: UInt64(count), toByteOffset: ElementwiseArguments.count, as: UInt64.self)
            buffer.storeBytes(of: UInt32(steps.count), toByteOffset: ElementwiseArguments.stepCount, as: UInt32.self)
        }
    }
}

extension ElementwiseStep {
    fileprivate init(
        _ step: ArithmeticPromise.Step,
        out: UInt8,
        operands: [UInt8],
        sum: UInt8?,
        bits: UInt8?
    ) {
        func place(_ index: Int) -> UInt32 {
            UInt32(index < operands.count ? operands[index] : ElementwiseArguments.noPlace)
        }
        self.init(
            s: step.s,
            t: step.t,
            v: step.v,
            operation: step.operation.rawValue,
            flags: step.flag ? 1 : 0,
            places: UInt32(out) | place(0) << 8 | place(1) << 16 | place(2) << 24,
            more: place(3) | UInt32(sum ?? ElementwiseArguments.noPlace) << 8
                | UInt32(bits ?? ElementwiseArguments.noPlace) << 16
        )
    }
}
