import CrypTenBase
import CrypTenGates
import CrypTenRing

/// The memory that a plan's values take at most while it runs, at each party and at the dealer: an estimate.
///
/// It follows the schedule and adds up, after each unit, what is alive then: wires with their hats and mask shares, shares,
/// bits, what was kept by earlier runs; the messages of a round, the masks they are opened under and the peers' frames that
/// wait to be read; what a kernel needs beside its result. Sizes follow from shapes alone, so all roles find the same.
///
/// What a session *holds* is more: blocks of each size as many as were in use at once, for the next run, whose numbers are of
/// the same sizes. A process has its program and its files besides.
package struct PlanMemory: Hashable, Sendable {
    /// What a transport holds for others at most.
    package struct Queues: Hashable, Sendable {
        /// Bytes of corrections that may be on their way, or wait, at the last party.
        package var correctionWindow: Int
        /// Bytes that wait to be sent to one peer.
        package var sending: Int

        package init(correctionWindow: Int, sending: Int) {
            self.correctionWindow = correctionWindow
            self.sending = sending
        }
    }

    /// At each party, the bytes at the worst moment.
    package var partyBytes: [Int]
    /// At each party, of what is bound, before the first step.
    package var boundBytes: [Int] = []
    /// At the dealer.
    package var dealerBytes: Int
    /// At each party, and at the dealer, what the plan's tensors and those that are kept for the next run take.
    package var heldPartyBytes: [Int] = []
    package var heldDealerBytes: Int

    package init(of plan: Plan, schedule: Schedule, queues: Queues) {
        let costs = plan.steps.map { $0.gate.gate.cost(parties: plan.parties, slabs: plan.slabs) }
        let dealt = 8 * costs.reduce(0) { $0 + $1.reduce(0) { $0 + $1.correctionWords } }
        partyBytes = []
        for party in 0..<plan.parties {
            var ledger = Ledger(plan, role: party)
            boundBytes.append(ledger.account.bytes)
            let waiting = party == plan.parties - 1 ? min(queues.correctionWindow, dealt) : 0
            partyBytes.append(waiting + ledger.peak(schedule, costs, sending: queues.sending))
            heldPartyBytes.append(ledger.account.heldBytes)
        }
        var ledger = Ledger(plan, role: nil)
        dealerBytes =
            min(queues.correctionWindow, queues.sending, dealt) + ledger.peak(schedule, costs, sending: queues.sending)
        heldDealerBytes = ledger.account.heldBytes
    }

    /// The party that needs most, or the dealer if that needs more.
    package var largest: Int {
        max(partyBytes.max() ?? 0, dealerBytes)
    }
}

/// Blocks of memory, by size, as they are taken and given back.
private struct BlockAccount {
    /// In use now.
    private(set) var bytes = 0
    /// Of blocks that aren't kept for their size, the most bytes at once.
    private var small = (now: 0, most: 0)
    private var kept: [Int: (now: Int, most: Int)] = [:]

    /// The words of the block that so many bytes get; nil where it isn't kept for its size.
    private static func capacity(of bytes: Int) -> Int? {
        let words = (bytes + 7) / 8
        return words < StoragePool.leastWords ? nil : StoragePool.rounded(words)
    }

    mutating func take(_ bytes: Int) {
        self.bytes += bytes
        if let capacity = BlockAccount.capacity(of: bytes) {
            let (now, most) = kept[capacity] ?? (0, 0)
            kept[capacity] = (now + 1, max(most, now + 1))
        } else {
            small = (small.now + bytes, max(small.most, small.now + bytes))
        }
    }

    mutating func giveBack(_ bytes: Int) {
        self.bytes -= bytes
        if let capacity = BlockAccount.capacity(of: bytes) { kept[capacity]?.now -= 1 } else { small.now -= bytes }
    }

    /// What all that was taken has grown to, if blocks are kept for the next tensor of their size.
    var heldBytes: Int {
        kept.reduce(small.most) { $0 + 8 * $1.key * $1.value.most }
    }
}

/// What one role has in memory as a plan runs.
private struct Ledger {
    /// A slot's value: how many elements, and the blocks that hold it, which several slots may look into.
    private struct Value {
        var count = 0
        var blocks: [Int] = []
    }

    private let plan: Plan
    /// The party; nil: the dealer.
    private let role: Int?
    private var slots: [Value]
    private var sizes: [Int] = []
    private var references: [Int] = []
    private(set) var account = BlockAccount()

