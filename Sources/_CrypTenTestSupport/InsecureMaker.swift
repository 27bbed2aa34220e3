import CrypTenBase
package import CrypTenCorrelations
package import CrypTenGates
package import CrypTenPlanning
package import CrypTenRing
import NIOConcurrencyHelpers

/// Makes correlations without any secrecy: the parties send each other their keys, and each computes what a dealer would deal, of which it takes its own part.
///
/// What surrounds a maker sees all that it would see of the real one: words that go both ways, in several exchanges; differences λ − r of masks whose
/// bits are read, which are no zeros (`RebasedStage`); kept masks. Both parties know all masks, so nothing is secret.
package final class InsecureMaker: CorrelationMaker {
    /// What both makers of a session have done, for tests.
    package final class Log: Sendable {
        private let runs = NIOLockedValueBox<[[UInt64]]>([])
        private let live = NIOLockedValueBox(0)

        package init() {}

        /// Of each run, at each party, the words of all keys.
        package var keys: [[UInt64]] { runs.withLockedValue { $0 } }
        /// How many kept masks were not overwritten yet.
        package var liveMasks: Int { live.withLockedValue { $0 } }

        fileprivate func add(keys: [UInt64]) {
            runs.withLockedValue { $0.append(keys) }
        }

        fileprivate func count(_ change: Int) {
            live.withLockedValue { $0 += change }
        }
    }

    private let party: Int
    private let kernels = NativeKernels(threads: 1)
    private let log: Log
    /// Words that each party sends beside its keys, in an exchange of their own.
    private let bulk: Int
    /// Called before each exchange, counted from 0 in every run.
    private let beforeExchange: @Sendable (_ party: Int, _ exchange: Int) throws -> Void
    private var isConnected = false
    package private(set) var transfers = 0
    package var waitingLimit = 0

    /// A maker of one party.
    package init(
        party: Int,
        log: Log = Log(),
        bulk: Int = 0,
        beforeExchange: @escaping @Sendable (_ party: Int, _ exchange: Int) throws -> Void = { _, _ in }
    ) {
        (self.party, self.log, self.bulk, self.beforeExchange) = (party, log, bulk, beforeExchange)
    }

    package func connect(over channel: any PairChannel) throws {
        precondition(!isConnected, "a session connects once")
        isConnected = true
        try beforeExchange(party, 0)
        try channel.send(RingTensor([UInt64(party)], shape: [1]))
        try channel.finishSending()
        guard try channel.receive(1).elements == [UInt64(1 - party)] else {
            throw CrypTenError(.malformedFrame, "that isn't the other party")
        }
        try channel.finishReceiving()
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
        precondition(isConnected, "a session connects before its first run")
        let own = [keys.masks, keys.bitMasks, keys.correlations, keys.orders].flatMap { [$0.low, $0.high] }
        log.add(keys: own + [seeds.low, seeds.high])
        try beforeExchange(party, 1)
        try channel.send(RingTensor(own, shape: [own.count]))
        try channel.finishSending()
        let theirs = RunKeys(words: try channel.receive(own.count).elements)
        try channel.finishReceiving()
        try beforeExchange(party, 2)
        try exchangeBulk(binding: binding, over: channel)
        transfers += schedule.correctionWords
        let pairs = party == 0 ? [keys, theirs] : [theirs, keys]
        let masks = try deal(
            plan,
            schedule,
            keys: pairs,
            kept: kept.map { ($0 as! InsecureKeptMask).value },
            into: sink
        )
        return masks.map { InsecureKeptMask($0, kernels, log) }
    }

    /// Numbers that both know, from the run's hash: what comes must be what was sent.
    private func exchangeBulk(binding: [UInt8], over channel: any PairChannel) throws {
        let first = binding.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        func words(of party: Int) -> RingTensor {
            RingTensor((0..<UInt64(bulk)).map { (first &+ $0) &* (2 &* UInt64(party) + 3) }, shape: [bulk])
        }
        try channel.send(words(of: party))
        try channel.finishSending()
        guard try channel.receive(bulk).elements == words(of: 1 - party).elements else {
            throw CrypTenError(.malformedFrame, "what came isn't what was sent")
        }
        try channel.finishReceiving()
    }

    private func deal(
        _ plan: Plan,
        _ schedule: Schedule,
        keys: [RunKeys],
        kept: [DealerValue],
        into sink: any PairSink
    ) throws -> [DealerValue] {
        let part = OwnPart(party: party, key: keys[0].correlations, kernels, sink)
        return try plan.deal(schedule, keys: keys, kept: kept, kernels, into: part) { unit, gate, dealer in
            part.numbers.begin(step: unit.step, stage: unit.stage)
            let differences = SimulatedDifferences(.elementwise)
            try gate.deal(stage: unit.stage, RebasedStage(dealer, differences: differences))
            for difference in differences.all { try sink.difference(difference) }
        }
    }

    /// Of what a dealer would send the last party, the part of either.
    private final class OwnPart: CorrectionSink {
        let numbers = StreamNumbers()
        private let party: Int
        private let key: ExpansionKey
        private let kernels: any Kernels
        private let sink: any PairSink

        init(party: Int, key: ExpansionKey, _ kernels: any Kernels, _ sink: any PairSink) {
            (self.party, self.key, self.kernels, self.sink) = (party, key, kernels, sink)
        }

        func send(_ words: RingTensor) throws {
            let number = numbers.correlation()
            let own = party == 1 ? words : kernels.expand(key, number: number, from: 0, shape: [words.count])
            try sink.correlation(own.reshaped(to: [words.count]))
        }

        func send(_ count: Int, _ write: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void) throws {
            var words = RingTensor(zeros: [count])
            words.withMutableWords { write(0..<count, $0) }
            try send(words)
        }
    }
}

/// The mask itself, at either party.
private final class InsecureKeptMask: KeptMask {
    private(set) var value: DealerValue
    private let kernels: any Kernels
    private let log: InsecureMaker.Log?
    private var isWiped = false

    init(_ value: DealerValue, _ kernels: any Kernels, _ log: InsecureMaker.Log?) {
        (self.value, self.kernels, self.log) = (value, kernels, log)
        log?.count(1)
    }

    func rows(_ rows: [Int], of shape: Shape) -> any KeptMask {
        InsecureKeptMask(value.rows(rows, of: shape, kernels), kernels, nil)
    }

    func wipe() {
        precondition(!isWiped, "a kept mask is released once")
        isWiped = true
        log?.count(-1)
        value.wipe()
    }
}

extension RunKeys {
    fileprivate init(words: [UInt64]) {
        func key(_ index: Int) -> ExpansionKey { ExpansionKey(low: words[2 * index], high: words[2 * index + 1]) }
        self.init(masks: key(0), bitMasks: key(1), correlations: key(2), orders: key(3))
    }
}
