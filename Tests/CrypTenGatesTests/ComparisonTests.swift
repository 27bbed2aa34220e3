import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Comparisons")
struct ComparisonTests {
    @Test("a sign is exact on the whole ring", arguments: parties, counts + [moreThanASlab])
    func sign(parties: Int, count: Int) throws {
        let v = ringVectors(count, seed: 30)
        for sharesHeld in [true, false] {
            try check(
                SignGate(shape: [count], form: WireForm(sharesHeld: sharesHeld), sharesHeld: sharesHeld),
                parties: parties,
                expected: [words(v.signed.map { $0 < 0 })]
            ) { [$0.wire(v, sharesHeld: sharesHeld)] }
        }
    }

    @Test(
        "a sign that is revealed is exact on the whole ring, and nobody else learns it",
        arguments: parties,
        [0, 1, 65, moreThanASlab]
    )
    func revealedSign(parties: Int, count: Int) throws {
        let v = ringVectors(count, seed: 38, in: -(1 << 62)...(1 << 62))
        for (threshold, isOpposite, receiver) in [(0, false, nil), (1 << 40, true, 0), (-1, false, parties - 1)]
            as [(Int64, Bool, Int?)]
        {
            let gate = RevealedSignGate(
                shape: [count],
                form: WireForm(sharesHeld: receiver == 0),
                threshold: UInt64(bitPattern: threshold),
                isOpposite: isOpposite,
                receiver: receiver
            )
            let expected = words(v.signed.map { ($0 < threshold) != isOpposite })
            try check(gate, parties: parties, expected: [expected]) { [$0.wire(v, sharesHeld: receiver == 0)] }
            let simulator = GateSimulator(parties: parties)
            let out = try simulator.run(gate, [simulator.wire(v, sharesHeld: receiver == 0)])[0]
            for (party, value) in out.parties.enumerated() {
                switch value {
                case .plain(let plain): #expect(receiver ?? party == party && plain.elements == expected)
                case .absent: #expect(receiver ?? party != party)
                default: Issue.record("party \(party) has \(value)")
                }
            }
        }
        // Rounded numbers, which a truncation has left fewer bits.
        let small = v.map { UInt64(bitPattern: Int64(bitPattern: $0) >> 2) }
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let wire = try simulator.truncatedWire(small, shift: 16)
            let gate = RevealedSignGate(
                shape: [count],
                form: WireForm(sharesHeld: false, shift: 16),
                threshold: 5,
                isOpposite: false,
                receiver: nil
            )
            let out = try simulator.run(gate, [wire])[0].plain()
            for (got, z) in zip(out, small.signed) where abs(z >> 16 - 5) > 1 { #expect(got == (z >> 16 < 5 ? 1 : 0)) }
        }
        // Of five bits level one has the sign, and opens more.
        #expect(!RevealedSignGate.takes(WireForm(sharesHeld: false, shift: 59)))
        #expect(RevealedSignGate.takes(WireForm(sharesHeld: false, shift: 58)))
    }

    @Test("signs against many constants share one mask", arguments: parties, [0, 1, 65, 4097])
    func thresholds(parties: Int, count: Int) throws {
        let v = ringVectors(count, seed: 31, in: -(1 << 61)...(1 << 61))
        let thresholds: [Int64] = [0, 1, -1, 1 << 40, -(1 << 61)]
        try check(
            SignGate(shape: [count], thresholds: thresholds.map { UInt64(bitPattern: $0) }),
            parties: parties,
            expected: thresholds.map { threshold in words(v.signed.map { $0 < threshold }) }
        ) { [$0.wire(v)] }
    }

    private func magnitudes(_ v: [UInt64], _ positions: [Int], isSigned: Bool) -> [[UInt64]] {
        let v = v.signed
        return positions.map { k in words(v.map { $0 >= 0 && $0 < 1 << Int64(k) }) }
            + (isSigned ? positions : []).map { k in words(v.map { $0 < 0 && $0 >= -(1 << Int64(k)) }) }
            + [words(v.map { $0 < 0 })]
    }

    /// Powers of two by which magnitudes are told: all that 64 bits have, some, and one.
    static let positions = [
        Array(stride(from: 0, through: 60, by: 4)), [4, 60], [60], [0], [32], [16, 20, 24, 28, 32, 36],
    ]

    @Test("magnitudes are exact on the whole ring", arguments: parties, positions)
    func magnitudes(parties: Int, positions: [Int]) throws {
        // Around every power of two of both signs, and anything.
        let edges = (0..<64).flatMap { k in ([0, 1, .max, 2] as [UInt64]).map { (1 << UInt64(k)) &+ $0 } }
        for (count, isSigned) in [(0, true), (1, false), (65, true), (4097, true), (4097, false)] {
            let random = ringVectors(count, seed: 35)
            let v = random.enumerated().map { index, word -> UInt64 in
                switch index % 4 {
                case 0: return edges[index / 4 % edges.count]
                case 1: return 0 &- edges[index / 4 % edges.count]
                case 2: return UInt64(bitPattern: Int64(bitPattern: word) >> Int64(index / 4 % 64))
                default: return word
                }
            }
            let sharesHeld = count == 65
            let form = WireForm(sharesHeld: sharesHeld)
            let gate = MagnitudeGate(shape: [count], form: form, positions: positions, isSigned: isSigned)
            let expected = magnitudes(v, positions, isSigned: isSigned)
            try check(gate, parties: parties, expected: expected) { [$0.wire(v, sharesHeld: sharesHeld)] }
        }
    }

