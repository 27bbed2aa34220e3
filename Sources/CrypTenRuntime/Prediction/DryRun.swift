import CrypTenBase
import CrypTenDevice
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOConcurrencyHelpers
import NIOCore

/// A plan run in this process without a session, on made-up values, to see how long each part of it takes.
///
/// Every member's engine runs on its own, and does all that it would do in a session: nothing in a plan depends on a secret value, and public addresses are made up within their axes. What comes from others are words of no meaning in frames of the right sizes.
///
/// - Complexity: several times the computing of the parties and the dealer; memory as those take that run at once.
struct DryRun: Sendable {
    let prepared: PreparedPlan
    let kernels: any Kernels
    let correctionWindow: Int
    /// Bytes of correlations and differences that either party has stored, where the parties have made them before; nil: there is a dealer.
    var storedBytes: Int?
    /// Which time traces note.
    var clock = TraceClock.real

    private static let key = ExpansionKey(low: 0x6372_7970_7465_6E21, high: 0x6D61_6465_2075_7021)
    private static let keys = RunKeys(masks: key, bitMasks: key, correlations: key, orders: key)
    private static let repetitions = 3
    /// A member's run of so many seconds isn't repeated.
    private static let longRun = 3.0

    /// How long each member takes for each part of a run.
    ///
    /// - Parameters:
    ///   - atOnce: How many members compute at the same time, as those of one machine do: they share its caches and its
    ///     memory, and are slower than one alone.
    ///   - progress: Told the share that is done, 0 to 1; on any thread.
    /// - Returns: the parties' traces, then the dealer's, of which there is nothing where there is none; and how many processors one member keeps busy
    ///   on average.
    /// - Throws: `.diverged` for a gate that reads or deals other than it declares.
    func traces(
        atOnce: Int,
        _ progress: @escaping @Sendable (Double) -> Void
    ) throws -> (traces: [MemberTrace], processors: Double) {
        let dealer = prepared.plan.parties
        let traffic = PlanTraffic(prepared)
        // The first run warms up, and tells which credit the dealer gets.
        let start = ContinuousClock.now
        let credits = try run(party: dealer - 1, traffic).credits
        let isLong = (ContinuousClock.now - start).seconds > DryRun.longRun
        let repetitions = isLong ? 1 : DryRun.repetitions
        let members = storedBytes == nil ? dealer + 1 : dealer
        let jobs = (0..<repetitions * members).map { $0 % members }
        let before = processorSeconds()
        let state = NIOLockedValueBox((next: 0, done: 0, traces: [[MemberTrace]](repeating: [], count: members)))
        let workers = (0..<max(1, min(atOnce, jobs.count))).map { _ in
            BackgroundWork {
                while true {
                    let index = state.withLockedValue { state in
                        defer { state.next += 1 }
                        return state.next
                    }
                    guard index < jobs.count else { return }
                    let member = jobs[index]
                    let trace =
                        try member == dealer ? runDealer(credits: credits) : run(party: member, traffic).trace
                    let done = state.withLockedValue { state in
                        state.traces[member].append(trace)
                        state.done += 1
                        return state.done
                    }
                    progress(Double(done) / Double(jobs.count))
                }
            }
        }
        for worker in workers { try worker.wait() }
        let work = processorSeconds() - before
        let measured = state.withLockedValue(\.traces)
        let seconds = measured.joined().reduce(0) { $0 + $1.seconds }
        let traces = measured.map(MemberTrace.init(medianOf:)) + (storedBytes == nil ? [] : [MemberTrace()])
        return (traces, max(1, work / max(seconds, .leastNormalMagnitude)))
    }