    init(_ plan: Plan, role: Int?) {
        self.plan = plan
        self.role = role
        slots = Array(repeating: Value(), count: plan.slots)
        for binding in plan.bindings {
            // All that is bound outlives the run.
            slots[binding.slot] = value(of: binding)
            for block in slots[binding.slot].blocks { references[block] += 1 }
        }
    }

    /// The most bytes at once.
    mutating func peak(_ schedule: Schedule, _ costs: [[StageCost]], sending: Int) -> Int {
        var peak = account.bytes
        /// By step: what it has opened and not read.
        var pending = [Openings](repeating: Openings(), count: plan.steps.count)
        /// Bytes of the peers' frames that are to be read.
        var arriving = 0
        /// What the round before has queued, which is being sent while this one computes.
        var queued = 0
        for round in schedule.rounds {
            var queuing = 0
            for unit in round {
                let step = plan.steps[unit.step]
                let gate = step.gate
                // The peers' words are added to ours where these are, out of the frames that they come in.
                arriving -= pending[unit.step].received
                for bytes in pending[unit.step].kept { account.giveBack(bytes) }
                pending[unit.step] = Openings()
                if unit.isLastStage {
                    for (slot, value) in zip(step.outputs, outputs(of: step)) { slots[slot] = value }
                } else {
                    let opened = openings(costs[unit.step][unit.stage], keepsMask: gate.keepsMask)
                    pending[unit.step] = opened
                    queuing += opened.sent
                    arriving += opened.received
                    for bytes in opened.kept { account.take(bytes) }
                }
                let isBusy = unit.isLastStage || unit.stage == 0
                let scratch = isBusy ? gate.scratch(atDealer: role == nil, slabs: plan.slabs) : []
                for bytes in scratch { account.take(bytes) }
                let sent = min(sending * max(1, plan.parties - 1), queued + queuing)
                peak = max(peak, account.bytes + arriving + sent)
                for bytes in scratch { account.giveBack(bytes) }
                for slot in unit.freed { release(slot) }
            }
            queued = queuing
        }
        return peak
    }

    // MARK: Blocks

    private mutating func block(_ bytes: Int) -> Int {
        sizes.append(bytes)
        references.append(0)
        return sizes.count - 1
    }

    /// A value in new blocks of so many bytes each.
    private mutating func made(_ count: Int, _ bytes: Int...) -> Value {
        holding(Value(count: count, blocks: bytes.filter { $0 > 0 }.map { block($0) }))
    }

    /// A value that looks into what another has.
    private mutating func holding(_ value: Value) -> Value {
        for block in value.blocks {
            if references[block] == 0 { account.take(sizes[block]) }
            references[block] += 1
        }
        return value
    }

    private mutating func release(_ slot: Int) {
        for block in slots[slot].blocks {
            references[block] -= 1
            if references[block] == 0 { account.giveBack(sizes[block]) }
        }
        slots[slot].blocks = []
    }

    // MARK: Values

    private mutating func share(_ count: Int) -> Value {
        role == nil ? Value(count: count) : made(count, 8 * count)
    }

    private mutating func wire(_ count: Int, sharesHeld: Bool = true) -> Value {
        role == nil || !sharesHeld ? made(count, 8 * count) : made(count, 8 * count, 8 * count)
    }

    private mutating func bits(_ count: Int, sharesHeld: Bool = true) -> Value {
        let bytes = 8 * BitPlanes.words(for: count)
        return role == nil || !sharesHeld ? made(count, bytes) : made(count, bytes, bytes)
    }

    private mutating func value(of binding: PlanBinding) -> Value {
        let count = binding.shape.count
        switch binding.source {
        case .input(let owner, _): return role == owner.index ? made(count, 8 * count) : Value(count: count)
        case .plain, .constant: return share(count)
        case .kept(_, .share): return share(count)
        case .kept(_, .wire): return wire(count)
        case .kept(_, .bits): return bits(count)
        }
    }

