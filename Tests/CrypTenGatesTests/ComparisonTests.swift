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
            // The dealer's copy knows no numbers: the costs and masks don't depend on them.
            try check(
                MaximumGate(shape: shape, operands: operands, sharesHeld: true, payload: .constants(numbers)),
                parties: parties,
                expected: [largest, winners.map { numbers[$0] }]
            ) { simulator in x.map { simulator.wire($0) } }
        }
    }
}