    /// Runs one party's part.
    ///
    /// - Parameter starting: Called when all that a session would have before the run is there.
    func run(party: Int, _ traffic: PlanTraffic, starting: () -> Void = {}) throws -> TracingTransport {
        let plan = prepared.plan
        let role = Role.party(PartyID(party))
        let transport = TracingTransport(
            role,
            partyCount: plan.parties,
            incoming: traffic.frames(to: party),
            clock: clock
        )
        var engine = PartyEngine(
            party: party,
            context: context(transport),
            keys: DryRun.keys,
            pairKeys: (0..<plan.parties).map { $0 == party ? nil : DryRun.key },
            ownKey: DryRun.key,
            progress: nil,
            finished: { transport.finish(step: $0) }
        )
        let operands = operands(party: party)
        engine.madeUp = storedBytes.map { MadeUpCorrelations(bytes: $0, kernels, clock: engine.context.clock) }
        let corrections =
            party == plan.parties - 1 && storedBytes == nil
            ? IncomingCorrections(engine.context, words: prepared.schedule.correctionWords) : nil
        if kernels.computesAside { settle(operands) }
        starting()
        transport.start()
        var nothingAhead: [Int: StepAhead] = [:]
        let values = try engine.run(prepared, operands, words: corrections.map { .dealt($0) }, ahead: &nothingAhead)
        if kernels.computesAside, !plan.steps.isEmpty {
            // Whoever is told a result looks at it.
            for case .plain(let value) in values { value.withWords { _ in } }
            transport.finish(step: plan.steps.count - 1)
        }
        try kernels.check()
        return transport
    }

    /// Brings operands where a session has them before a run: what is kept to the device, but for short masked values, which came in frames and
    /// were never needed there; what is put in or public to the host.
    private func settle(_ operands: PartyEngine.Operands) {
        for case .wire(let wire) in operands.kept where wire.hat.count < DeviceKernels.Settings().hostWords {
            wire.hat.withWords { _ in }
        }
        kernels.settle(operands.kept.flatMap(\.words))
        for words in operands.inputs.compactMap({ $0 }) + operands.plain.values { words.withWords { _ in } }
    }

    /// Runs the dealer's part.
    func runDealer(credits: [Frame]) throws -> MemberTrace {
        let plan = prepared.plan.redacted
        let receiver = Role.party(PartyID(plan.parties - 1))
        let transport = TracingTransport(
            .dealer,
            partyCount: plan.parties,
            incoming: [receiver: credits],
            clock: clock
        )
        let engine = DealerEngine(
            context: context(transport),
            keys: Array(repeating: DryRun.keys, count: plan.parties),
            finished: { transport.finish(step: $0) }
        )
        let kept = plan.bindings.compactMap { binding -> (Int, DealerValue)? in
            guard case .kept(let index, let form) = binding.source else { return nil }
            switch form {
            case .share: return (index, .nothing)
            case .wire: return (index, .wire(WireMask(mask: words(binding.shape), sharesHeld: true)))
            case .bits: return (index, .bits(bits(binding.shape)))
            }
        }
        let values = kept.sorted { $0.0 < $1.0 }.map(\.1)
        if kernels.computesAside { kernels.settle(values.flatMap(\.words)) }
        transport.start()
        var credit = CreditAccount(window: correctionWindow)
        _ = try engine.run(plan, prepared.schedule, kept: values, credit: &credit)
        return transport.trace
    }

    private func context(_ transport: TracingTransport) -> RunContext {
        RunContext(
            transport: transport,
            kernels: kernels,
            framing: .wire,
            meter: .online,
            position: RunPosition(run: 0, binding: 0),
            patience: .seconds(1),
            clock: WorkClock(),
            buffers: FrameBuffers(capacity: Framing.wire.chunkBytes)
        )
    }

    // MARK: Made-up values

