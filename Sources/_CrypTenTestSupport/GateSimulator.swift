package import CrypTenGates
package import CrypTenRing
import Foundation

/// Gates run by n parties and a dealer in one thread, stage by stage, with every rule of the contract checked on the way.
///
/// A stage runs at the dealer, then at every party; then the parties' messages are combined. Openings and corrections must
/// be those that the gate's cost declares, to the word and in the same order; every correlation is read once, in order; all
/// roles count the same streams; all that is opened is read. What breaks a rule throws `SimulationError`.
package final class GateSimulator {
    package let parties: Int
    package let kernels: any Kernels
    package let slabs: Slabs
    /// What each role has expanded, the dealer last.
    package let audits: [ExpansionAudit]
    /// The words that party i appended to openings, in order.
    package private(set) var sent: [[UInt64]]
    /// The corrections that the dealer sent, in order.
    package private(set) var dealt: [UInt64] = []
    /// The same, each on its own.
    package private(set) var corrections: [[UInt64]] = []
    /// In which of the simulator's stages each was sent.
    package private(set) var correctionStages: [Int] = []
    /// All openings, in order.
    package private(set) var openings: [SimulatedOpening] = []
    /// Everything that went over the wires: parts, corrections and combined words. Equal for equal seeds and inputs.
    package private(set) var transcript: [UInt64] = []
    /// Bits sent by a party, dealt bits, and rounds since the last `lap`.
    package private(set) var openedWords = 0
    package private(set) var correctionWords = 0
    package private(set) var rounds = 0

    /// Of how many masks bits were dealt, where they are others than those of the wires.
    package var readings: Int {
        differences?.all.count ?? 0
    }

    package let roleKernels: [any Kernels]
    private let corrupted: Set<Int>?
    /// Each party's keys, and those of each pair.
    package let keys: [RunKeys]
    package let pairKeys: [[ExpansionKey?]]
    /// Those that each party has for itself.
    package let ownKeys: [ExpansionKey]
    private let drawn = DrawnWords()
    package let numbers: [StreamNumbers]
    private let sink = SimulatedCorrections()
    private let differences: SimulatedDifferences?
    private let sources: [SimulatedSource]
    private var random: TestRandom
    /// The stages of all gates that have run, counted through.
    private let stages: StageCount

    /// - Parameters:
    ///   - corrupted: Parties whose randomness is all zeros, and so are their shares of what `share`, `wire` and `bits` make:
    ///     one of the others has everything. For an adversary who knows his own words these are as good as any. Nil: nobody
    ///     is, and sharings are uniform.
    ///   - rebasing: Where correlations of bits of a mask are made for another one, as parties without a dealer make them: by what it differs (`RebasedStage`).
    ///   - change: What becomes of a stream, for all who expand it.
    package init(
        parties: Int,
        seed: UInt64 = 1,
        kernels: any Kernels = PlainKernels(),
        slabs: Slabs = .usual,
        corrupted: Set<Int>? = nil,
        rebasing: Rebasing? = nil,
        changing change: (@Sendable (SimulatedStream) -> AuditingKernels.Change?)? = nil
    ) {
        var random = TestRandom(seed: seed)
        var owners: [ExpansionAudit.Stream: SimulatedStream.Purpose] = [:]
        func key(_ purpose: SimulatedStream.Purpose) -> ExpansionKey {
            let key = ExpansionKey(low: random.next(), high: random.next())
            owners[ExpansionAudit.Stream(low: key.low, high: key.high, number: 0)] = purpose
            return key
        }
        var keys = (0..<parties).map {
            RunKeys(
                masks: key(.mask($0)),
                bitMasks: key(.bitMask($0)),
                correlations: key(.correlation($0)),
                orders: ExpansionKey(low: 0, high: 0)
            )
        }
        var pairKeys = [[ExpansionKey?]](repeating: [ExpansionKey?](repeating: nil, count: parties), count: parties)
        for i in 0..<parties {
            for j in i + 1..<max(parties, i + 1) {
                let shared = key(.zero(i, j))
                (pairKeys[i][j], pairKeys[j][i]) = (shared, shared)
            }
        }
        // Of another seed, so that a run without such keys has the words that it has with them.
        var ownRandom = TestRandom(seed: ~seed)
        ownKeys = (0..<parties).map { party in
            let key = ExpansionKey(low: ownRandom.next(), high: ownRandom.next())
            owners[ExpansionAudit.Stream(low: key.low, high: key.high, number: 0)] = .own(party)
            return key
        }
        for party in 0..<parties {
            let key = ExpansionKey(low: ownRandom.next(), high: ownRandom.next())
            owners[ExpansionAudit.Stream(low: key.low, high: key.high, number: 0)] = .order(party)
            keys[party].orders = key
        }
        let purposes = owners
        let drawn = drawn
        let stages = StageCount()
        let changes = { @Sendable (stream: ExpansionAudit.Stream) -> AuditingKernels.Change? in
            var first = stream
            first.number = 0
            guard let purpose = purposes[first] else { return nil }
            if let corrupted, purpose.isKnown(to: corrupted) { return .words { $0.map { _ in 0 } } }
            if case .own(let party) = purpose, let words = drawn.words(of: party) {
                return .words { zip($0, words).map { $1 } }
            }
            return change?(SimulatedStream(purpose: purpose, stream: stream, stage: stages.value))
        }
        let audits = (0...parties).map { _ in ExpansionAudit() }
        let roleKernels = audits.map {
            AuditingKernels(kernels, audit: $0, changing: changes)
        }
        self.parties = parties
        self.kernels = kernels
        self.slabs = slabs
        self.audits = audits
        self.roleKernels = roleKernels
        self.corrupted = corrupted
        self.keys = keys
        self.pairKeys = pairKeys
        numbers = (0...parties).map { _ in StreamNumbers() }
        let sink = sink
        let differences = rebasing.map { SimulatedDifferences($0) }
        self.differences = differences
        sources = (0..<parties).map { party in
            party == parties - 1
                ? SimulatedSource(roleKernels[party], corrections: sink, differences: differences)
                : SimulatedSource(roleKernels[party], key: keys[party].correlations, differences: differences)
        }
        sent = [[UInt64]](repeating: [], count: parties)
        self.random = random
        self.stages = stages
    }

    // MARK: Values

    package func words(_ count: Int) -> RingTensor {
        RingTensor(random.words(count), shape: [count])
    }

    /// Uniform additive shares.
    package func share(_ plain: [UInt64], shape: Shape? = nil) -> SimulatedValue {
        let shape = shape ?? [plain.count]
        return SimulatedValue(
            shape: shape,
            parties: split(plain).map { .share(RingTensor($0, shape: shape)) },
            dealer: .nothing
        )
    }

    /// A wire under a uniform mask, of which the parties hold shares or not.
    package func wire(_ plain: [UInt64], shape: Shape? = nil, sharesHeld: Bool = true) -> SimulatedValue {
        let shape = shape ?? [plain.count]
        let mask = random.words(plain.count)
        let hat = RingTensor(zip(plain, mask).map { $0 &+ $1 }, shape: shape)
        return SimulatedValue(
            shape: shape,
            parties: split(mask).map {
                .wire(MaskedWire(hat: hat, maskShare: sharesHeld ? RingTensor($0, shape: shape) : nil))
            },
            dealer: .wire(WireMask(mask: RingTensor(mask, shape: shape), sharesHeld: sharesHeld))
        )
    }

    /// A wire truncated and read in place.
    package func truncatedWire(_ plain: [UInt64], shift: Int) throws -> SimulatedValue {
        try run(TruncateInPlaceGate(shape: [plain.count], shift: shift), [wire(plain, sharesHeld: false)])[0]
    }

    /// Masked bits, of whose mask the parties hold shares or not.
    package func bits(_ plain: [Bool], sharesHeld: Bool = true) -> SimulatedValue {
        let count = plain.count
        func plane(_ words: [UInt64]) -> BitPlanes {
            kernels.planes(of: RingTensor(words, shape: [count]), from: 0, count: 1)
        }
        let parts = (0..<parties).map { party in
            corrupted != nil && party != holder ? BitPlanes(zeros: 1, count: count) : plane(random.words(count))
        }
        let mask = parts.dropFirst().reduce(parts[0]) { kernels.xor($0, $1) }
        let hat = kernels.xor(plane(plain.map { $0 ? 1 : 0 }), mask)
        return SimulatedValue(
            shape: [count],
            parties: parts.map { .bits(MaskedBits(hat: hat, maskShare: sharesHeld ? $0 : nil)) },
            dealer: .bits(mask)
        )
    }

    /// Says what a party's own generator gives from now on, in each stream, unless it is corrupted and so gives zeros.
    ///
    /// - Parameter words: As many as a stream has, or more.
    package func draw(_ words: [UInt64], by party: Int) {
        drawn.set(words, of: party)
    }

    /// The order into which a party puts so many rows by a number of its orders: which row comes at each place.
    package func order(of party: Int, _ number: UInt64, rows: Int) -> [Int] {
        let words = kernels.expand(keys[party].orders, number: number, from: 0, shape: [rows, RowOrder.wordsOfKey])
            .elements
        return (0..<rows).sorted { (words[2 * $0 + 1], words[2 * $0]) < (words[2 * $1 + 1], words[2 * $1]) }
    }

    /// A value that one party has.
    package func plain(_ plain: [UInt64], at owner: Int, shape: Shape? = nil) -> SimulatedValue {
        let shape = shape ?? [plain.count]
        return SimulatedValue(
            shape: shape,
            parties: (0..<parties).map { $0 == owner ? .plain(RingTensor(plain, shape: shape)) : .absent },
            dealer: .nothing
        )
    }

    /// A value that everyone has.
    package func known(_ plain: [UInt64]) -> SimulatedValue {
        let tensor = RingTensor(plain, shape: [plain.count])
        return SimulatedValue(
            shape: [plain.count],
            parties: (0..<parties).map { _ in .plain(tensor) },
            dealer: .nothing
        )
    }

    /// The party that has everything where some are corrupted: the last that isn't.
    private var holder: Int {
        (0..<parties).last { corrupted?.contains($0) != true } ?? 0
    }

    private func split(_ plain: [UInt64]) -> [[UInt64]] {
        if corrupted != nil {
            return (0..<parties).map { $0 == holder ? plain : [UInt64](repeating: 0, count: plain.count) }
        }
        var parts = (1..<max(parties, 1)).map { _ in random.words(plain.count) }
        parts.append(parts.reduce(plain) { zip($0, $1).map { $0 &- $1 } })
        return parts
    }

    // MARK: Running

    /// Runs one gate to its end, and holds it against its cost.
    ///
    /// - Parameter shapes: of the outputs, where they aren't that of the first input.
    package func run(_ gate: some Gate, _ inputs: [SimulatedValue], shapes: [Shape]? = nil) throws -> [SimulatedValue] {
        let name = type(of: gate).name
        let cost = gate.cost(parties: parties, slabs: slabs)
        guard cost.count == gate.stages else {
            throw SimulationError("\(name): \(gate.stages) stages and the cost of \(cost.count)")
        }
        let dealerGate = gate.redacted
        guard dealerGate.cost(parties: parties, slabs: slabs) == cost else {
            throw SimulationError("\(name): redaction changes its cost")
        }
        let dealerMemory = MaskMemory<RingTensor, BitPlanes>()
        let memories = (0..<parties).map { _ in GateMemory() }
        var dealerOutputs: [DealerValue] = []
        var outputs = [[PartyValue]](repeating: [], count: parties)
        var arriving = [[RingTensor?]](repeating: [], count: parties)
        for stage in 0..<gate.stages {
            let before = sink.total
            let dealer = DealerStage(
                kernels: roleKernels[parties],
                slabs: slabs,
                inputs: inputs.map(\.dealer),
                memory: dealerMemory,
                keys: keys,
                numbers: numbers[parties],
                sink: sink
            )
            if let differences {
                try dealerGate.deal(stage: stage, RebasedStage(dealer, differences: differences))
            } else {
                try dealerGate.deal(stage: stage, at: dealer)
            }
            dealerOutputs += dealer.outputs
            let words = sink.total - before
            guard words == cost[stage].correctionWords else {
                throw SimulationError(
                    "\(name), stage \(stage): \(words) words dealt, \(cost[stage].correctionWords) declared"
                )
            }
            let recent = sink.sentSinceLast()
            corrections += recent
            correctionStages += recent.map { _ in stages.value }
            dealt += recent.joined()
            transcript += recent.joined()
            let exchanges = arriving.map { SimulatedExchange(arriving: $0) }
            for party in 0..<parties {
                let context = PartyStage(
                    PartyRun(
                        party: party,
                        parties: parties,
                        kernels: roleKernels[party],
                        slabs: slabs,
                        keys: keys[party],
                        pairKeys: pairKeys[party],
                        ownKey: ownKeys[party],
                        numbers: numbers[party],
                        correlations: sources[party],
                        exchange: exchanges[party]
                    ),
                    inputs: inputs.map { $0.parties[party] },
                    memory: memories[party]
                )
                try gate.evaluate(stage: stage, context)
                outputs[party] += context.outputs
                guard sources[party].readings == readings else {
                    throw SimulationError(
                        "\(name), stage \(stage): bits are dealt of \(readings) masks, and party \(party) reads those of \(sources[party].readings)"
                    )
                }
                guard exchanges[party].arriving.isEmpty else {
                    throw SimulationError("\(name), stage \(stage): party \(party) leaves opened words unread")
                }
                let openings = exchanges[party].appended.map(\.opening)
                guard openings == cost[stage].openings else {
                    throw SimulationError(
                        "\(name), stage \(stage): opens \(openings), declared \(cost[stage].openings)"
                    )
                }
            }
            guard sink.isEmpty else {
                throw SimulationError("\(name), stage \(stage): corrections are left over")
            }
            if !cost[stage].openings.isEmpty { rounds += 1 }
            correctionWords += words
            arriving = try combine(exchanges, stage: "\(name), stage \(stage)")
            stages.next()
        }
        guard arriving.allSatisfy(\.isEmpty) else { throw SimulationError("\(name): the last stage opens") }
        try checkNumbers(name)
        guard outputs.allSatisfy({ $0.count == dealerOutputs.count }) else {
            throw SimulationError("\(name): the parties and the dealer yield different numbers of outputs")
        }
        let given = shapes ?? []
        return dealerOutputs.indices.map { index in
            SimulatedValue(
                shape: index < given.count ? given[index] : given.first ?? inputs[0].shape,
                parties: outputs.map { $0[index] },
                dealer: dealerOutputs[index]
            )
        }
    }

    /// What was opened by a party and dealt since the last call, in bits for each of `count` elements.
    package func lap(_ count: Int) -> (opened: Double, dealt: Double, rounds: Int) {
        defer { (openedWords, correctionWords, rounds) = (0, 0, 0) }
        return (Double(openedWords * 64) / Double(count), Double(correctionWords * 64) / Double(count), rounds)
    }

    private func combine(_ exchanges: [SimulatedExchange], stage: String) throws -> [[RingTensor?]] {
        var arriving = [[RingTensor?]](repeating: [], count: parties)
        for index in exchanges[0].appended.indices {
            let opening = exchanges[0].appended[index].opening
            openings.append(
                SimulatedOpening(
                    opening: opening,
                    parts: exchanges.map { $0.appended[index].part?.elements },
                    stage: stages.value
                )
            )
            var sum: [UInt64]?
            for party in 0..<parties {
                let part = exchanges[party].appended[index].part
                guard (part != nil) == (opening.sender ?? party == party) else {
                    throw SimulationError(
                        "\(stage): party \(party) sends where it shouldn't, or doesn't where it should"
                    )
                }
                guard let words = part?.elements else { continue }
                guard words.count == opening.words else {
                    throw SimulationError("\(stage): \(words.count) words for an opening of \(opening.words)")
                }
                sent[party] += words
                transcript += words
                sum =
                    sum.map {
                        zip($0, words).map { opening.combination == .sum ? $0 &+ $1 : $0 ^ $1 }
                    } ?? words
            }
            openedWords += opening.words
            guard let sum else { throw SimulationError("\(stage): nobody sends") }
            for party in 0..<parties {
                arriving[party].append(opening.receiver ?? party == party ? RingTensor(sum, shape: [sum.count]) : nil)
            }
        }
        return arriving
    }

    /// Every role has counted the same streams: the next numbers are equal.
    private func checkNumbers(_ name: String) throws {
        for draw in [
            StreamNumbers.mask, StreamNumbers.bitMask, StreamNumbers.correlation, StreamNumbers.order,
            StreamNumbers.bitwise,
        ] {
            let next = numbers.map { draw($0)() }
            guard Set(next).count == 1 else {
                throw SimulationError("\(name): roles count streams differently: \(next)")
            }
        }
        for source in sources { source.skip() }
    }
}