    /// What a step yields, in new blocks or in those of its operands.
    private mutating func outputs(of step: PlanStep) -> [Value] {
        switch step.gate {
        case .input(let gate): return [wire(gate.shape.count)]
        case .mask(let gate): return [wire(gate.shape.count)]
        case .unmask: return [share(slots[step.inputs[0]].count)]
        case .linear(let gate): return [linear(gate, step)]
        case .addPlain(let gate):
            let first = slots[step.inputs[0]]
            switch gate.form {
            case .share: return [share(first.count)]
            case .bits: return [bits(first.count)]
            case .wire:
                guard role != nil, let hat = first.blocks.first else { return [holding(first)] }
                let sum = block(sizes[hat])
                return [holding(Value(count: first.count, blocks: [sum] + first.blocks.dropFirst()))]
            }
        case .plainProduct(let gate):
            return [share((try? gate.operation.outputShape(gate.left, gate.right).count) ?? 0)]
        case .gather(let gate):
            return [share(gate.table.count / max(1, gate.table[gate.axis]) * gate.indices.count)]
        case .promote(let gate): return [gate.asBits ? bits(gate.shape.count) : wire(gate.shape.count)]
        case .bilinear(let gate): return [share(gate.product.output.count)]
        case .absorbed(let gate): return [wire(gate.shape.count, sharesHeld: false)]
        case .truncate(let gate): return [share(gate.shape.count)]
        case .quotient(let gate): return [share(gate.shape.count)]
        case .truncateInPlace(let gate):
            let count = gate.shape.count
            return [role == nil ? made(count, 8 * count, 8 * count) : made(count, 8 * count, count / 8 + 8)]
        case .truncatedProduct(let gate): return [share(gate.shape.count)]
        case .sign(let gate): return step.outputs.map { _ in bits(gate.shape.count, sharesHeld: gate.sharesHeld) }
        case .truncatedReLU(let gate):
            return [share(gate.shape.count)] + (gate.yieldsBits ? [bits(gate.shape.count)] : [])
        case .revealedSign(let gate): return [revealed(gate.shape.count, to: gate.receiver)]
        case .isZero(let gate): return [bits(gate.shape.count)]
        case .bitToArithmetic(let gate): return [share(gate.shape.count)]
        case .step(let gate): return step.outputs.map { _ in share(gate.shape.count) }
        case .magnitude(let gate): return step.outputs.map { _ in bits(gate.shape.count, sharesHeld: false) }
        case .stepProduct(let gate): return step.outputs.map { _ in share(gate.shape.count) }
        case .select(let gate): return [share(gate.shape.count)]
        case .polynomial(let gate): return [share(gate.shape.count)]
        case .trigonometric(let gate): return [share(gate.shape.count)]
        case .exponential(let gate): return [share(gate.shape.count)]
        case .boolean(let gate): return step.outputs.map { _ in bits(gate.shape.count) }
        case .linearBits(let gate): return step.outputs.map { _ in bits(gate.shape.count) }
        case .maximum(let gate):
            return step.outputs.indices.map { $0 < gate.shares ? share(gate.shape.count) : bits(gate.shape.count) }
        case .random(let gate):
            if case .bit = gate.distribution { return [bits(gate.shape.count)] }
            return [share(gate.shape.count)]
        case .drawnBits(let gate): return step.outputs.map { _ in bits(gate.shape.count) }
        case .permutation(let gate): return gate.shapes.map { share($0.count) }
        case .reshare(let gate): return [share(gate.shape.count)]
        case .reveal(let gate): return [revealed(gate.shape.count, to: gate.receiver)]
        case .revealBits(let gate): return [revealed(gate.shape.count, to: gate.receiver)]
        }
    }

    private mutating func revealed(_ count: Int, to receiver: Int?) -> Value {
        receiver.map { $0 == role } ?? true ? share(count) : Value(count: count)
    }

    private mutating func linear(_ gate: LinearGate, _ step: PlanStep) -> Value {
        let first = slots[step.inputs[0]]
        if case .reshape = gate.operation, gate.form != .bits { return holding(first) }
        let count = gate.operation.outputCount(gate.shapes)
        switch gate.form {
        case .share: return share(count)
        // What comes of a mask that nobody holds has none, either.
        case .wire: return wire(count, sharesHeld: first.blocks.count > 1)
        case .bits: return bits(count)
        }
    }

    // MARK: Messages

    /// What a stage's openings take until the next stage has read them.
    private struct Openings {
        /// Blocks: our messages, and the masks they are opened under.
        var kept: [Int] = []
        /// The bytes that come.
        var received = 0
        /// The bytes that wait to be sent.
        var sent = 0
    }

    private func openings(_ cost: StageCost, keepsMask: Bool) -> Openings {
        var openings = Openings()
        for opening in cost.openings {
            let isMasked = keepsMask && opening.purpose != .reveal
            guard let role else {
                if opening.purpose != .reveal { openings.kept.append(8 * opening.words) }
                continue
            }
            // The owner alone masks its input; the others note that their shares are zero.
            if isMasked { openings.kept.append(8 * opening.words) }
            if opening.sender ?? role == role, opening.receiver ?? role == role {
                openings.kept.append(8 * opening.words)
            }
            for other in 0..<plan.parties where other != role {
                openings.sent += 8 * opening.words(from: role, to: other)
                openings.received += 8 * opening.words(from: other, to: role)
            }
        }
        return openings
    }
}