    private func operands(party: Int) -> PartyEngine.Operands {
        var inputs: [Int: RingTensor] = [:]
        var plain: [Int: RingTensor] = [:]
        var kept: [Int: PartyValue] = [:]
        var inputCount = 0
        let extents = extentsOfAddresses
        for binding in prepared.plan.bindings {
            switch binding.source {
            case .input(let owner, let index):
                inputCount = max(inputCount, index + 1)
                if owner.index == party { inputs[index] = words(binding.shape) }
            case .plain:
                plain[binding.slot] =
                    extents[binding.slot].map { addresses(binding.shape, below: $0) } ?? words(binding.shape)
            case .constant: break
            case .kept(let index, let form): kept[index] = value(binding.shape, form, party: party)
            }
        }
        return PartyEngine.Operands(
            inputs: (0..<inputCount).map { inputs[$0] },
            plain: plain,
            kept: kept.sorted { $0.key < $1.key }.map(\.value)
        )
    }

    private func value(_ shape: Shape, _ form: KeptForm, party: Int) -> PartyValue {
        switch form {
        case .share:
            return .share(words(shape))
        case .wire(let owner):
            let holdsMask = owner ?? party == party
            return .wire(MaskedWire(hat: words(shape), maskShare: holdsMask ? words(shape) : RingTensor(zeros: shape)))
        case .bits:
            return .bits(MaskedBits(hat: bits(shape), maskShare: bits(shape)))
        }
    }

    /// Of each public operand by which a table is read, the extent of the shortest axis that it goes to: what is made up must lie within.
    private var extentsOfAddresses: [Int: Int] {
        var extents: [Int: Int] = [:]
        for step in prepared.plan.steps {
            guard case .gather(let gate) = step.gate else { continue }
            extents[step.inputs[1]] = min(extents[step.inputs[1]] ?? .max, gate.table[gate.axis])
        }
        return extents
    }

    /// Places of an axis, all over it: rows that lie together would be read faster than those of real addresses.
    private func addresses(_ shape: Shape, below extent: Int) -> RingTensor {
        RingTensor(
            words(shape).elements.map { extent > 0 ? $0 % UInt64(extent) : 0 },
            shape: shape
        )
    }

    private func words(_ shape: Shape) -> RingTensor {
        kernels.expand(DryRun.key, number: 0, from: 0, shape: shape)
    }

    private func bits(_ shape: Shape) -> BitPlanes {
        kernels.expandBits(DryRun.key, number: 0, fromPlane: 0, planes: 1, count: shape.count)
    }
}

/// The frames of a plan's run, by sender and receiver, holding words of no meaning.
struct PlanTraffic: Sendable {
    private let parties: Int
    /// Words that are opened, by round, sender and receiver.
    private let openings: [[[Int]]]
    private let corrections: Int

    init(_ prepared: PreparedPlan) {
        let parties = prepared.plan.parties
        let costs = prepared.plan.steps.map { $0.gate.gate.cost(parties: parties, slabs: prepared.plan.slabs) }
        self.parties = parties
        openings = prepared.schedule.rounds.map { units in
            let openings = units.flatMap { costs[$0.step][$0.stage].openings }
            return (0..<parties).map { sender in
                (0..<parties).map { receiver in openings.reduce(0) { $0 + $1.words(from: sender, to: receiver) } }
            }
        }
        corrections = prepared.schedule.correctionWords
    }

    /// What a party gets from each other member.
    func frames(to party: Int) -> [Role: [Frame]] {
        let chunk = ByteBuffer(repeating: 0x5A, count: Framing.wire.chunkBytes)
        func cut(_ words: Int) -> [ByteBuffer] {
            stride(from: 0, to: words * 8, by: chunk.readableBytes).map { start in
                chunk.getSlice(at: 0, length: min(chunk.readableBytes, words * 8 - start)) ?? ByteBuffer()
            }
        }
        var frames: [Role: [Frame]] = [:]
        for sender in 0..<parties where sender != party {
            frames[.party(PartyID(sender))] = openings.enumerated().flatMap { round, words in
                cut(words[sender][party]).map { Frame(.opening, round: UInt32(round), payload: $0) }
            }
        }
        if party == parties - 1 {
            frames[.dealer] = cut(corrections).enumerated().map { Frame(.correction, round: UInt32($0), payload: $1) }
        }
        return frames
    }
}