/// An opening as it went over the wires.
package struct SimulatedOpening: Sendable {
    package var opening: Opening
    /// What each party sent; nil where it sent nothing.
    package var parts: [[UInt64]?]
    /// In which of the simulator's stages, of all gates counted through.
    package var stage: Int
}

/// How many stages have run. Safety of `@unchecked Sendable`: `count` is touched only while `lock` is held.
private final class StageCount: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    var value: Int {
        lock.withLock { count }
    }

    func next() {
        lock.withLock { count += 1 }
    }
}

/// A stream of words by what it is for.
package struct SimulatedStream: Sendable {
    package enum Purpose: Hashable, Sendable {
        case mask(Int)
        case bitMask(Int)
        case correlation(Int)
        /// Of the sharings of zero of two parties.
        case zero(Int, Int)
        /// What a party draws of its own generator.
        case own(Int)
        /// Of the order that a party puts rows into.
        case order(Int)

        /// Whether one of some parties can expand it.
        package func isKnown(to parties: Set<Int>) -> Bool {
            switch self {
            case .mask(let party), .bitMask(let party), .correlation(let party), .own(let party), .order(let party):
                parties.contains(party)
            case .zero(let first, let second): parties.contains(first) || parties.contains(second)
            }
        }
    }

    package var purpose: Purpose
    package var stream: ExpansionAudit.Stream
    /// In which of the simulator's stages it is expanded, of all gates counted through.
    package var stage: Int
}

