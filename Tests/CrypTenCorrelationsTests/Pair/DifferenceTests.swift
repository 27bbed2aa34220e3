import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Hypothesis, of each test: given all that one party has, d is uniform and independent, however the masks are shared.
///
/// Pearson's statistic of the bytes of words has 255 degrees of freedom. Keys are fixed, and so is d: a bound that is exceeded with probability 10^-9
/// makes a false alarm in one of 10^7 choices of the seeds, over the comparisons here.
@Suite("d tells neither party anything")
struct DifferenceTests {
    private static let count = 8_192
    private static let bound = chiSquareBound(degrees: 255, falseAlarm: 1e-9)

    /// How one party may choose its shares of a mask: as bad as it can.
    enum Choice: CaseIterable, Sendable {
        case zeros, ones, counting, ownBits
    }

    private func view(
        _ party: Int,
        _ choice: Choice,
        othersBits: RingTensor? = nil
    ) throws -> (own: [UInt64], others: [UInt64], d: [UInt64]) {
        let count = DifferenceTests.count
        var readings = PairReadings(count: count, seed: 71)
        // The other's share is any: what hides the mask is r alone.
        var numbers = Numbers(seed: 72)
        let seeds = RingTensor(numbers.words(count), shape: [count])
        let own =
            switch choice {
            case .zeros: RingTensor(zeros: [count])
            case .ones: RingTensor(repeating: .max, shape: [count])
            case .counting: RingTensor((0..<UInt64(count)).map { $0 }, shape: [count])
            case .ownBits: seeds
            }
        readings.parts[party] = [own, own]
        readings.parts[1 - party] = [
            RingTensor(repeating: 0x0123, shape: [count]), RingTensor(repeating: 0x0123, shape: [count]),
        ]
        readings.seeds[party] = seeds
        // Of the other's key, or as a mutant has them.
        readings.seeds[1 - party] = othersBits ?? RingTensor(Numbers.wordsOf(count, seed: 73), shape: [count])
        let d = try readings.differences { stage, wires in try stage.read(wires[0].mask) }[0]
        return (seeds.elements, zip(own.elements, readings.parts[1 - party][0].elements).map { $0 &+ $1 }, d)
    }

    /// The largest statistic of d and of what a party can compute of it: with its share of the mask, its bits of r, and both.
    private func worst(_ seen: (own: [UInt64], others: [UInt64], d: [UInt64])) -> Double {
        let (seeds, mask, d) = seen
        let candidates = [
            d, zip(d, seeds).map { $0 &+ $1 }, zip(d, seeds).map { $0 ^ $1 }, less(mask, d),
            zip(less(mask, d), seeds).map { $0 ^ $1 },
        ]
        return candidates.map { chiSquareOfBytes($0) }.max()!
    }

    @Test("d is uniform to either party, whatever share of the mask it chooses", arguments: 0..<2, Choice.allCases)
    func uniform(party: Int, choice: Choice) throws {
        #expect(worst(try view(party, choice)) < DifferenceTests.bound)
    }

    @Test("mutant: where the other's bits of r are known, d shows the mask", arguments: 0..<2)
    func known(party: Int) throws {
        let zeros = RingTensor(zeros: [DifferenceTests.count])
        #expect(worst(try view(party, .zeros, othersBits: zeros)) > DifferenceTests.bound)
    }

    @Test("mutant: an r that isn't fresh shows how masks differ")
    func notFresh() throws {
        func statistic(_ naming: MaskNaming) throws -> Double {
            var readings = PairReadings(count: DifferenceTests.count, seed: 74)
            readings.parts = (0..<2).map { _ in
                [RingTensor(zeros: [DifferenceTests.count]), RingTensor(repeating: 5, shape: [DifferenceTests.count])]
            }
            readings.naming = naming
            let d = try readings.differences { stage, wires in for wire in wires { try stage.read(wire.mask) } }
            return chiSquareOfBytes(less(d[0], d[1]))
        }
        #expect(try statistic(.byWire) < DifferenceTests.bound)
        #expect(try statistic(MaskNaming(insecureStreams: { _ in 0 })) > DifferenceTests.bound)
    }

    @Test("an exponential's d is uniform, too, whatever the mask", arguments: Choice.allCases)
    func octaves(choice: Choice) throws {
        let count = 2_048
        var readings = PairReadings(count: count, seed: 75)
        if choice == .zeros { readings.parts = (0..<2).map { _ in [RingTensor(zeros: [count])] } }
        if choice == .ones { readings.parts = (0..<2).map { _ in [RingTensor(repeating: .max, shape: [count])] } }
        var numbers = Numbers(seed: 76)
        readings.bits = (0..<2).map { _ in numbers.planes(1, count: count) }
        let d = try readings.run { stage, wires, bits in
            try stage.dealOctaves(of: wires[0].mask, where: bits!, entries: 4, octaves: 16, fractionBits: 20)
        }.entries.differences
        #expect(d.count == 1 && chiSquareOfBytes(d[0]) < DifferenceTests.bound)
    }
}
