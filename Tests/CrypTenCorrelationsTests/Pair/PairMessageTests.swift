import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Hypothesis: what either party sends has one distribution, whatever its masks and bits are.
///
/// Two samples' bytes, by exchange and by party, of two chosen sets of masks as different as they can be: Pearson's statistic has 255 degrees of freedom.
/// Transfers are the system's draw, so each run is another sample; a bound that is exceeded with probability 10^-10, some 100 comparisons: one false alarm
/// in 10^8 runs.
@Suite("Messages between two parties depend on nothing secret")
struct PairMessageTests {
    private static let count = 1_024
    private static let bound = chiSquareBound(degrees: 255, falseAlarm: 1e-10)

    /// What gates ask for.
    enum Request: CaseIterable, Sendable {
        case number, productsOfBits, selection, product, powers, harmonics, octaves, tensorProduct, bits, quotient,
            lowBits, event

        func ask(_ stage: PairStage, _ wires: [WireMask<PairMask>], _ bits: PairPlanes) throws {
            let x = wires[0]
            switch self {
            case .number: try stage.dealNumber(of: stage.plane(bits, 0))
            case .productsOfBits: try stage.dealSubsetProducts(of: bits, starts: [0], size: 4)
            case .selection: try stage.dealSelection(stage.plane(bits, 0), of: x)
            case .product: try stage.dealProduct(of: x, times: wires[1].mask)
            case .powers: try stage.dealPowers(of: x, exponents: 2...3)
            case .harmonics: try stage.dealHarmonics(of: x.mask, numbers: 1...2)
            case .octaves:
                try stage.dealOctaves(
                    of: x.mask,
                    where: stage.plane(bits, 0),
                    entries: 4,
                    octaves: 16,
                    fractionBits: 20
                )
            case .tensorProduct:
                let gate = BilinearGate(
                    operation: .matmul(transposeLeft: false, transposeRight: false),
                    left: [32, 32],
                    right: [32, 32]
                )
                let inputs = wires.map {
                    PairValue.wire(WireMask(mask: stage.apply(.reshape([32, 32]), to: [$0.mask]), sharesHeld: true))
                }
                let product = PairStage(stage.run, inputs: inputs, memory: MaskMemory(), numbers: StreamNumbers())
                try gate.deal(stage: 0, product)
            case .bits: try stage.dealBits(try stage.bits(of: x, [0..<64])[0])
            case .quotient: try stage.dealQuotient(of: x.mask, factor: (1 << 62) / 7)
            case .lowBits: try stage.dealLowBits(20, count: PairMessageTests.count)
            case .event: _ = try stage.dealEvent(numerator: 77_777, bits: 20, count: PairMessageTests.count)
            }
        }
    }

    /// Masks and bits of which all shares are the same words, and the parties' keys.
    private func messages(_ request: Request, word: UInt64, keys: UInt64) throws -> [[[UInt64]]] {
        let count = PairMessageTests.count
        var readings = PairReadings(count: count, seed: 0)
        readings.parts = (0..<2).map { _ in (0..<2).map { _ in RingTensor(repeating: word, shape: [count]) } }
        let planes = RingTensor(repeating: word, shape: [4 * count / 64])
        readings.bits = (0..<2).map { _ in BitPlanes(planes, planes: 4, count: count) }
        readings.keys = keys
        return try readings.run { stage, wires, bits in try request.ask(stage, wires, bits!) }.messages
    }

    @Test(
        "are as long, and as distributed, for two chosen sets of masks and two sets of keys",
        arguments: Request.allCases
    )
    func equal(request: Request) throws {
        let all = try [(0 as UInt64, 1 as UInt64), (0, 2), (.max, 1), (0x0101_0101_0101_0101, 2)].map {
            try messages(request, word: $0.0, keys: $0.1)
        }
        let lengths = all.map { $0.map { $0.map(\.count) } }
        #expect(lengths.allSatisfy { $0 == lengths[0] } && lengths[0].joined().reduce(0, +) > 0)
        for party in 0..<2 {
            for exchange in all[0][party].indices where lengths[0][party][exchange] >= 1_024 {
                // The two of each set of masks together, against each other.
                let first = all[0][party][exchange] + all[1][party][exchange]
                let second = all[2][party][exchange] + all[3][party][exchange]
                let statistic = chiSquareOfBytes(first, against: second)
                #expect(statistic < PairMessageTests.bound, "\(request), party \(party), exchange \(exchange + 1)")
            }
        }
    }

    @Test("mutant: an opening of what isn't uniform is seen")
    func open() throws {
        func sent(_ word: UInt64) throws -> [UInt64] {
            let results = try PairOfThreads(records: true).run { pair, channel -> [[UInt64]] in
                let words = RingTensor(repeating: word, shape: [1_024])
                _ = pair.open(PairWords(count: 1_024, part: Later(words)))
                try pair.run(over: channel)
                return channel.messages
            }
            return results[0][0]
        }
        #expect(chiSquareOfBytes(try sent(0), against: try sent(0x0101_0101_0101_0101)) > PairMessageTests.bound)
    }
}
