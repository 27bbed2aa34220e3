package import CrypTenRing

/// What a gate's half at a party may do in one stage: read its inputs, draw words, open, and yield.
package final class PartyStage {
    private let run: PartyRun
    /// The gate's operands, in the plan's order; empty after the stage that read them last.
    package let inputs: [PartyValue]
    /// What earlier stages of this gate left.
    package let memory: GateMemory
    /// What the gate has yielded, in the order of its outputs.
    package private(set) var outputs: [PartyValue] = []
    private var ahead: StepAhead

    package init(_ run: PartyRun, inputs: [PartyValue], memory: GateMemory, ahead: StepAhead = StepAhead()) {
        self.run = run
        self.inputs = inputs
        self.memory = memory
        self.ahead = ahead
    }

    package var party: Int {
        run.party
    }

    package var parties: Int {
        run.parties
    }

    package var kernels: any Kernels {
        run.kernels
    }

    /// In which slabs gates work: the plan's.
    package var slabs: Slabs {
        run.slabs
    }

    /// Whether public terms are added to this party's share.
    package var isFirst: Bool {
        party == 0
    }

    /// A public term as a share of it: itself at party 0, zeros elsewhere.
    package func first(_ term: RingTensor) -> RingTensor {
        isFirst ? term : RingTensor(zeros: term.shape)
    }

    // MARK: Operands

    package func share(_ index: Int) -> RingTensor {
        guard case .share(let share) = inputs[index] else { preconditionFailure("operand \(index) is not a share") }
        return share
    }

    package func wire(_ index: Int) -> MaskedWire {
        guard case .wire(let wire) = inputs[index] else { preconditionFailure("operand \(index) is not masked") }
        return wire
    }

    package func bits(_ index: Int) -> MaskedBits {
        guard case .bits(let bits) = inputs[index] else { preconditionFailure("operand \(index) is not masked bits") }
        return bits
    }

    package func plain(_ index: Int) -> RingTensor {
        guard case .plain(let plain) = inputs[index] else { preconditionFailure("operand \(index) is not plain") }
        return plain
    }

    package func yield(_ value: PartyValue) {
        outputs.append(value)
    }

    // MARK: Correlations

    /// This party's additive share of what was dealt.
    package func correlation(_ shape: Shape) throws -> RingTensor {
        try run.correlations.words(shape.count, number: run.numbers.correlation()).reshaped(to: shape)
    }

    /// The same of elements of few bits, packed: a share modulo 2^bits.
    package func packedCorrelation(_ shape: Shape, bits: Int) throws -> RingTensor {
        try run.correlations.words(Slabs.packedWords(bits: bits, count: shape.count), number: run.numbers.correlation())
    }

    /// This party's XOR share of planes of bits that were dealt.
    package func correlationBits(planes: Int, count: Int) throws -> BitPlanes {
        let words = Slabs.bitWords(planes: planes, count: count)
        let share = try run.correlations.words(words, number: run.numbers.correlation())
        return kernels.planes(share, planes: planes, count: count)
    }

    /// The public part of a wire whose bits the gate reads, for the mask that the correlations are made for: `hat` itself where there is a dealer.
    ///
    /// Parties without one make correlations of bits of another mask r, and have opened λ − r. Then this is `hat − (λ − r) = v + r`: a wire's value
    /// stays, and its mask is r. One call for each request of `deal` that reads bits, in the same order (`DealStage`).
    package func bitwise(_ hat: RingTensor) throws -> RingTensor {
        guard let difference = try run.correlations.difference(hat.count, number: run.numbers.bitwise()) else {
            return hat
        }
        return kernels.subtract(hat, difference)
    }

    /// Goes through the turns of a loop, each of which draws words and uses them.
    ///
    /// Where a device computes, some turns draw before the first one uses what it drew, so that one kernel makes it all; on a processor none does, and
    /// what is drawn stays in the cache.
    func inTurns<Drawn>(
        _ count: Int,
        drawing draw: (Int) throws -> Drawn,
        _ use: (Int, consuming Drawn) throws -> Void
    ) rethrows {
        guard kernels.computesAside else {
            for turn in 0..<count { try use(turn, try draw(turn)) }
            return
        }
        let ahead = 8
        for first in stride(from: 0, to: count, by: ahead) {
            let turns = first..<min(first + ahead, count)
            let drawn = try turns.map(draw)
            for (turn, drawn) in zip(turns, drawn) { try use(turn, drawn) }
        }
    }

    /// What was computed ahead for one of the gate's products.
    func term(ofProduct index: Int) -> MaskedProduct.Term? {
        ahead.terms.indices.contains(index) ? ahead.terms[index] : nil
    }

    // MARK: Openings

    /// Opens a share under a fresh mask of ours; `openedWire` reads it in the next stage.
    package func open(_ share: RingTensor) throws {
        let number = run.numbers.mask()
        let mask = ahead.mask?.reshaped(to: share.shape) ?? expand(run.keys.masks, number: number, share.shape)
        ahead.mask = nil
        memory.tensors.append(mask)
        try run.exchange.append(kernels.add(share, mask), Opening(words: share.count, combination: .sum))
    }

    /// What the stage before opened with `open(_:)`, in the same order: a wire whose mask the parties share.
    package func openedWire() throws -> MaskedWire {
        let mask = memory.tensors.removeFirst()
        return MaskedWire(hat: try opened().reshaped(to: mask.shape), maskShare: mask)
    }

    /// Words of ours that the dealer sums over the parties: an absorbed product's `t`, which masks its opening.
    package func freshShare(_ shape: Shape) -> RingTensor {
        expand(run.keys.masks, number: run.numbers.mask(), shape)
    }

    /// Passes over words of ours that the dealer alone sums: a number drawn for the parties, who get shares of it.
    package func skipFreshShare() {
        _ = run.numbers.mask()
    }

    /// XOR shares of bits that nobody knows: fresh words of ours, whose sum the dealer knows.
    package func freshBits(planes: Int, count: Int) -> BitPlanes {
        expandBits(run.keys.bitMasks, number: run.numbers.bitMask(), planes: planes, count: count)
    }

    /// Bits that this party alone draws: with those of the others, XOR shares of bits that nobody knows, nor the dealer.
    package func ownBits(planes: Int, count: Int) -> BitPlanes {
        expandBits(run.ownKey, number: run.numbers.ownDraw(), planes: planes, count: count)
    }

    /// Opens a message that holds `freshShare` words as its mask; `openedWords` reads it in the next stage.
    package func open(masked message: RingTensor) throws {
        try run.exchange.append(message, Opening(words: message.count, combination: .sum))
    }

    /// What the stage before opened with `open(masked:)`, in the same order.
    package func openedWords(_ shape: Shape) throws -> RingTensor {
        try opened().reshaped(to: shape)
    }

    /// Opens XOR shares of bits under fresh masks of ours; `openedBits` reads them in the next stage.
    ///
    /// Who gives them up has them opened where they are.
    package func open(_ shares: consuming BitPlanes) throws {
        let mask = freshBits(planes: shares.planes, count: shares.count)
        var message = shares
        kernels.accumulate(&message, xor: mask)
        memory.bits.append(mask)
        let words = Slabs.bitWords(planes: mask.planes, count: mask.count)
        try run.exchange.append(message.asWords, Opening(words: words, combination: .xor))
    }

    /// What the stage before opened with `open(_: BitPlanes)`, in the same order.
    package func openedBits() throws -> MaskedBits {
        let mask = memory.bits.removeFirst()
        let hat = kernels.planes(try opened(), planes: mask.planes, count: mask.count)
        return MaskedBits(hat: hat, maskShare: mask)
    }

    /// The owner's value under its own mask, sent by the owner alone; `openedInput` reads it in the next stage.
    ///
    /// - Parameter value: the encoded value at the owner, nil at the others.
    package func publish(_ value: RingTensor?, owner: Int, shape: Shape) throws {
        let number = run.numbers.mask()
        var part: RingTensor?
        if party == owner {
            guard let value else { preconditionFailure("the owner has its input") }
            let mask = expand(run.keys.masks, number: number, shape)
            memory.tensors.append(mask)
            part = kernels.add(value, mask)
        } else {
            memory.tensors.append(RingTensor(zeros: shape))
        }
        try run.exchange.append(part, Opening(words: shape.count, combination: .sum, purpose: .input, sender: owner))
    }

    /// Sends a share, re-randomised by a fresh sharing of zero, to `receiver` or to all; `revealed` reads the sum.
    package func reveal(_ share: RingTensor, to receiver: Int?) throws {
        let opening = Opening(words: share.count, combination: .sum, purpose: .reveal, receiver: receiver)
        try run.exchange.append(reshared(share), opening)
    }

    /// A share of the same value, after a fresh sharing of zero.
    package func reshared(_ share: RingTensor) -> RingTensor {
        var part = share
        let number = run.numbers.zero()
        for (other, key) in run.pairKeys.enumerated() {
            guard let key else { continue }
            let words = expand(key, number: number, share.shape)
            party < other ? kernels.accumulate(&part, adding: words) : kernels.accumulate(&part, subtracting: words)
        }
        return part
    }

    /// The same of XOR shares of one plane of bits.
    package func reveal(_ share: BitPlanes, to receiver: Int?) throws {
        var part = share
        let number = run.numbers.zero()
        for key in run.pairKeys {
            guard let key else { continue }
            run.clock.measure(.expansion) { kernels.accumulateBitExpansion(&part, key, number: number, fromPlane: 0) }
        }
        let words = Slabs.bitWords(planes: share.planes, count: share.count)
        let opening = Opening(words: words, combination: .xor, purpose: .reveal, receiver: receiver)
        try run.exchange.append(part.asWords, opening)
    }

    /// Sends a share under a fresh mask of ours to one party, which adds its own to it; `openedHere` reads the sum.
    package func open(_ share: RingTensor, to receiver: Int) throws {
        try open(masked: kernels.add(share, freshShare(share.shape)), to: receiver)
    }

    /// Sends a message that holds `freshShare` words as its mask to one party; `openedHere` reads the sum.
    package func open(masked message: RingTensor, to receiver: Int) throws {
        try run.exchange.append(message, Opening(words: message.count, combination: .sum, receiver: receiver))
    }

    /// What the stage before opened with `open(_:to:)`, in the same order; nil at all but the one party.
    package func openedHere(_ shape: Shape) throws -> RingTensor? {
        try run.exchange.next()?.reshaped(to: shape)
    }

    /// The keys that say into which order a party puts rows; nil at the others.
    package func orderKeys(of party: Int, rows: Int) -> RingTensor? {
        let number = run.numbers.order()
        guard party == self.party else { return nil }
        return expand(run.keys.orders, number: number, [rows, RowOrder.wordsOfKey])
    }

    /// What the stage before revealed; nil where another party learns it.
    package func revealed() throws -> RingTensor? {
        try run.exchange.next()
    }

    private func opened() throws -> RingTensor {
        guard let words = try run.exchange.next() else { preconditionFailure("every party gets what is opened") }
        return words
    }

    // MARK: Words

    private func expand(_ key: ExpansionKey, number: UInt64, _ shape: Shape) -> RingTensor {
        run.clock.measure(.expansion) { kernels.expand(key, number: number, from: 0, shape: shape) }
    }

    private func expandBits(_ key: ExpansionKey, number: UInt64, planes: Int, count: Int) -> BitPlanes {
        run.clock.measure(.expansion) {
            kernels.expandBits(key, number: number, fromPlane: 0, planes: planes, count: count)
        }
    }
}
