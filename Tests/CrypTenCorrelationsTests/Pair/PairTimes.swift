import CrypTenBase
import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// Times of what two parties make, as threads of one process; run where `CRYPTEN_PAIR_TIMES` is set: to `all`, or to a part of a workload's name.
@Suite(
    "Times of two parties' correlations",
    .enabled(
        if: ProcessInfo.processInfo.environment["CRYPTEN_PAIR_TIMES"] != nil,
        "CRYPTEN_PAIR_TIMES isn't set"
    ),
    .serialized
)
struct PairTimes {
    private static let wanted = ProcessInfo.processInfo.environment["CRYPTEN_PAIR_TIMES"]

    enum Workload: String, CaseIterable {
        case product = "2^20 products, a cross term"
        case transferredProduct = "2^20 products by transfers, a cross term"
        case sharedProduct = "2^20 products of shared words"
        case transferredSharedProduct = "2^20 products by transfers of shared words"
        case powers = "2^18 powers to the fourth"
        case transferredPowers = "2^18 powers to the fourth by transfers"
        case truncation = "2^20 truncations by 16"
        case sign = "2^19 signs"
        case activation = "2^20 truncated ReLUs by 16"
        case maximum = "2^18 maxima of 3"
        case polynomial = "2^17 polynomials of degree 4"
        case matrices = "matmul 512³, a cross term"
        case convolution = "conv 3×3, 56², 64 → 64, a cross term"
        case harmonics = "10^5 harmonics"
        case transferredHarmonics = "10^5 harmonics by transfers"
        case exponential = "10^5 exponentials of 4 entries"

        func ask(_ run: PairRun) throws {
            switch self {
            case .product: try bilinear(run, .multiply, [1 << 20], [1 << 20])
            case .transferredProduct: try transferred(run, 0, 1)
            case .sharedProduct:
                let gate = BilinearGate(operation: .multiply, left: [1 << 20], right: [1 << 20])
                try stage(run, [shared(run, 1 << 20), shared(run, 1 << 20)]) { try gate.deal(stage: 0, $0) }
            case .transferredSharedProduct: try transferred(run, nil, nil)
            case .transferredPowers: try transferred(run, powers: 4)
            case .powers: try stage(run, [shared(run, 1 << 18)]) { try $0.dealPowers(of: $0.wire(0), exponents: 2...4) }
            case .truncation:
                try gate(run, TruncateGate(shape: [1 << 20], form: WireForm(), shift: 16), shared(run, 1 << 20))
            case .sign: try gate(run, SignGate(shape: [1 << 19]), shared(run, 1 << 19))
            case .activation:
                try gate(run, TruncatedReLUGate(shape: [1 << 20], sharesHeld: true, shift: 16), shared(run, 1 << 20))
            case .maximum:
                let gate = MaximumGate(shape: [1 << 18], operands: 3, sharesHeld: true)
                try self.gate(run, gate, shared(run, 1 << 18), shared(run, 1 << 18), shared(run, 1 << 18))
            case .polynomial:
                let gate = PolynomialGate(shape: [1 << 17], form: WireForm(), coefficients: [0, 1, 1, 1, 1])
                try self.gate(run, gate, shared(run, 1 << 17))
            case .matrices:
                try bilinear(run, .matmul(transposeLeft: false, transposeRight: false), [512, 512], [512, 512])
            case .convolution:
                let geometry = ConvolutionGeometry(strides: [1, 1], padding: [1, 1, 1, 1])
                try bilinear(run, .convolution(geometry), [1, 64, 56, 56], [64, 64, 3, 3])
            case .harmonics:
                try stage(run, [shared(run, 100_000)]) { try $0.dealHarmonics(of: $0.wire(0).mask, numbers: 1...1) }
            case .transferredHarmonics:
                let words = words(run, 100_000)
                for range in Slabs.usual.of(100_000) {
                    let x = PairWords(count: range.count, part: Later(words.flat(range)))
                    for wave in run.pair.harmonics(x, number: 1) { try run.deal(wave.part) }
                }
                try run.exchange()
            case .exponential:
                let bits = run.bits(BitPlanes(zeros: 1, count: 100_000))
                try stage(run, [shared(run, 100_000)]) {
                    try $0.dealOctaves(of: $0.wire(0).mask, where: bits, entries: 4, octaves: 16, fractionBits: 20)
                }
            }
        }

        /// Products of 2^20 words, none of them in slots.
        private func transferred(_ run: PairRun, _ left: Int?, _ right: Int?) throws {
            let words = words(run, 1 << 20)
            for range in Slabs.usual.of(1 << 20) {
                let part = Later(words.flat(range))
                let x = PairWords(count: range.count, part: part, knownTo: left)
                try run.deal(run.pair.product(x, PairWords(count: range.count, part: part, knownTo: right)).part)
            }
            try run.exchange()
        }

