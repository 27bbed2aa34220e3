import CrypTenBase
package import CrypTenCorrelations
package import CrypTenGates
package import CrypTenPlanning
package import CrypTenRing
import Foundation
import Synchronization

/// Two parties who make the correlations of whole plans themselves, in two threads; then both go through the plan as a session's parties do.
///
/// Everything is checked that a party checks: correlations and differences are read in the order in which they were made, to the last one.
///
/// Safety of `@unchecked Sendable`: each party's part is touched by its thread alone, while a call lasts.
package final class PairedSession: @unchecked Sendable {
    /// What one run was.
    package struct Run: Sendable {
        /// By party: what it got of its maker.
        package var made: [[PairedEntry]]
        /// By party, in the order of the plan's outputs.
        package var outputs: [[PartyValue]]
        /// What the parties opened online, in order.
        package var openings: [Opening]
        /// The combined words of each.
        package var opened: [[UInt64]]
        /// By party: the words of each exchange that it sent.
        package var messages: [[[UInt64]]]
        package var exchanges: Int

        /// d of each reading, in order.
        package var differences: [[UInt64]] { made[0].differences }
    }

    package let makers: [PairMaker]
    private let seed: UInt64
    private let pipes = [WordPipe(), WordPipe()]
    private let channels: [PipeChannel]
    private var runs: UInt64 = 0
    private let sinks = Mutex<[WeakSink]>([])
    /// By party: what it keeps of the masks of all values that runs have kept, in order, and these.
    private var kept: [[any KeptMask]] = [[], []]
    private var keptValues: [[PartyValue]] = [[], []]
    /// The same of makers in the clear that know the parties' masks, who have the masks themselves.
    var branches: [DealtBranch.Kind: DealtBranch] = [:]

    /// - Parameters:
    ///   - seed: Of the parties' keys; what makers draw themselves comes of the system.
    ///   - height: Of the trees that transfers are extended by.
    ///   - limit: Bytes that may wait for an exchange.
    ///   - naming: Which r a wire is read under.
    /// - Throws: what connecting throws.
    package init(
        seed: UInt64 = 1,
        height: TreeHeight = .usual,
        limit: Int = 256 << 20,
        naming: MaskNaming = .byWire
    ) throws {
        self.seed = seed
        makers = (0..<2).map {
            PairMaker(party: $0, kernels: NativeKernels(threads: 1), height: height, limit: limit, naming: naming)
        }
        channels = [PipeChannel(pipes[0], pipes[1]), PipeChannel(pipes[1], pipes[0])]
        for channel in channels { channel.isRecording = true }
        _ = try inTwoThreads(closing: pipes) { [self] party in try makers[party].connect(over: channels[party]) }
            .map { try $0.get() }
    }

    /// How many runs somebody still has what they were made with: none, when they are over.
    package var liveRuns: Int { sinks.withLock { $0.count { $0.sink != nil } } }

    private struct WeakSink: Sendable {
        nonisolated(unsafe) weak var sink: PairedSink?
    }

    /// From now on a party is gone before it sends what is due in an exchange, counted from 1.
    package func stop(_ party: Int, before exchange: Int) {
        channels[party].lastExchange = channels[party].exchanges + exchange - 1
    }

    /// Makes a run's correlations; what each party's maker hands on, or throws.
    ///
    /// - Parameters:
    ///   - prepared: What will run.
    ///   - reading: Which of the kept values the plan reads, in its order.
    /// - Returns: By party.
    package func make(_ prepared: PreparedPlan, reading: [Int] = []) -> [Result<[PairedEntry], any Error>] {
        runs += 1
        let simulator = keys()
        let binding = prepared.fingerprint + withUnsafeBytes(of: runs.littleEndian) { Array($0) }
        let keys = simulator.keys
        let seeds = simulator.ownKeys.map { ExpansionKey(low: ~$0.low, high: ~$0.high) }
        for channel in channels { channel.forget() }
        return inTwoThreads(closing: pipes) { [self] party in
            let sink = PairedSink()
            sinks.withLock { $0.append(WeakSink(sink: sink)) }
            kept[party] += try makers[party].make(
                prepared.plan.redacted,
                prepared.schedule,
                keys: keys[party],
                seeds: seeds[party],
                binding: binding,
                kept: reading.map { kept[party][$0] },
                over: channels[party],
                into: sink
            )
            return sink.entries
        }
    }

    /// A run from its correlations to its outputs.
    ///
    /// - Parameters:
    ///   - prepared: What runs.
    ///   - inputs: By the plan's numbers, encoded.
    ///   - reading: Which of the kept values the plan reads, in its order.
    /// - Returns: What it was, at both parties.
    /// - Throws: what a maker throws; `SimulationError` where the parties don't agree.
    package func run(_ prepared: PreparedPlan, inputs: [RingTensor], reading: [Int] = []) throws -> Run {
        let made = try make(prepared, reading: reading).map { try $0.get() }
        var run = try evaluate(prepared, inputs: inputs, reading: reading, made, kept: &keptValues)
        run.messages = channels.map(\.messages)
        run.exchanges = makers[0].exchanges
        guard makers[1].exchanges == run.exchanges, makers[0].transfers == makers[1].transfers else {
            throw SimulationError("the parties count exchanges or transfers differently")
        }
        return run
    }

    /// Keys of the run that has begun.
    func keys() -> GateSimulator {
        GateSimulator(parties: 2, seed: seed &* 0x1_0000_0001 &+ runs)
    }

    /// Both parties go through the plan with what they have of a maker.
    ///
    /// `keptValues`: by party, what earlier runs have kept; what this one keeps comes behind it.
    func evaluate(
        _ prepared: PreparedPlan,
        inputs: [RingTensor],
        reading: [Int],
        _ made: [[PairedEntry]],
        kept keptValues: inout [[PartyValue]]
    ) throws -> Run {
        let (plan, simulator, kernels) = (prepared.plan, keys(), NativeKernels(threads: 1))
        var run = Run(made: made, outputs: [], openings: [], opened: [], messages: [], exchanges: 0)
        var slots = [[PartyValue?]](repeating: [PartyValue?](repeating: nil, count: plan.slots), count: 2)
        for binding in plan.bindings {
            for party in 0..<2 {
                switch binding.source {
                case .input(let owner, let index):
                    slots[party][binding.slot] = owner.index == party ? .plain(inputs[index]) : .absent
                case .constant(let index): slots[party][binding.slot] = .plain(prepared.constants[index])
                case .kept(let index, _): slots[party][binding.slot] = keptValues[party][reading[index]]
                case .plain: throw SimulationError("there are no public operands")
                }
            }
        }
        let sources = made.map { PairedSource($0) }
        let numbers = [StreamNumbers(), StreamNumbers()]
        var memories = [[Int: GateMemory]](repeating: [:], count: 2)
        var arriving: [Int: [[RingTensor?]]] = [:]
        for unit in prepared.schedule.rounds.joined() {
            let step = plan.steps[unit.step]
            let openings = (arriving[unit.step] ?? [[], []]).map { PairedOpenings($0) }
            for party in 0..<2 {
                let memory = memories[party][unit.step] ?? GateMemory()
                memories[party][unit.step] = unit.isLastStage ? nil : memory
                numbers[party].begin(step: unit.step, stage: unit.stage)
                let stage = PartyStage(
                    PartyRun(
                        party: party,
                        parties: 2,
                        kernels: kernels,
                        slabs: plan.slabs,
                        keys: simulator.keys[party],
                        pairKeys: simulator.pairKeys[party],
                        ownKey: simulator.ownKeys[party],
                        numbers: numbers[party],
                        correlations: sources[party],
                        exchange: openings[party]
                    ),
                    inputs: try step.inputs.map { slot in
                        guard let value = slots[party][slot] else { throw SimulationError("slot \(slot) is empty") }
                        return value
                    },
                    memory: memory
                )
                try step.gate.gate.evaluate(stage: unit.stage, stage)
                if unit.isLastStage {
                    for (slot, output) in zip(step.outputs, stage.outputs) { slots[party][slot] = output }
                }
                for slot in unit.freed { slots[party][slot] = nil }
            }
            arriving[unit.step] = try combine(openings, into: &run, kernels)
        }
        for source in sources where !source.isEmpty { throw SimulationError("correlations are left") }
        run.outputs = slots.map { slots in plan.outputs.map { slots[$0.slot]! } }
        for (party, outputs) in run.outputs.enumerated() {
            keptValues[party] += zip(plan.outputs, outputs).filter { $0.0.kept != nil }.map(\.1)
        }
        return run
    }

    private func combine(
        _ openings: [PairedOpenings],
        into run: inout Run,
        _ kernels: any Kernels
    ) throws -> [[RingTensor?]] {
        var arriving: [[RingTensor?]] = [[], []]
        for (one, two) in zip(openings[0].appended, openings[1].appended) {
            guard one.opening == two.opening else { throw SimulationError("the parties open different things") }
            let sum: RingTensor
            switch (one.part, two.part) {
            case (let a?, let b?) where one.opening.combination == .sum:
                sum = kernels.add(a.reshaped(to: [a.count]), b.reshaped(to: [b.count]))
            case (let a?, let b?): sum = RingTensor(zip(a.elements, b.elements).map { $0 ^ $1 }, shape: [a.count])
            case (let part?, nil), (nil, let part?): sum = part.reshaped(to: [part.count])
            case (nil, nil): throw SimulationError("nobody sends")
            }
            run.openings.append(one.opening)
            run.opened.append(sum.elements)
            for party in 0..<2 { arriving[party].append(one.opening.receiver ?? party == party ? sum : nil) }
        }
        return arriving
    }
}

