import CrypTenBase
import CrypTenGates
import CrypTenRing

/// The memory that a plan's values take at most while it runs, at each party and at the dealer: an estimate.
///
/// It follows the schedule and adds up, after each unit, what is alive then: wires with their hats and mask shares, shares,
/// bits, what was kept by earlier runs; the messages of a round, the masks they are opened under and the peers' frames that
/// wait to be read; what a kernel needs beside its result. Sizes follow from shapes alone, so all roles find the same. A
/// process has more than that: its program, its files, and room in blocks that a tensor doesn't fill.
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
    /// At the dealer.
    package var dealerBytes: Int

    package init(of plan: Plan, schedule: Schedule, queues: Queues) {
        let costs = plan.steps.map { $0.gate.gate.cost(parties: plan.parties) }
        let dealt = 8 * costs.reduce(0) { $0 + $1.reduce(0) { $0 + $1.correctionWords } }
        partyBytes = (0..<plan.parties).map { party in
            var ledger = Ledger(plan, role: party)
            let waiting = party == plan.parties - 1 ? min(queues.correctionWindow, dealt) : 0
            return waiting + ledger.peak(schedule, costs, sending: queues.sending)
        }
        var ledger = Ledger(plan, role: nil)
        dealerBytes =
            min(queues.correctionWindow, queues.sending, dealt) + ledger.peak(schedule, costs, sending: queues.sending)
    }

    /// The party that needs most, or the dealer if that needs more.
    package var largest: Int {
        max(partyBytes.max() ?? 0, dealerBytes)
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
    private var live = 0

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
        var peak = live
        var pending = [Int](repeating: 0, count: plan.steps.count)
        /// What the round before has queued, which is being sent while this one computes.
        var queued = 0
        for round in schedule.rounds {
            var queuing = 0
            for unit in round {
                let step = plan.steps[unit.step]
                let gate = step.gate
                live -= pending[unit.step]
                pending[unit.step] = 0
                if unit.isLastStage {
                    for (slot, value) in zip(step.outputs, outputs(of: step)) { slots[slot] = value }
                } else {
                    let opened = openings(costs[unit.step][unit.stage], keepsMask: gate.keepsMask)
                    pending[unit.step] = opened.kept
                    queuing += opened.sent
                    live += opened.kept
                }
                let isBusy = unit.isLastStage || unit.stage == 0
                let scratch = isBusy ? gate.scratch(atDealer: role == nil) : 0
                peak = max(peak, live + scratch + min(sending * max(1, plan.parties - 1), queued + queuing))
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
            if references[block] == 0 { live += sizes[block] }
            references[block] += 1
        }
        return value
    }

    private mutating func release(_ slot: Int) {
        for block in slots[slot].blocks {
            references[block] -= 1
            if references[block] == 0 { live -= sizes[block] }
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

    /// The bytes that a stage's openings take until the next stage has read them: our message, the mask it is opened under,
    /// and what the peers send; and those that wait to be sent.
    private func openings(_ cost: StageCost, keepsMask: Bool) -> (kept: Int, sent: Int) {
        var (kept, sent) = (0, 0)
        for opening in cost.openings {
            let isMasked = keepsMask && opening.purpose != .reveal
            guard let role else {
                if opening.purpose != .reveal { kept += opening.words }
                continue
            }
            // The owner alone masks its input; the others note that their shares are zero.
            if isMasked { kept += opening.words }
            if opening.sender ?? role == role, opening.receiver ?? role == role { kept += opening.words }
            for other in 0..<plan.parties where other != role {
                sent += opening.words(from: role, to: other)
                kept += opening.words(from: other, to: role)
            }
        }
        return (8 * kept, 8 * sent)
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

    /// Bytes that the gate's first or last stage needs beside what it reads and yields.
    fileprivate func scratch(atDealer: Bool) -> Int {
        switch self {
        case .linear(let gate):
            // Bits are moved as words.
            return gate.form == .bits
                ? 8 * (gate.shapes.reduce(0) { $0 + $1.count } + gate.operation.outputCount(gate.shapes)) : 0
        case .addPlain: return 0
        // The dealer's product, and the correction that is made of it; party 0's left operand without its mask.
        case .bilinear(let gate): return atDealer ? 16 * gate.product.output.count : 8 * gate.product.left.count
        case .absorbed(let gate): return atDealer ? 0 : 8 * (gate.products.map(\.left.count).max() ?? 0)
        case .truncateInPlace(let gate): return atDealer ? 16 * gate.shape.count : 0
        // Slabs, before they are joined.
        case .truncate(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .quotient(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .truncatedProduct(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .truncatedReLU(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .bitToArithmetic(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .step(let gate): return atDealer ? 0 : 8 * gate.outputs.count * gate.shape.count
        case .stepProduct(let gate):
            return atDealer ? 0 : 8 * (gate.steps.count + gate.products.count) * gate.shape.count
        case .select(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .polynomial(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .trigonometric(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .exponential(let gate): return atDealer ? 0 : 8 * gate.shape.count
        case .maximum(let gate): return atDealer ? 0 : 8 * gate.shape.count * (gate.payload == .none ? 1 : 2)
        case .random(let gate): return atDealer ? 0 : 8 * gate.shape.count
        // What is put into its order, beside what it was, and the keys with the columns that are sorted at a time.
        case .permutation(let gate):
            return 8
                * ((gate.shapes.map(\.count).max() ?? 0) + gate.rows * (RowOrder.wordsOfKey + RowOrder.wordsAtATime))
        default: return 0
        }
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
