package import CrypTenRing

/// What a gate's half at the dealer may do in one stage: the same calls as `PartyStage`, on masks.
package final class DealerStage {
    package let parties: Int
    package let kernels: any Kernels
    /// In which slabs gates work: the plan's.
    package let slabs: Slabs
    package let inputs: [DealerValue]
    package let memory: GateMemory
    package private(set) var outputs: [DealerValue] = []

    private let keys: [RunKeys]
    private let numbers: StreamNumbers
    private let sink: any CorrectionSink
    private let clock: WorkClock

    package init(
        kernels: any Kernels,
        slabs: Slabs,
        inputs: [DealerValue],
        memory: GateMemory,
        keys: [RunKeys],
        numbers: StreamNumbers,
        sink: any CorrectionSink,
        clock: WorkClock = WorkClock()
    ) {
        parties = keys.count
        self.kernels = kernels
        self.slabs = slabs
        self.inputs = inputs
        self.memory = memory
        self.keys = keys
        self.numbers = numbers
        self.sink = sink
        self.clock = clock
    }

    // MARK: Operands

    package func wire(_ index: Int) -> WireMask {
        guard case .wire(let wire) = inputs[index] else { preconditionFailure("operand \(index) is not masked") }
        return wire
    }

    package func bits(_ index: Int) -> BitPlanes {
        guard case .bits(let bits) = inputs[index] else { preconditionFailure("operand \(index) is not masked bits") }
        return bits
    }

    package func yield(_ value: DealerValue) {
        outputs.append(value)
    }

    // MARK: Correlations

    /// Deals additive shares: all but the last party's come from their seeds, the last one's is sent.
    package func deal(_ secret: RingTensor) throws {
        let (number, keys) = (numbers.correlation(), keys.dropLast().map(\.correlations))
        guard !kernels.computesAside else {
            var correction = secret
            for key in keys {
                kernels.accumulateExpansion(&correction, key, number: number, from: 0, subtracting: true)
            }
            return try sink.send(correction)
        }
        try sink.send(secret.count) { words, place in
            clock.measure(.expansion) {
                kernels.writeDifference(of: secret, keys, number: number, words: words, to: place)
            }
        }
    }

    /// Deals shares modulo 2^bits of elements of few bits, packed.
    package func deal(_ secret: RingTensor, bits: Int) throws {
        let number = numbers.correlation()
        let words = Slabs.packedWords(bits: bits, count: secret.count)
        var correction = secret
        for key in keys.dropLast() {
            let packed = clock.measure(.expansion) {
                kernels.expand(key.correlations, number: number, from: 0, shape: [words])
            }
            kernels.accumulate(
                &correction,
                subtracting: kernels.unpack(packed, bits: bits, shape: secret.shape)
            )
        }
        try sink.send(kernels.pack(correction, bits: bits))
    }

    /// Deals XOR shares of planes of bits.
    package func deal(_ secret: BitPlanes) throws {
        let (number, keys) = (numbers.correlation(), keys.dropLast().map(\.correlations))
        guard !kernels.computesAside else {
            var correction = secret
            for key in keys { kernels.accumulateBitExpansion(&correction, key, number: number, fromPlane: 0) }
            return try sink.send(correction.asWords)
        }
        try sink.send(secret.wordCount) { words, place in
            clock.measure(.expansion) {
                kernels.writeDifference(of: secret, keys, number: number, words: words, to: place)
            }
        }
    }

    // MARK: Openings

    /// The mask under which the parties open a share in this stage.
    package func openMask(_ shape: Shape) -> RingTensor {
        let number = numbers.mask()
        return clock.measure(.expansion) {
            var mask = kernels.expand(keys[0].masks, number: number, from: 0, shape: shape)
            for key in keys.dropFirst() {
                kernels.accumulateExpansion(&mask, key.masks, number: number, from: 0, subtracting: false)
            }
            return mask
        }
    }

    /// The sum of the parties' `freshShare` words.
    package func freshSum(_ shape: Shape) -> RingTensor {
        openMask(shape)
    }

    /// The masks under which the parties open bits in this stage.
    package func openBitMask(planes: Int, count: Int) -> BitPlanes {
        let number = numbers.bitMask()
        return clock.measure(.expansion) {
            var mask = kernels.expandBits(keys[0].bitMasks, number: number, fromPlane: 0, planes: planes, count: count)
            for key in keys.dropFirst() {
                kernels.accumulateBitExpansion(&mask, key.bitMasks, number: number, fromPlane: 0)
            }
            return mask
        }
    }

    /// The XOR of the parties' `freshBits`.
    package func freshBits(planes: Int, count: Int) -> BitPlanes {
        openBitMask(planes: planes, count: count)
    }

    /// The keys that say into which order a party puts rows.
    package func orderKeys(of party: Int, rows: Int) -> RingTensor {
        let number = numbers.order()
        return clock.measure(.expansion) {
            kernels.expand(keys[party].orders, number: number, from: 0, shape: [rows, RowOrder.wordsOfKey])
        }
    }

    /// The mask of a value that its owner publishes.
    package func publishMask(owner: Int, shape: Shape) -> RingTensor {
        let number = numbers.mask()
        return clock.measure(.expansion) {
            kernels.expand(keys[owner].masks, number: number, from: 0, shape: shape)
        }
    }
}