        /// Powers of 2^18 words.
        private func transferred(_ run: PairRun, powers degree: Int) throws {
            let words = words(run, 1 << 18)
            for range in Slabs.usual.of(1 << 18) {
                let x = PairWords(count: range.count, part: Later(words.flat(range)))
                for power in run.pair.powers(x, degree: degree) { try run.deal(power.part) }
            }
            try run.exchange()
        }

        private func words(_ run: PairRun, _ count: Int) -> RingTensor {
            var numbers = Numbers(seed: UInt64(run.pair.party) + 17)
            return RingTensor(numbers.words(count), shape: [count])
        }

        private func shared(_ run: PairRun, _ count: Int, shape: Shape? = nil) -> PairValue {
            .wire(run.wire(words(run, count).reshaped(to: shape ?? [count]), sharesHeld: true))
        }

        /// Of operands that a party has each.
        private func bilinear(_ run: PairRun, _ operation: BilinearOperation, _ left: Shape, _ right: Shape) throws {
            let gate = BilinearGate(
                operation: operation,
                left: left,
                right: right,
                leftZeroExcept: 0,
                rightZeroExcept: 1
            )
            try stage(run, [shared(run, left.count, shape: left), shared(run, right.count, shape: right)]) {
                try gate.deal(stage: 0, $0)
            }
        }

        private func gate(_ run: PairRun, _ gate: some Gate, _ inputs: PairValue...) throws {
            try stage(run, inputs) { stage in
                for number in 0..<gate.stages { try gate.deal(stage: number, stage) }
            }
        }

        private func stage(_ run: PairRun, _ inputs: [PairValue], _ body: (PairStage) throws -> Void) throws {
            try body(PairStage(run, inputs: inputs, memory: MaskMemory(), numbers: StreamNumbers()))
            try run.exchange()
        }
    }

    private final class Sink: PairSink {
        private(set) var words = 0
        func correlation(_ words: RingTensor) throws { self.words += words.count }
        func difference(_ words: RingTensor?) throws { self.words += words?.count ?? 0 }
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }

    @Test("of what the workloads ask for", arguments: Workload.allCases, TreeHeight.allCases)
    func times(workload: Workload, height: TreeHeight) throws {
        guard let wanted = PairTimes.wanted, wanted == "all" || workload.rawValue.contains(wanted) else { return }
        let results = try PairOfThreads(height: height).run { pair, channel in
            let key = ExpansionKey(low: UInt64(pair.party), high: 5)
            let keys = RunKeys(masks: key, bitMasks: key, correlations: key, orders: key)
            let sink = Sink()
            let run = PairRun(
                pair: pair,
                slabs: .usual,
                keys: keys,
                seeds: ExpansionKey(low: UInt64(pair.party), high: 6),
                lattice: ExpansionKey(low: UInt64(pair.party), high: 7),
                channel: channel,
                sink: sink,
                // The two share what a process keeps of memory.
                limit: 100 << 20
            )
            // Of the second time: the first one's memory is there.
            var times: (wall: Double, processor: Double) = (0, 0)
            var before = (transfers: 0, words: 0, made: 0)
            for _ in 0..<2 {
                before = (pair.counters.choosing.transfers, channel.sent, sink.words)
                let start = (PairTimes.seconds(CLOCK_MONOTONIC), PairTimes.seconds(CLOCK_THREAD_CPUTIME_ID))
                try workload.ask(run)
                times = (
                    PairTimes.seconds(CLOCK_MONOTONIC) - start.0, PairTimes.seconds(CLOCK_THREAD_CPUTIME_ID) - start.1
                )
            }
            return (
                wall: times.wall, processor: times.processor,
                transfers: pair.counters.choosing.transfers - before.transfers,
                bytes: 8 * (channel.sent - before.words), made: sink.words - before.made
            )
        }
        #expect(results[0].made == results[1].made && results[0].made > 0)
        let transfers = results.reduce(0) { $0 + $1.transfers }
        let processor = results.reduce(0) { $0 + $1.processor }
        func text(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
        print(
            "\(workload.rawValue), k = \(height.rawValue): \(text(results.map(\.wall).max()!, 2)) s, processor "
                + results.map { text($0.processor, 2) }.joined(separator: " + ")
                + " s; \(text(1e-6 * Double(transfers), 1)) M transfers, \(text(1e9 * processor / Double(max(transfers, 1)), 1)) ns each; "
                + results.map { text(1e-6 * Double($0.bytes), 0) }.joined(separator: " + ") + " MB"
        )
    }
}
