import CrypTenBase
import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Foundation
import Synchronization
import Testing
import _CrypTenTestSupport

/// One gate with its operands, run by two parties that make its correlations themselves; and with a dealer, of the same masks.
///
/// Simulators of one seed have the same keys and operands, and count the same numbers.
final class PairedGate {
    struct Outcome {
        /// The plain elements of each output.
        var plain: [[UInt64]] = []
        /// The combined words of each opening.
        var opened: [[UInt64]] = []
    }

    private let gate: any Gate
    private let make: (Rebasing?) throws -> (simulator: GateSimulator, operands: [SimulatedValue])
    /// What was read bit by bit, in order: of each reading its d.
    private let differences = Recorded()

    /// - Parameter height: Of the trees that transfers are extended by.
    init(_ subject: TranscriptSubject, _ vector: [UInt64], height: TreeHeight = .two) throws {
        make = { rebasing in
            let simulator = GateSimulator(
                parties: 2,
                seed: 0x9A12,
                kernels: NativeKernels(threads: 1),
                slabs: Slabs(bits: 12),
                rebasing: rebasing
            )
            return (simulator, try subject.make(simulator, vector).operands)
        }
        let (simulator, _) = try make(nil)
        gate = try subject.make(simulator, vector).gate
        (made, costs) = try PairedGate.correlations(gate, make, differences, height)
    }

    /// What each party has made, stage by stage, and what it yields.
    private let made: [Made]
    /// What making them took, and what was planned.
    let costs: Costs

    struct Costs: Sendable {
        /// Counted without keys, data or another party.
        var planned = PairCost()
        /// As each party has written it down.
        var written: [PairCost] = []
        /// What each party's transfers have counted, by the party whose words were weighed.
        var transfers: [[TransferCounters]] = []
        /// What each party's channel has seen.
        var sentBytes: [Int] = []
        var exchanges: [Int] = []
    }

    struct Made: Sendable {
        var entries: [Entry] = []
        var outputs: [DealerValue] = []
    }

    enum Entry: Sendable {
        case correlation(RingTensor)
        case difference(RingTensor?)
    }

    /// d of each reading, handed out in order.
    final class Recorded: Sendable {
        private let all = Mutex<[RingTensor]>([])
        private let next = Mutex(0)

        func set(_ differences: [RingTensor]) { all.withLock { $0 = differences } }

        func take(_ mask: RingTensor) -> RingTensor {
            let index = next.withLock { next in
                defer { next += 1 }
                return next
            }
            return all.withLock { $0[index] }.reshaped(to: mask.shape)
        }
    }

    final class Sink: PairSink {
        private(set) var entries: [Entry] = []
        func correlation(_ words: RingTensor) throws { entries.append(.correlation(words)) }
        func difference(_ words: RingTensor?) throws { entries.append(.difference(words)) }
    }

    // MARK: The pair

    private static func correlations(
        _ gate: any Gate,
        _ make: (Rebasing?) throws -> (simulator: GateSimulator, operands: [SimulatedValue]),
        _ differences: Recorded,
        _ height: TreeHeight
    ) throws -> ([Made], Costs) {
        var random = TestRandom(seed: 0x5EED)
        let (simulator, operands) = try make(nil)
        // A split of every operand's mask, of what the parties hold no shares of as well.
        let parts = operands.map { Operand($0, &random) }
        let keys = (0..<2).map { _ in
            (
                ExpansionKey(low: random.next(), high: random.next()),
                ExpansionKey(low: random.next(), high: random.next())
            )
        }
        nonisolated(unsafe) let numbers = simulator.numbers
        let (runKeys, slabs) = (simulator.keys, simulator.slabs)
        let limit = 8 << 20
        let results = try PairOfThreads(height: height).run { pair, channel in
            let party = pair.party
            let sink = Sink()
            let run = PairRun(
                pair: pair,
                slabs: slabs,
                keys: runKeys[party],
                seeds: keys[party].0,
                lattice: keys[party].1,
                channel: channel,
                sink: sink,
                limit: limit
            )
            let outputs = try PairedGate.deal(gate, run, parts.map { $0.value(party, run) }, numbers[party])
            // What isn't dealt of outputs is made for this test alone.
            let parts = outputs.map { output -> () throws -> DealerValue in
                switch output {
                case .nothing: return { .nothing }
                case .bits(let bits):
                    let part = bits.part
                    return { .bits(try part.value()) }
                case .wire(let wire):
                    let (part, shape) = (wire.mask.part(pair.kernels), wire.mask.shape)
                    return {
                        .wire(
                            WireMask(
                                mask: try part.value(),
                                sharesHeld: wire.sharesHeld,
                                alternative: wire.alternative.map {
                                    .init(mask: RingTensor(zeros: shape), shift: $0.shift)
                                }
                            )
                        )
                    }
                }
            }
            try run.exchange()
            var made = Made(entries: sink.entries)
            made.outputs = try parts.map { try $0() }
            let (sending, choosing) = pair.counters
            let counters = party == 0 ? [sending, choosing] : [choosing, sending]
            return (made, pair.cost, counters, (channel.sent * 8, channel.exchanges))
        }
        let made = results.map(\.0)
        // The same without the other party: operands are there, and nobody reads them.
        let counting = PairRun(counting: Pair(counting: height), slabs: slabs, limit: limit)
        let outputs = try PairedGate.deal(gate, counting, parts.map { $0.value(0, counting) }, StreamNumbers())
        for case .wire(let wire) in outputs { _ = wire.mask.part(PlainKernels()) }
        try counting.exchange()
        let costs = Costs(
            planned: counting.pair.cost,
            written: results.map(\.1),
            transfers: results.map(\.2),
            sentBytes: results.map(\.3.0),
            exchanges: results.map(\.3.1)
        )
        differences.set(
            made[0].entries.compactMap { entry in
                if case .difference(let words?) = entry { words } else { nil }
            }
        )
        return (made, costs)
    }