    @Test("magnitudes of few bits: all values, under many masks", arguments: 2...8)
    func magnitudesOfFewBits(bits: Int) throws {
        // Truncations read in place have as many bits; half of their values can be, under masks that take all.
        let shift = 64 - bits
        let values = 1 << (bits - 1)
        let v = (0..<64 * values).map { UInt64(bitPattern: Int64($0 % values - values / 2) << Int64(shift)) }
        for kernels in backends() {
            let simulator = GateSimulator(parties: 2, seed: UInt64(bits), kernels: kernels)
            let wire = try simulator.truncatedWire(v, shift: shift)
            for positions in 1..<1 << (bits - 1) where bits < 7 || positions % 7 == 0 {
                let positions = (0..<bits - 1).filter { positions >> $0 & 1 == 1 }
                let gate = MagnitudeGate(
                    shape: [v.count],
                    form: WireForm(sharesHeld: false, shift: shift),
                    positions: positions,
                    isSigned: true
                )
                let got = try simulator.run(gate, [wire]).map { try $0.plain() }
                #expect(got == magnitudes(try wire.plain(), positions, isSigned: true), "\(positions)")
            }
        }
    }

    @Test("magnitudes of more than a slab")
    func magnitudesOfManyElements() throws {
        let v = ringVectors(moreThanASlab, seed: 36)
        let gate = MagnitudeGate(shape: [v.count], positions: [4, 8, 32], isSigned: true)
        try check(gate, parties: 2, expected: magnitudes(v, [4, 8, 32], isSigned: true)) { [$0.wire(v)] }
    }

    @Test("a sign has an equality beside it", arguments: parties, [0, 1, 65, 4097])
    func equality(parties: Int, count: Int) throws {
        var v = ringVectors(count, seed: 32, in: (.min + 1) ... .max)
        for index in stride(from: 20, to: count, by: 3) { v[index] = 5 }
        for threshold: UInt64 in [0, 5] {
            let difference = v.map { $0 &- threshold }.signed
            try check(
                SignGate(shape: [count], thresholds: [threshold], equality: true),
                parties: parties,
                expected: [words(difference.map { $0 < 0 }), words(difference.map { $0 == 0 })]
            ) { [$0.wire(v)] }
        }
    }

    @Test("a sign of a truncation is that of the rounded value", arguments: [1, 16, 31, 44, 61, 62])
    func truncated(shift: Int) throws {
        let v = ringVectors(4097, seed: 33, in: truncationRange)
        for kernels in backends() {
            let simulator = GateSimulator(parties: 3, kernels: kernels)
            let wire = try simulator.truncatedWire(v, shift: shift)
            let gate = SignGate(shape: [4097], form: WireForm(sharesHeld: false, shift: shift))
            #expect(try simulator.run(gate, [wire])[0].plain() == words(wire.plain().signed.map { $0 < 0 }))
        }
    }

    @Test("zero is zero alone", arguments: parties, counts + [moreThanASlab])
    func isZero(parties: Int, count: Int) throws {
        var v = ringVectors(count, seed: 34)
        for index in stride(from: 17, to: count, by: 5) { v[index] = index % 2 == 0 ? 0 : 1 << UInt64(index % 64) }
        try check(IsZeroGate(shape: [count]), parties: parties, expected: [words(v.map { $0 == 0 })]) { [$0.wire(v)] }
    }

    @Test("the maximum of two to four, and what its winner brings", arguments: parties, [2, 3, 4])
    func maximum(parties: Int, operands: Int) throws {
        for count in [0, 1, 65, 1000] {
            var x = (0..<operands).map { ringVectors(count, seed: UInt64(40 + $0), in: -(1 << 61)...(1 << 61)) }
            var random = TestRandom(seed: 44)
            for index in 0..<count / 2 {
                for operand in 0..<operands { x[operand][index] = random.next() % 3 &- 1 }  // many ties
            }
            let payload = (0..<operands).map { ringVectors(count, seed: UInt64(50 + $0)) }
            let numbers: [UInt64] = (0..<operands).map { UInt64($0 * 3 + 1) }
            let winners = (0..<count).map { index in
                (0..<operands).reduce(0) { Int64(bitPattern: x[$1][index]) > Int64(bitPattern: x[$0][index]) ? $1 : $0 }
            }
            let largest = winners.enumerated().map { x[$1][$0] }
            let shape: Shape = [count]
            for sharesHeld in [true, false] {
                try check(
                    MaximumGate(shape: shape, operands: operands, sharesHeld: sharesHeld),
                    parties: parties,
                    expected: [largest]
                ) { simulator in x.map { simulator.wire($0, sharesHeld: sharesHeld) } }
                try check(
                    MaximumGate(
                        shape: shape,
                        operands: operands,
                        sharesHeld: sharesHeld,
                        payload: .wires(sharesHeld: !sharesHeld)
                    ),
                    parties: parties,
                    expected: [largest, winners.enumerated().map { payload[$1][$0] }]
                ) { simulator in
                    x.map { simulator.wire($0, sharesHeld: sharesHeld) }
                        + payload.map { simulator.wire($0, sharesHeld: !sharesHeld) }
                }
            }
            try check(
                MaximumGate(shape: shape, operands: operands, sharesHeld: true, yieldsWinners: true),
                parties: parties,
                expected: [largest] + (0..<operands - 1).map { k in winners.map { $0 == k ? 1 : 0 } }
            ) { simulator in x.map { simulator.wire($0) } }
            // The dealer's copy knows no numbers: the costs and masks don't depend on them.
            try check(
                MaximumGate(shape: shape, operands: operands, sharesHeld: true, payload: .constants(numbers)),
                parties: parties,
                expected: [largest, winners.map { numbers[$0] }]
            ) { simulator in x.map { simulator.wire($0) } }
        }
    }
}
