package import CrypTenRing

/// A gate's `deal` at the dealer, who has the masks: it computes what is asked for, and sends what makes it shares.
///
/// What the requests are is `DealStage`'s to say; how they are answered stands in `Correlations`.
package final class DealerStage: DealStage {
    package let kernels: any Kernels
    package let slabs: Slabs
    package let inputs: [DealerValue]
    package let memory: MaskMemory<RingTensor, BitPlanes>
    package private(set) var outputs: [DealerValue] = []

    private let keys: [RunKeys]
    private let numbers: StreamNumbers
    private let sink: any CorrectionSink
    private let clock: WorkClock

    package init(
        kernels: any Kernels,
        slabs: Slabs,
        inputs: [DealerValue],
        memory: MaskMemory<RingTensor, BitPlanes>,
        keys: [RunKeys],
        numbers: StreamNumbers,
        sink: any CorrectionSink,
        clock: WorkClock = WorkClock()
    ) {
        self.kernels = kernels
        self.slabs = slabs
        self.inputs = inputs
        self.memory = memory
        self.keys = keys
        self.numbers = numbers
        self.sink = sink
        self.clock = clock
    }

    /// What a gate of a run keeps between its stages: made here, where its types are known.
    package static func emptyMemory() -> MaskMemory<RingTensor, BitPlanes> {
        MaskMemory()
    }

    package func yield(_ value: DealerValue) {
        outputs.append(value)
    }

    // MARK: What is sent

    /// Deals additive shares: all but the last party's come from their seeds, the last one's is sent.
    func deal(_ secret: RingTensor) throws {
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
    func deal(_ secret: RingTensor, bits: Int) throws {
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
    func deal(_ secret: BitPlanes) throws {
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

    // MARK: What the seeds say

    /// The sum of a mask's words over the parties.
    func maskSum(_ shape: Shape) -> RingTensor {
        let number = numbers.mask()
        return clock.measure(.expansion) {
            var mask = kernels.expand(keys[0].masks, number: number, from: 0, shape: shape)
            for key in keys.dropFirst() {
                kernels.accumulateExpansion(&mask, key.masks, number: number, from: 0, subtracting: false)
            }
            return mask
        }
    }

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

    package func publishMask(owner: Int, shape: Shape) -> RingTensor {
        let number = numbers.mask()
        return clock.measure(.expansion) {
            kernels.expand(keys[owner].masks, number: number, from: 0, shape: shape)
        }
    }

    /// The keys that say into which order a party puts rows.
    func orderKeys(of party: Int, rows: Int) -> RingTensor {
        let number = numbers.order()
        return clock.measure(.expansion) {
            kernels.expand(keys[party].orders, number: number, from: 0, shape: [rows, RowOrder.wordsOfKey])
        }
    }

    /// Counts a request that reads bits: the parties count their `bitwise(_:)`, and the public part that goes with a dealer's mask is as it is.
    func readBits() {
        _ = numbers.bitwise()
    }
}