    /// Writes down what a gate asks for.
    static func deal(
        _ gate: any Gate,
        _ run: PairRun,
        _ inputs: [PairValue],
        _ numbers: StreamNumbers
    ) throws -> [PairValue] {
        let memory = MaskMemory<PairMask, PairPlanes>()
        return try (0..<gate.stages).flatMap { stage in
            let context = PairStage(run, inputs: inputs, memory: memory, numbers: numbers)
            try gate.redacted.deal(stage: stage, context)
            return context.outputs
        }
    }

    /// An operand's mask as two parties share it.
    struct Operand: Sendable {
        private let parts: [DealerValue]

        init(_ value: SimulatedValue, _ random: inout TestRandom) {
            func split(_ words: RingTensor) -> [RingTensor] {
                let first = RingTensor(random.words(words.count), shape: words.shape)
                return [first, PlainKernels().subtract(words, first)]
            }
            switch value.dealer {
            case .nothing: parts = [.nothing, .nothing]
            case .bits(let mask):
                let shares = value.parties.compactMap { party -> BitPlanes? in
                    guard case .bits(let bits) = party else { return nil }
                    return bits.maskShare
                }
                if shares.count == 2 {
                    parts = shares.map { .bits($0) }
                } else {
                    let words = RingTensor(random.words(mask.wordCount), shape: [mask.wordCount])
                    let first = BitPlanes(words, planes: mask.planes, count: mask.count)
                    parts = [.bits(first), .bits(PlainKernels().xor(mask, first))]
                }
            case .wire(let wire):
                if let alternative = wire.alternative {
                    // r = (mask << k) + any low bits, as an XOR of both parties' words.
                    let r = zip(wire.mask.elements, random.words(wire.mask.count)).map { mask, low in
                        mask << UInt64(alternative.shift) | low & (1 << UInt64(alternative.shift) - 1)
                    }
                    let first = random.words(r.count)
                    parts = [first, zip(r, first).map { $0 ^ $1 }].map { seeds in
                        .wire(
                            WireMask(
                                mask: RingTensor(seeds, shape: wire.mask.shape),
                                sharesHeld: false,
                                alternative: .init(mask: RingTensor(zeros: wire.mask.shape), shift: alternative.shift)
                            )
                        )
                    }
                } else {
                    let shares = value.parties.compactMap { party -> RingTensor? in
                        guard case .wire(let wire) = party else { return nil }
                        return wire.maskShare
                    }
                    parts = (shares.count == 2 ? shares : split(wire.mask)).map {
                        .wire(WireMask(mask: $0, sharesHeld: wire.sharesHeld))
                    }
                }
            }
        }

        func value(_ party: Int, _ run: PairRun) -> PairValue {
            switch parts[party] {
            case .nothing: .nothing
            case .bits(let bits): .bits(run.bits(bits))
            case .wire(let wire):
                if let alternative = wire.alternative {
                    .wire(run.truncatedWire(wire.mask.shape, seeds: wire.mask, shift: alternative.shift))
                } else {
                    .wire(run.wire(wire.mask, sharesHeld: wire.sharesHeld))
                }
            }
        }
    }

    // MARK: What the parties do with it

    /// A party's correlations in the order in which they were made, which must be that of reading.
    private final class Source: CorrelationSource {
        private var entries: ArraySlice<Entry>

        init(_ entries: [Entry]) {
            self.entries = entries[...]
        }

        var isEmpty: Bool { entries.isEmpty }

        func words(_ words: Int, number: UInt64) throws -> RingTensor {
            guard case .correlation(let made)? = entries.popFirst(), made.count == words else {
                throw SimulationError("\(words) words are read where something else was made")
            }
            return made.reshaped(to: [words])
        }

