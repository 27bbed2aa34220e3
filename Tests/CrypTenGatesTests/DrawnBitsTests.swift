import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Bits that every party draws")
struct DrawnBitsTests {
    @Test("are the XOR of all parties' own", arguments: parties, counts + [moreThanASlab])
    func value(parties: Int, count: Int) throws {
        let planes = 3
        let keys = GateSimulator(parties: parties, seed: 7).ownKeys
        let kernels = PlainKernels()
        for slabs in [.usual] + otherSlabs {
            let expected = (0..<planes).map { plane in
                slabs.of(count).enumerated().flatMap { number, slab -> [UInt64] in
                    let own = keys.map {
                        kernels.expandBits($0, number: UInt64(number), fromPlane: 0, planes: planes, count: slab.count)
                    }
                    let sum = own.dropFirst().reduce(own[0]) { kernels.xor($0, $1) }
                    return words(sum.bits(ofPlane: plane))
                }
            }
            try check(
                DrawnBitsGate(planes: planes, shape: [count]),
                parties: parties,
                seed: 7,
                shapes: [[count]],
                slabs: [slabs],
                expected: expected
            ) { _ in [] }
        }
    }

    /// A run in which a party's own bits are given, on keys that are the same each time.
    private func run(parties: Int, party: Int, draws own: [UInt64]) throws -> (GateSimulator, SimulatedValue) {
        let count = 64 * own.count
        let simulator = GateSimulator(parties: parties, seed: 0xD2A, kernels: NativeKernels(threads: 1))
        simulator.draw(own, by: party)
        return (
            simulator,
            try simulator.run(DrawnBitsGate(planes: 1, shape: [count]), [], shapes: [[count]])[0]
        )
    }

    private func plane(_ bits: [UInt64]) -> [UInt64] {
        PlainKernels().planes(of: RingTensor(bits, shape: [bits.count]), from: 0, count: 1).asWords.elements
    }

    @Test(
        "are one party's own bits, turned round by what is fixed without it: uniform to all others together",
        arguments: parties
    )
    func uniform(parties: Int) throws {
        for honest in 0..<parties {
            // All keys, and so all other parties' bits and all masks, stay as they are.
            let none = plane(try run(parties: parties, party: honest, draws: [0, 0]).1.plain())
            for own in [[~0, 0], [0x5A5A_1234_0F0F_9999, ~0], [1, 1 << 63]] as [[UInt64]] {
                let value = plane(try run(parties: parties, party: honest, draws: own).1.plain())
                #expect(value == zip(none, own).map { $0 ^ $1 })
            }
        }
    }

    @Test("are not the dealer's: its masks and what it expands have nothing to do with them", arguments: parties)
    func dealer(parties: Int) throws {
        let draws: [[UInt64]] = [[0, 0], [~0, 0x1234_5678_9ABC_DEF0]]
        let masks = try draws.map { draw -> [UInt64] in
            let (simulator, value) = try run(parties: parties, party: 0, draws: draw)
            #expect(simulator.dealt.isEmpty)
            let own = simulator.ownKeys.map { [$0.low, $0.high] }
            #expect(simulator.audits[parties].keys.isDisjoint(with: own), "the dealer has no party's own key")
            for party in 0..<parties {
                #expect(simulator.audits[party].keys.intersection(own) == [own[party]], "a party has its own")
            }
            guard case .bits(let mask) = value.dealer else { throw SimulationError("bits have masks") }
            return mask.asWords.elements
        }
        #expect(masks[0] == masks[1])
    }
}