/// What parties' own generators give in place of their words.
///
/// Safety of `@unchecked Sendable`: `value` is touched only while `lock` is held.
private final class DrawnWords: @unchecked Sendable {
    private let lock = NSLock()
    private var value: [Int: [UInt64]] = [:]

    func words(of party: Int) -> [UInt64]? {
        lock.withLock { value[party] }
    }

    func set(_ words: [UInt64], of party: Int) {
        lock.withLock { value[party] = words }
    }
}

/// The dealer's corrections on their way to the last party.
final class SimulatedCorrections: CorrectionSink {
    private var queue: [RingTensor] = []
    private var recent: [[UInt64]] = []
    private(set) var total = 0

    var isEmpty: Bool {
        queue.isEmpty
    }

    func send(_ count: Int, _ write: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void) throws {
        var words = RingTensor(uninitialized: [count])
        words.withMutableWords { write(0..<count, $0) }
        queue.append(words)
        recent.append(words.elements)
        total += words.count
    }

    func send(_ words: RingTensor) throws {
        queue.append(words)
        recent.append(words.elements)
        total += words.count
    }

    func next() -> RingTensor? {
        queue.isEmpty ? nil : queue.removeFirst()
    }

    func sentSinceLast() -> [[UInt64]] {
        defer { recent = [] }
        return recent
    }
}