        func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
            guard case .difference(let made)? = entries.popFirst(), made?.count ?? count == count else {
                throw SimulationError("bits of \(count) elements are read where something else was made")
            }
            return made
        }
    }

    private final class Openings: OpeningExchange {
        var appended: [(part: RingTensor?, opening: Opening)] = []
        var arriving: [RingTensor?]

        init(_ arriving: [RingTensor?]) {
            self.arriving = arriving
        }

        func append(_ part: RingTensor?, _ opening: Opening) throws {
            appended.append((part, opening))
        }

        func next() throws -> RingTensor? {
            arriving.removeFirst()
        }
    }

    /// Both parties go through the gate with what they have made.
    func withoutDealer() throws -> Outcome {
        let (simulator, operands) = try make(nil)
        let kernels = PlainKernels()
        let sources = made.map { Source($0.entries) }
        let memories = [GateMemory(), GateMemory()]
        var outputs: [[PartyValue]] = [[], []]
        var outcome = Outcome()
        var arriving: [[RingTensor?]] = [[], []]
        for stage in 0..<gate.stages {
            let openings = arriving.map { Openings($0) }
            for party in 0..<2 {
                let context = PartyStage(
                    PartyRun(
                        party: party,
                        parties: 2,
                        kernels: simulator.roleKernels[party],
                        slabs: simulator.slabs,
                        keys: simulator.keys[party],
                        pairKeys: simulator.pairKeys[party],
                        ownKey: simulator.ownKeys[party],
                        numbers: simulator.numbers[party],
                        correlations: sources[party],
                        exchange: openings[party]
                    ),
                    inputs: operands.map { $0.parties[party] },
                    memory: memories[party]
                )
                try gate.evaluate(stage: stage, context)
                outputs[party] += context.outputs
            }
            arriving = [[], []]
            for (one, two) in zip(openings[0].appended, openings[1].appended) {
                let sum: RingTensor =
                    switch (one.part, two.part) {
                    case (let a?, let b?):
                        one.opening.combination == .sum
                            ? kernels.add(a, b)
                            : RingTensor(zip(a.elements, b.elements).map { $0 ^ $1 }, shape: a.shape)
                    case (let a?, nil): a
                    case (nil, let b?): b
                    case (nil, nil): throw SimulationError("nobody sends")
                    }
                outcome.opened.append(sum.elements)
                for party in 0..<2 {
                    arriving[party].append(one.opening.receiver ?? party == party ? sum.reshaped(to: [sum.count]) : nil)
                }
            }
        }
        for source in sources where !source.isEmpty { throw SimulationError("correlations are left") }
        outcome.plain = try outputs[0].indices.map { index in
            let masks: DealerValue =
                switch (made[0].outputs[index], made[1].outputs[index]) {
                case (.wire(let a), .wire(let b)): .wire(PairedGate.sum(a, b))
                case (.bits(let a), .bits(let b)): .bits(kernels.xor(a, b))
                default: .nothing
                }
            let values = outputs.map { $0[index] }
            return try SimulatedValue(shape: PairedGate.shape(values), parties: values, dealer: masks).plain()
        }
        return outcome
    }

    private static func sum(_ a: WireMask<RingTensor>, _ b: WireMask<RingTensor>) -> WireMask<RingTensor> {
        let kernels = PlainKernels()
        let mask = kernels.add(a.mask, b.mask)
        return WireMask(
            mask: mask,
            sharesHeld: a.sharesHeld,
            alternative: a.alternative.map { alternative in
                let top = kernels.shiftRight(mask, by: 63 - alternative.shift)
                return .init(
                    mask: kernels.subtract(mask, kernels.shiftLeft(top, by: 64 - alternative.shift)),
                    shift: alternative.shift
                )
            }
        )
    }

    private static func shape(_ values: [PartyValue]) -> Shape {
        for value in values {
            switch value {
            case .share(let words), .plain(let words): return words.shape
            case .wire(let wire): return wire.hat.shape
            case .bits(let bits): return [bits.hat.count]
            case .absent: continue
            }
        }
        return []
    }

    /// A dealer does, who has the parties' masks, and reads bits of λ − d.
    func inTheClear() throws -> Outcome {
        let differences = differences
        let rule = Rebasing { differences.take($0) }
        // Operands are made without differences: they are those that the pair had.
        let operands = try make(nil).operands
        let simulator = try rebased(rule)
        func run(_ gate: some Gate) throws -> [SimulatedValue] {
            try simulator.run(gate, operands, shapes: operands.isEmpty ? [[0]] : nil)
        }
        let before = simulator.openings.count
        let outputs = try run(gate)
        var outcome = Outcome()
        outcome.opened = simulator.openings[before...].map { opening in
            let parts = opening.parts.compactMap { $0 }
            return parts.dropFirst().reduce(parts[0]) { sum, part in
                zip(sum, part).map { opening.opening.combination == .sum ? $0 &+ $1 : $0 ^ $1 }
            }
        }
        outcome.plain = try outputs.map { output in
            try SimulatedValue(shape: PairedGate.shape(output.parties), parties: output.parties, dealer: output.dealer)
                .plain()
        }
        return outcome
    }

    /// A simulator that has counted what making the operands takes.
    private func rebased(_ rule: Rebasing) throws -> GateSimulator {
        let isMaking = MakingFlag()
        let simulator = try make(
            Rebasing { mask in isMaking.value ? RingTensor(zeros: mask.shape) : rule.difference(mask) }
        ).simulator
        isMaking.end()
        return simulator
    }

    private final class MakingFlag: Sendable {
        private let flag = Mutex(true)
        var value: Bool { flag.withLock { $0 } }
        func end() { flag.withLock { $0 = false } }
    }
}
