import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Slabs")
struct SlabTests {
    @Test("have whole words of bits, and their parts do", arguments: Slabs.bitsAllowed)
    func sizes(bits: Int) {
        let slabs = Slabs(bits: bits)
        #expect(slabs.size == 65 << (bits - 6))
        #expect(slabs.divided(by: 1) == slabs)
        for parts in [1, 2, 4] {
            let part = slabs.divided(by: parts)
            #expect(part.size % 64 == 0)
            #expect((0..<64).contains(part.size - slabs.size / parts))
            for count in [0, 1, part.size - 1, part.size, part.size + 1, 3 * part.size + 7] {
                let ranges = part.of(count)
                #expect(ranges.count == part.count(of: count))
                #expect(ranges.flatMap { [$0.lowerBound, $0.upperBound] }.first ?? 0 == 0)
                #expect(ranges.last?.upperBound ?? 0 == count)
                #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
                #expect(ranges.dropLast().allSatisfy { $0.count == part.size })
            }
        }
    }

    @Test("are of 33,280 elements unless something else is said, and eight times as many with 18 bits")
    func usual() {
        #expect(Slabs.usual == Slabs(bits: 15) && Slabs.usual.size == 33_280)
        #expect(Slabs(bits: 18).size == 8 * 33_280)
        #expect([1, 2, 4].map { Slabs.usual.divided(by: $0).size } == [33_280, 16_640, 8320])
    }

    /// What a simulator holds a gate against is this cost; here it is that the cost is the sum of its slabs'.
    @Test("change neither words nor rounds, but in how many openings words come", arguments: GateKind.allCases)
    func costs(kind: GateKind) throws {
        let count = 3 * Slabs.usual.size + 4161
        for subject in kind.subjects {
            let made = try subject.make(GateSimulator(parties: 2), [UInt64](repeating: 1, count: count))
            let costs = [12, 15, 18].map { made.gate.cost(parties: 2, slabs: Slabs(bits: $0)) }
            for cost in costs {
                #expect(cost.map(\.correctionWords) == costs[1].map(\.correctionWords), "\(subject.name)")
                #expect(cost.map(\.openedWords) == costs[1].map(\.openedWords), "\(subject.name)")
                #expect(cost.map(\.openings.isEmpty) == costs[1].map(\.openings.isEmpty), "\(subject.name)")
            }
        }
    }

    /// The smallest slabs, so that a stage draws as many streams as it can.
    @Test("draw no more streams than a gate says, or than have numbers for 2^30 elements", arguments: GateKind.allCases)
    func streams(kind: GateKind) throws {
        let slabs = Slabs(bits: 12)
        let vector = [UInt64](repeating: 1, count: 2 * slabs.size + 3137)
        for subject in kind.subjects {
            let simulator = GateSimulator(parties: 2, kernels: NativeKernels(threads: 1), slabs: slabs)
            let made = try subject.make(simulator, vector)
            let before = simulator.corrections.count
            try Transcript.run(made, on: simulator)
            let dealt = Dictionary(grouping: simulator.correctionStages[before...], by: \.self).values.map(\.count)
            let drawn = max(dealt.max() ?? 0, simulator.openings.count)
            let declared = made.gate.streams(slabs: slabs)
            if declared > 0 {
                #expect((dealt.max() ?? 0) <= declared, "\(subject.name)")
            } else {
                // So many for each slab are fewer than there may be in all.
                let most = GateLimits.streams / slabs.count(of: 1 << 30)
                #expect(drawn <= most * slabs.count(of: vector.count), "\(subject.name)")
            }
        }
    }
}

extension StageCost {
    fileprivate var openedWords: Int {
        openings.reduce(0) { $0 + $1.words }
    }
}
