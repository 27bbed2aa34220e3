import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Bits")
struct BitGateTests {
    private func bits(_ count: Int, seed: UInt64) -> [Bool] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in random.next() & 1 == 1 }
    }

    @Test("a bit becomes a number, and selects", arguments: parties, counts + [moreThanASlab])
    func select(parties: Int, count: Int) throws {
        let (b, x) = (bits(count, seed: 60), ringVectors(count, seed: 61))
        for sharesHeld in [true, false] {
            try check(BitToArithmeticGate(shape: [count]), parties: parties, expected: [words(b)]) {
                [$0.bits(b, sharesHeld: sharesHeld)]
            }
            try check(
                SelectGate(shape: [count], form: WireForm(sharesHeld: sharesHeld)),
                parties: parties,
                expected: [zip(b, x).map { $0 ? $1 : 0 }]
            ) { [$0.bits(b, sharesHeld: sharesHeld), $0.wire(x, sharesHeld: sharesHeld)] }
        }
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let small = x.map { UInt64(bitPattern: max(min(Int64(bitPattern: $0), 1 << 62), -(1 << 62))) }
            let wire = try simulator.truncatedWire(small, shift: 16)
            let gate = SelectGate(shape: [count], form: WireForm(sharesHeld: false, shift: 16))
            let got = try simulator.run(gate, [simulator.bits(b), wire])[0].plain()
            #expect(got == zip(b, try wire.plain()).map { $0 ? $1 : 0 })
        }
    }

    @Test("Boolean functions of up to four inputs a product", arguments: parties, counts + [moreThanASlab])
    func boolean(parties: Int, count: Int) throws {
        let x = (0..<5).map { bits(count, seed: UInt64(70 + $0)) }
        let outputs = [
            BooleanForm(products: [[0, 1]]), BooleanForm(products: [[0], [1], [0, 1]]),
            BooleanForm(constant: true, products: [[0, 1, 2, 3], [2, 3, 4], [4]]),
            BooleanForm(constant: true, products: []),
            BooleanForm(products: [[0, 1], [0, 1], [3], []]), BooleanForm(products: [[1, 2, 4]]),
        ]
        let expected = outputs.map { output in
            words(
                (0..<count).map { index in
                    output.products.reduce(output.constant) { sum, product in sum != product.allSatisfy { x[$0][index] }
                    }
                }
            )
        }
        try check(BooleanGate(outputs: outputs, inputs: 5, shape: [count]), parties: parties, expected: expected) {
            simulator in x.map { simulator.bits($0) }
        }
        let linear = [
            BooleanForm(constant: true, products: [[3]]), BooleanForm(products: [[0], [1], [4]]),
            BooleanForm(products: []),
        ]
        try check(
            LinearBitsGate(outputs: linear, inputs: 5, shape: [count]),
            parties: parties,
            expected: [
                words(x[3].map { !$0 }), words((0..<count).map { (x[0][$0] != x[1][$0]) != x[4][$0] }),
                [UInt64](repeating: 0, count: count),
            ]
        ) { simulator in x.map { simulator.bits($0) } }
    }
}