extension PairedSession.Run {
    /// What is revealed, at a party that learns it.
    package func revealed(_ output: Int) throws -> RingTensor {
        for party in outputs { if case .plain(let words) = party[output] { return words } }
        throw SimulationError("output \(output) isn't revealed")
    }
}

/// What a maker hands a party.
package enum PairedEntry: Sendable {
    case correlation(RingTensor)
    case difference(RingTensor?)
}

extension [PairedEntry] {
    /// d of each reading that has one, in order.
    package var differences: [[UInt64]] {
        compactMap { entry in
            if case .difference(let words?) = entry { words.elements } else { nil }
        }
    }
}

/// Keeps what a maker hands on.
package final class PairedSink: PairSink {
    package private(set) var entries: [PairedEntry] = []

    package init() {}

    package func correlation(_ words: RingTensor) throws { entries.append(.correlation(words)) }
    package func difference(_ words: RingTensor?) throws { entries.append(.difference(words)) }
}

/// A party's correlations in the order in which they were made, which must be that of reading.
package final class PairedSource: CorrelationSource {
    private var entries: ArraySlice<PairedEntry>

    package init(_ entries: [PairedEntry]) {
        self.entries = entries[...]
    }

    package var isEmpty: Bool { entries.isEmpty }

    package func words(_ words: Int, number: UInt64) throws -> RingTensor {
        guard case .correlation(let made)? = entries.popFirst(), made.count == words else {
            throw SimulationError("\(words) words are read where something else was made")
        }
        return made.reshaped(to: [words])
    }

    package func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
        guard case .difference(let made)? = entries.popFirst(), made?.count ?? count == count else {
            throw SimulationError("bits of \(count) elements are read where something else was made")
        }
        return made
    }
}

