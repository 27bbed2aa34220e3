import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Wires")
struct WireGateTests {
    @Test("an input becomes a wire that only its owner sends", arguments: parties, counts + [moreThanASlab])
    func input(parties: Int, count: Int) throws {
        let x = ringVectors(count, seed: 1)
        for owner in 0..<parties {
            try check(InputGate(owner: owner, shape: [count]), parties: parties, expected: [x]) {
                [$0.plain(x, at: owner)]
            }
        }
        let simulator = GateSimulator(parties: parties)
        _ = try simulator.run(InputGate(owner: 1, shape: [count]), [simulator.plain(x, at: 1)])
        #expect(simulator.sent.map(\.count) == (0..<parties).map { $0 == 1 ? count : 0 })
    }

    @Test("a share is masked and unmasked without change", arguments: parties, counts + [moreThanASlab])
    func mask(parties: Int, count: Int) throws {
        let x = ringVectors(count, seed: 2)
        try check(MaskGate(shape: [count]), parties: parties, expected: [x]) { [$0.share(x)] }
        try check(UnmaskGate(), parties: parties, expected: [x]) { [$0.wire(x)] }
    }

    @Test(
        "a share is shared anew: the same value, other words at every party, and others again each time",
        arguments: parties
    )
    func reshare(parties: Int) throws {
        let x = ringVectors(64, seed: 5)
        for count in counts {
            try check(ReshareGate(shape: [count]), parties: parties, expected: [ringVectors(count, seed: 6)]) {
                [$0.share(ringVectors(count, seed: 6))]
            }
        }
        let simulator = GateSimulator(parties: parties)
        let share = simulator.share(x)
        var seen = Set<UInt64>()
        func note(_ value: SimulatedValue) {
            for party in value.parties {
                guard case .share(let words) = party else {
                    Issue.record("what is shared anew is a share")
                    continue
                }
                seen.formUnion(words.elements)
            }
        }
        note(share)
        for _ in 0..<2 {
            let again = try simulator.run(ReshareGate(shape: [64]), [share])[0]
            let sums = (0..<64).map { index in
                again.parties.reduce(0 as UInt64) { sum, party in
                    guard case .share(let words) = party else { return sum }
                    return sum &+ words.elements[index]
                }
            }
            #expect(sums == x)
            note(again)
        }
        // No word of 64 bits comes twice.
        #expect(seen.count == 3 * 64 * parties)
        #expect(simulator.sent.map(\.count).max() == 0)
    }

    @Test("a result is revealed to one party or to all", arguments: parties, counts)
    func reveal(parties: Int, count: Int) throws {
        let x = ringVectors(count, seed: 3)
        let bits = ringVectors(count, seed: 4).map { $0 & 1 == 1 }
        for receiver in [nil, 0, parties - 1] {
            let simulator = GateSimulator(parties: parties)
            let out = try simulator.run(RevealGate(shape: [count], receiver: receiver), [simulator.share(x)])[0]
            for (party, value) in out.parties.enumerated() {
                switch value {
                case .plain(let plain): #expect(receiver ?? party == party && plain.elements == x)
                case .absent: #expect(receiver ?? party != party)
                default: Issue.record("party \(party) has \(value)")
                }
            }
            try check(RevealGate(shape: [count], receiver: receiver), parties: parties, expected: [x]) { [$0.share(x)] }
            try check(RevealBitsGate(shape: [count], receiver: receiver), parties: parties, expected: [words(bits)]) {
                [$0.bits(bits)]
            }
        }
    }

    @Test("random numbers have their range and probability", arguments: parties)
    func random(parties: Int) throws {
        let count = 40000
        let shape: Shape = [count]
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, seed: 11, kernels: kernels)
            for bits in [1, 16, 53, 64] {
                let x = try simulator.run(
                    RandomGate(shape: shape, distribution: .uniformBits(bits)),
                    [],
                    shapes: [shape]
                )[0].plain()
                #expect(x.allSatisfy { bits == 64 || $0 >> UInt64(bits) == 0 })
                let mean =
                    x.reduce(0.0) { $0 + Double($1) } / Double(count)
                    / (bits == 64 ? 0x1p64 : Double(UInt64(1) << UInt64(bits)) - 1)
                #expect(abs(mean - 0.5) < 0.015)  // the deviation of the mean is at most 0.0025: six of them
            }
            let probabilities: [(RandomGate.Probability, Double)] = [
                (.fair, 0.5), (.outOf(numerator: 0, bits: 16), 0), (.outOf(numerator: 65536, bits: 16), 1),
                (.outOf(numerator: 6554, bits: 16), 0.1), (.outOf(numerator: 3, bits: 2), 0.75),
            ]
            for (probability, p) in probabilities {
                let bits = try simulator.run(
                    RandomGate(shape: shape, distribution: .bit(probability)),
                    [],
                    shapes: [shape]
                )[0].plain()
                let mean = Double(bits.reduce(0, +)) / Double(count)
                #expect(abs(mean - p) <= 6 * (p * (1 - p) / Double(count)).squareRoot() + 1e-5)
            }
        }
    }
}
