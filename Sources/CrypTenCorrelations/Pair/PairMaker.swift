import CrypTenBase
package import CrypTenGates
package import CrypTenPlanning
package import CrypTenRing

/// Makes the correlations of runs with the other party: by correlated transfers and ring-LWE, without a dealer.
///
/// A run's plan is walked as a dealer walks it, gate by gate; what gates ask for is written down, and goes together: exchange 1 has what depends on keys
/// alone, whatever the layer, and so on (`PairTape`). Where there is more of it than may wait, it goes in turns.
///
/// After anything was thrown a maker has let go of Δ and leaves, and refuses all that is asked of it: of a run that has failed some messages may
/// have gone and others not, and what they used is used.
///
/// > Security: Semi-honest, against either party; computational, under X25519, AES and ring-LWE. What the other party sees is uniform, or hidden by
/// > pads and noise, and of a length that follows from the plan.
package final class PairMaker: CorrelationMaker {
    private let party: Int
    private let kernels: NativeKernels
    private let height: TreeHeight
    private let naming: MaskNaming
    private var state = State.new
    private var sender: TransferSender?
    private var receiver: TransferReceiver?

    private enum State {
        /// Next: `.ready` after ``connect(over:)``.
        case new
        /// Between runs.
        case ready
        /// Something was thrown, now or before.
        case closed
    }

    /// Exchanges of the last run.
    package var exchanges: Int { lastCost.exchanges }
    /// What the last run took, as it was written down, and what its transfers counted by the party whose words are weighed.
    package private(set) var lastCost = PairCost()
    package private(set) var lastTransfers: [TransferCounters] = []
    package private(set) var transfers = 0
    package var waitingLimit: Int

    /// - Parameters:
    ///   - party: 0 or 1.
    ///   - kernels: What computes.
    ///   - height: Of the trees that transfers are extended by, at both parties alike.
    ///   - limit: Bytes that may wait for an exchange.
    ///   - naming: Which r a wire is read under.
    package init(
        party: Int,
        kernels: NativeKernels,
        height: TreeHeight = .usual,
        limit: Int = PairRun.usualLimit,
        naming: MaskNaming = .byWire
    ) {
        (self.party, self.kernels, self.height, waitingLimit, self.naming) = (party, kernels, height, limit, naming)
    }

    /// The session's leaves as they are now, in both directions, for tests; none where it has ended.
    package var currentLeaves: [SecretWords] {
        [sender?.currentLeaves, receiver?.currentLeaves].compactMap { $0 }
    }

    /// Does what must go to its end: else the maker is of no use any more, and has nothing secret.
    private func once<Result>(in expected: State, _ body: () throws -> Result) throws -> Result {
        guard state != .closed else {
            throw CrypTenError(
                .sessionClosed,
                "making correlations has failed before, and nothing of that session may be used again; begin another session"
            )
        }
        precondition(state == expected, "a session connects once, before its first run")
        state = .closed
        do {
            let result = try body()
            state = .ready
            return result
        } catch {
            (sender, receiver) = (nil, nil)
            throw error
        }
    }

    /// Bytes that each party sends in the exchanges of `connect`, in words.
    package static let connectionMessages = [
        BaseTransfer.offerBytes, BaseTransfer.answerBytes, TransferTrees.messageBytes,
    ]

    package func connect(over channel: any PairChannel) throws {
        try once(in: .new) { try setUp(over: channel) }
    }

    private func setUp(over channel: any PairChannel) throws {
        let transfers = TransferKernels(kernels)
        // Named by the party that has the words; the session's secrets are fresh.
        func label(_ sender: Int) -> [UInt8] { Array("crypten words of party \(sender)".utf8) }
        func exchange(_ message: [UInt8], _ count: Int) throws -> [UInt8] {
            try channel.send(RingTensor(bytes: message))
            try channel.finishSending()
            let theirs = try channel.receive((count + 7) / 8).bytes(count)
            try channel.finishReceiving()
            return theirs
        }
        let choosing = TransferReceiverSetup(label: label(1 - party), height: height, kernels: transfers)
        let offer = try exchange(choosing.offer, choosing.offer.count)
        let sending = try TransferSenderSetup(
            offer: offer,
            label: label(party),
            height: height,
            kernels: transfers
        )
        let answer = try exchange(sending.answer, sending.answer.count)
        let (trees, receiver) = try choosing.finish(answer)
        sender = try sending.finish(try exchange(trees, trees.count))
        self.receiver = receiver
    }

    package func make(
        _ plan: Plan,
        _ schedule: Schedule,
        keys: RunKeys,
        seeds: ExpansionKey,
        binding: [UInt8],
        kept: [any KeptMask],
        over channel: any PairChannel,
        into sink: any PairSink
    ) throws -> [any KeptMask] {
        try once(in: .ready) {
            let run = RunRequest(keys: keys, seeds: seeds, binding: binding, kept: kept)
            return try make(plan, schedule, run, over: channel, into: sink)
        }
    }

    /// What is a run's own.
    private struct RunRequest {
        let keys: RunKeys
        let seeds: ExpansionKey
        let binding: [UInt8]
        let kept: [any KeptMask]
    }

    private func make(
        _ plan: Plan,
        _ schedule: Schedule,
        _ request: RunRequest,
        over channel: any PairChannel,
        into sink: any PairSink
    ) throws -> [any KeptMask] {
        guard let sender, let receiver else { preconditionFailure("a session connects before its first run") }
        let binding = request.binding
        let (sending, choosing) = (sender.run(binding), receiver.run(binding))
        defer {
            sending.end()
            choosing.end()
        }
        let pair = Pair(party: party, kernels: kernels, sender: sending, receiver: choosing, height: height)
        let run = PairRun(
            pair: pair,
            slabs: plan.slabs,
            keys: request.keys,
            seeds: request.seeds,
            lattice: .drawn(),
            channel: channel,
            sink: sink,
            limit: waitingLimit,
            naming: naming
        )
        // What waits refers to itself: a run that fails forgets it.
        defer { run.abandon() }
        let kept = request.kept.map { kept -> PairKept in
            guard let kept = kept as? PairKept else { preconditionFailure("what is kept is of this maker") }
            return kept
        }
        let made = try walk(plan, schedule, run, kept)
        lastCost = pair.cost
        lastTransfers = party == 0 ? [sending.counters, choosing.counters] : [choosing.counters, sending.counters]
        transfers += sending.counters.transfers + choosing.counters.transfers
        return made
    }

    /// Goes through the plan as its run will, and exchanges what is made last.
    private func walk(_ plan: Plan, _ schedule: Schedule, _ run: PairRun, _ kept: [PairKept]) throws -> [PairKept] {
        var roots: [ObjectIdentifier: PairValue] = [:]
        let outputs = try PairMaker.walk(plan, schedule, run) { binding, index, outside in
            kept[index].value(in: run, outside, &roots)
        }
        let parts = outputs.map { PairParts($0, kernels) }
        try run.exchange()
        for kept in kept { try kept.remember(roots[ObjectIdentifier(kept.root)]) }
        return try parts.map { try $0.kept() }
    }

    /// Writes a plan down: the same for parties that make its correlations, and for who counts what that takes.
    ///
    /// - Parameter kept: What there is of a binding's value, which is kept as number so-and-so; given a stage outside of gates.
    /// - Returns: What is there of the values that the plan keeps, in the order of the outputs. The last exchange is still to be done.
    static func walk(
        _ plan: Plan,
        _ schedule: Schedule,
        _ run: PairRun,
        kept: (PlanBinding, Int, PairStage) throws -> PairValue
    ) throws -> [PairValue] {
        let numbers = StreamNumbers()
        var slots = [PairValue](repeating: .nothing, count: plan.slots)
        let outside = PairStage(run, inputs: [], memory: MaskMemory(), numbers: numbers)
        for binding in plan.bindings {
            if case .kept(let index, _) = binding.source { slots[binding.slot] = try kept(binding, index, outside) }
        }
        let gates = plan.steps.map(\.gate.gate)
        var memories = [MaskMemory<PairMask, PairPlanes>?](repeating: nil, count: plan.steps.count)
        for unit in schedule.rounds.joined() {
            let step = plan.steps[unit.step]
            let memory = memories[unit.step] ?? MaskMemory()
            memories[unit.step] = unit.isLastStage ? nil : memory
            numbers.begin(step: unit.step, stage: unit.stage)
            let stage = PairStage(run, inputs: step.inputs.map { slots[$0] }, memory: memory, numbers: numbers)
            try gates[unit.step].deal(stage: unit.stage, stage)
            if unit.isLastStage {
                for (slot, output) in zip(step.outputs, stage.outputs) { slots[slot] = output }
            }
            for slot in unit.freed { slots[slot] = .nothing }
        }
        return plan.outputs.filter { $0.kept != nil }.map { slots[$0.slot] }
    }
}

/// What will be kept of a value, before the last exchange.
private struct PairParts {
    private let value: PairValue
    private let words: Later<RingTensor>?
    private let bits: Later<BitPlanes>?

    init(_ value: PairValue, _ kernels: any Kernels) {
        self.value = value
        switch value {
        case .nothing: (words, bits) = (nil, nil)
        case .wire(let wire):
            precondition(wire.alternative == nil, "a truncation read in place isn't kept")
            (words, bits) = (wire.mask.part(kernels), nil)
        case .bits(let planes): (words, bits) = (nil, planes.part)
        }
    }

    func kept() throws -> PairKept {
        switch value {
        case .nothing: return PairKept(.nothing, seeds: nil)
        case .wire(let wire):
            let seeds = try wire.mask.origin.drawnSeeds(wire.mask.range)
            return PairKept(.wire(part: try words!.value(), sharesHeld: wire.sharesHeld), seeds: seeds)
        case .bits: return PairKept(.bits(try bits!.value()), seeds: nil)
        }
    }
}