extension PlanGate {
    /// Whether a party keeps the mask of what it opens: an absorbed product's words and a permutation's are drawn and forgotten.
    fileprivate var keepsMask: Bool {
        switch self {
        case .absorbed, .permutation: false
        default: true
        }
    }

    /// Blocks that the gate's first or last stage needs beside what it reads and yields, in bytes.
    fileprivate func scratch(atDealer: Bool, slabs: Slabs) -> [Int] {
        switch self {
        case .linear(let gate):
            // Bits are moved as words.
            guard gate.form == .bits else { return [] }
            return gate.shapes.map { 8 * $0.count } + [8 * gate.operation.outputCount(gate.shapes)]
        // What is put into its order, beside what it was, and the keys with the columns that are sorted at a time.
        case .permutation(let gate):
            return [
                8 * (gate.shapes.map(\.count).max() ?? 0), 8 * gate.rows * RowOrder.wordsOfKey,
                8 * gate.rows * RowOrder.wordsAtATime,
            ]
        default: return (atDealer ? scratchAtDealer : scratchAtParty(slabs)) + scratchOfDigits(slabs)
        }
    }

    private var scratchAtDealer: [Int] {
        switch self {
        // The product, and the correction that is made of it.
        case .bilinear(let gate): [8 * gate.product.output.count, 8 * gate.product.output.count]
        case .truncateInPlace(let gate): [8 * gate.shape.count, 8 * gate.shape.count]
        default: []
        }
    }

    private func scratchAtParty(_ slabs: Slabs) -> [Int] {
        switch self {
        // Party 0's left operand without its mask.
        case .bilinear(let gate): [8 * gate.product.left.count]
        case .absorbed(let gate): [8 * (gate.products.map(\.left.count).max() ?? 0)]
        case .truncate(let gate): slabs.bytes(of: gate.shape)
        case .quotient(let gate): slabs.bytes(of: gate.shape)
        case .truncatedProduct(let gate): slabs.bytes(of: gate.shape)
        case .bitToArithmetic(let gate): slabs.bytes(of: gate.shape)
        case .step(let gate): gate.outputs.flatMap { _ in slabs.bytes(of: gate.shape) }
        case .stepProduct(let gate):
            (0..<gate.steps.count + gate.products.count).flatMap { _ in slabs.bytes(of: gate.shape) }
        case .polynomial(let gate): slabs.bytes(of: gate.shape)
        case .trigonometric(let gate): slabs.bytes(of: gate.shape)
        case .exponential(let gate): slabs.bytes(of: gate.shape)
        case .maximum(let gate):
            slabs.bytes(of: gate.shape) + (gate.payload == .none ? [] : slabs.bytes(of: gate.shape))
        case .random(let gate): [8 * gate.shape.count]
        default: []
        }
    }

    /// Of gates that compare: a slab's digits and what the levels of the comparison make of them, bit by bit, at every role.
    private func scratchOfDigits(_ slabs: Slabs) -> [Int] {
        let count: Int
        switch self {
        case .sign(let gate): count = gate.shape.count
        case .revealedSign(let gate): count = gate.shape.count
        case .truncatedReLU(let gate): count = gate.shape.count
        case .isZero(let gate): count = gate.shape.count
        case .maximum(let gate): count = gate.shape.count
        case .magnitude(let gate): count = gate.shape.count
        default: return []
        }
        let slab = min(count, slabs.size)
        return [Int](repeating: 8 * slab, count: 6) + [12, 12, 14, 16, 20, 48].map { $0 * slab }
    }
}

extension Slabs {
    /// A result in slabs, before they are joined: the bytes of each.
    fileprivate func bytes(of shape: Shape) -> [Int] {
        of(shape.count).map { 8 * $0.count }
    }
}

extension LinearOperation {
    /// Elements of the result.
    fileprivate func outputCount(_ shapes: [Shape]) -> Int {
        let first = shapes[0]
        switch self {
        case .reshape(let shape), .broadcast(let shape): return shape.count
        case .slice(_, _, let shape): return shape.count
        case .permute, .combine: return first.count
        case .concatenate: return shapes.reduce(0) { $0 + $1.count }
        case .pad(let before, let after):
            return first.dimensions.indices.reduce(1) { $0 * (first[$1] + before[$1] + after[$1]) }
        case .take(let axis, let indices): return first.count / max(1, first[axis]) * indices.count
        case .sum(let axes):
            let summed = axes.reduce(1) { $0 * max(1, first[$1]) }
            return first.count / summed
        }
    }
}