/// What a party opens in a stage, and what its gate opened in the stage before.
package final class PairedOpenings: OpeningExchange {
    package private(set) var appended: [(part: RingTensor?, opening: Opening)] = []
    private var arriving: ArraySlice<RingTensor?>

    package init(_ arriving: [RingTensor?]) {
        self.arriving = arriving[...]
    }

    package func append(_ part: RingTensor?, _ opening: Opening) throws {
        appended.append((part, opening))
    }

    package func next() throws -> RingTensor? {
        guard let first = arriving.popFirst() else { throw SimulationError("nothing was opened that is read") }
        return first
    }
}

/// What each of two parties' bodies returns or throws.
///
/// A party that ends badly closes its pipe: the other doesn't wait for it.
func inTwoThreads<Value: Sendable>(
    closing pipes: [WordPipe],
    _ body: @escaping @Sendable (Int) throws -> Value
) -> [Result<Value, any Error>] {
    let results = Mutex<[Int: Result<Value, any Error>]>([:])
    let group = DispatchGroup()
    for party in 0..<2 {
        group.enter()
        let thread = Thread {
            let result = Result { try body(party) }
            if case .failure = result { pipes[party].close() }
            results.withLock { $0[party] = result }
            group.leave()
        }
        thread.stackSize = 8 << 20
        thread.start()
    }
    group.wait()
    return results.withLock { results in (0..<2).map { results[$0]! } }
}