/// A party's correlation words, out of its seed or of the corrections; each number once and in order.
final class SimulatedSource: CorrelationSource {
    private let kernels: any Kernels
    private let key: ExpansionKey?
    private let corrections: SimulatedCorrections?
    private let differences: SimulatedDifferences?
    private var expected: UInt64 = 0
    /// How often the party has asked for a difference, where there are any.
    private(set) var readings = 0

    init(
        _ kernels: any Kernels,
        key: ExpansionKey? = nil,
        corrections: SimulatedCorrections? = nil,
        differences: SimulatedDifferences? = nil
    ) {
        self.kernels = kernels
        self.key = key
        self.corrections = corrections
        self.differences = differences
    }

    func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
        guard let differences else { return nil }
        guard readings < differences.all.count else {
            throw SimulationError("bits are read of more than \(readings) masks")
        }
        defer { readings += 1 }
        let difference = differences.all[readings]
        guard difference?.count ?? count == count else {
            throw SimulationError("bits of \(count) elements are read where those of \(difference!.count) are dealt")
        }
        return difference
    }

    func skip() {
        expected += 1
    }

    func words(_ words: Int, number: UInt64) throws -> RingTensor {
        guard number == expected else {
            throw SimulationError("correlation \(number) is read where \(expected) is next")
        }
        expected += 1
        if let key { return kernels.expand(key, number: number, from: 0, shape: [words]) }
        guard let correction = corrections?.next(), correction.count == words else {
            throw SimulationError("correlation \(number) has other than \(words) words")
        }
        return correction.reshaped(to: [words])
    }
}

/// A party's side of one round.
final class SimulatedExchange: OpeningExchange {
    private(set) var arriving: [RingTensor?]
    private(set) var appended: [(part: RingTensor?, opening: Opening)] = []

    init(arriving: [RingTensor?]) {
        self.arriving = arriving
    }

    func append(_ part: RingTensor?, _ opening: Opening) throws {
        appended.append((part, opening))
    }

    func next() throws -> RingTensor? {
        guard !arriving.isEmpty else { throw SimulationError("more is read than was opened") }
        return arriving.removeFirst()
    }
}
