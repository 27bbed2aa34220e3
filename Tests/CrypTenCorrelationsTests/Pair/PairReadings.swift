import CrypTenBase
import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import _CrypTenTestSupport

/// Two parties with shares of chosen masks, asked by hand for what gates ask for.
struct PairReadings: Sendable {
    /// By party: its shares of the masks of some wires.
    var parts: [[RingTensor]]
    /// By party: its seed words of the wires' r, where they are given.
    var seeds: [RingTensor?] = [nil, nil]
    /// By party: its parts of some planes of bits.
    var bits: [BitPlanes] = []
    var naming = MaskNaming.byWire
    /// Of the parties' own keys.
    var keys: UInt64 = 1

    /// Two wires of uniform masks.
    init(count: Int, seed: UInt64) {
        var numbers = Numbers(seed: seed)
        parts = (0..<2).map { _ in (0..<2).map { _ in RingTensor(numbers.words(count), shape: [count]) } }
    }

    /// The masks.
    func mask(_ wire: Int) -> [UInt64] {
        zip(parts[0][wire].elements, parts[1][wire].elements).map { $0 &+ $1 }
    }

    struct Answer: Sendable {
        /// What is handed on, at party 0.
        var entries: [PairedEntry]
        /// By party and exchange, all that is sent.
        var messages: [[[UInt64]]]
        /// In both directions.
        var transfers: Int
        var messageBits: Int
        var exchanges: Int
    }

    /// What comes of requests.
    func run(
        _ ask: @escaping @Sendable (PairStage, [WireMask<PairMask>], PairPlanes?) throws -> Void
    ) throws -> Answer {
        let readings = self
        var results = try PairOfThreads(records: true).run { pair, channel -> Answer in
            var numbers = Numbers(seed: readings.keys &* 2 &+ UInt64(pair.party))
            func key() -> ExpansionKey { ExpansionKey(low: numbers.next(), high: numbers.next()) }
            let sink = PairedSink()
            let run = PairRun(
                pair: pair,
                slabs: .usual,
                keys: RunKeys(masks: key(), bitMasks: key(), correlations: key(), orders: key()),
                seeds: key(),
                lattice: key(),
                channel: channel,
                sink: sink,
                naming: readings.naming
            )
            let stage = PairStage(run, inputs: [], memory: MaskMemory(), numbers: StreamNumbers())
            let wires = readings.parts[pair.party].map {
                run.wire($0, sharesHeld: true, seeds: readings.seeds[pair.party])
            }
            try ask(stage, wires, readings.bits.isEmpty ? nil : run.bits(readings.bits[pair.party]))
            try run.exchange()
            let (sending, choosing) = pair.counters
            return Answer(
                entries: sink.entries,
                messages: [channel.messages],
                transfers: sending.transfers + choosing.transfers,
                messageBits: sending.messageBits + choosing.messageBits,
                exchanges: pair.tape.done
            )
        }
        results[0].messages += results[1].messages
        guard results[0].transfers == results[1].transfers, results[0].messageBits == results[1].messageBits else {
            throw SimulationError("the parties count transfers differently")
        }
        return results[0]
    }

    /// d of each reading.
    func differences(
        _ ask: @escaping @Sendable (PairStage, [WireMask<PairMask>]) throws -> Void
    ) throws -> [[UInt64]] {
        try run { stage, wires, _ in try ask(stage, wires) }.entries.differences
    }
}

extension PairStage {
    /// Reads all bits of a mask.
    func read(_ mask: PairMask) throws {
        _ = try bits(of: WireMask(mask: mask, sharesHeld: true), [0..<64])
    }
}

/// Elements of words, one less the other.
func less(_ a: [UInt64], _ b: [UInt64]) -> [UInt64] {
    zip(a, b).map { $0 &- $1 }
}

/// At how many places two lists agree.
func agreeing(_ a: [UInt64], _ b: [UInt64]) -> Int {
    zip(a, b).count { $0 == $1 }
}
