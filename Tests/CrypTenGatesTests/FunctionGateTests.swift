import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Functions")
struct FunctionGateTests {
    private func value(_ coefficients: [UInt64], _ v: UInt64) -> UInt64 {
        coefficients.reversed().reduce(0) { $0 &* v &+ $1 }
    }

    @Test("a polynomial is exact modulo 2^64", arguments: parties, counts + [moreThanASlab])
    func polynomial(parties: Int, count: Int) throws {
        let v = ringVectors(count, seed: 80)
        let polynomials: [[UInt64]] = [[9], [5, 3], [5, 0 &- 3, 2, 7], [0, 0, 1], ringVectors(9, seed: 81)]
        for coefficients in polynomials where count < 4097 || coefficients.count == 4 {
            for sharesHeld in [true, false] {
                try check(
                    PolynomialGate(shape: [count], form: WireForm(sharesHeld: sharesHeld), coefficients: coefficients),
                    parties: parties,
                    expected: [v.map { value(coefficients, $0) }]
                ) { [$0.wire(v, sharesHeld: sharesHeld)] }
            }
            let simulator = GateSimulator(parties: parties, kernels: NativeKernels(threads: 1))
            let inRange = ringVectors(count, seed: 82, in: truncationRange)
            let wire = try simulator.truncatedWire(inRange, shift: 16)
            let form = WireForm(sharesHeld: false, shift: 16)
            let gate = PolynomialGate(shape: [count], form: form, coefficients: coefficients)
            #expect(try simulator.run(gate, [wire])[0].plain() == wire.plain().map { value(coefficients, $0) })
        }
    }

    @Test("a trigonometric series of a wire in turns", arguments: parties, [0, 1, 65, 4097])
    func trigonometric(parties: Int, count: Int) throws {
        let u = ringVectors(count, seed: 83)
        let unit: Int64 = 1 << 28
        for (constant, cosines, sines) in [
            (0.0, [0.0], [1.0]), (0, [1], [0]), (-0.5, [0.25, 0, 2], [0, -1, 0.125]),
            (3, [Double](repeating: 0.1, count: 17), [Double](repeating: -0.2, count: 17)),
        ] {
            let gate = TrigonometricGate(
                shape: [count],
                constant: UInt64(bitPattern: Int64(constant * Double(unit)) << 30),
                cosines: cosines.map { UInt64(bitPattern: Int64($0 * Double(unit))) },
                sines: sines.map { UInt64(bitPattern: Int64($0 * Double(unit))) }
            )
            for kernels in backends() {
                let simulator = GateSimulator(parties: parties, kernels: kernels)
                let wire = simulator.wire(u, sharesHeld: parties == 2)
                for (y, u) in zip(try simulator.run(gate, [wire])[0].plain(), u) {
                    let angle = Double(Int64(bitPattern: u)) * .pi * 0x1p-63
                    let exact = zip(cosines, sines).enumerated().reduce(constant) { sum, term in
                        let multiple = angle * Double(term.offset + 1)
                        return sum + term.element.0 * cos(multiple) + term.element.1 * sin(multiple)
                    }
                    #expect(abs(Double(Int64(bitPattern: y)) * 0x1p-58 - exact) < 2e-7)
                }
            }
        }
    }

    @Test(
        "two to the power of a wire where a bit is set",
        arguments: parties,
        [(4, 29, 17, 16), (4, 24, 15, 13), (8, 24, 7, 14), (16, 0, 3, 46), (4, 47, 15, 0)]
    )
    func exponential(parties: Int, layout: (entries: Int, octaves: Int, tableBits: Int, factorBits: Int)) throws {
        let count = 4097
        let (entries, octaves, tableBits, factorBits) = layout
        var random = TestRandom(seed: 88)
        let offset = random.next()
        // Powers in the range, at both of its ends, and, where the bit is 0, anything.
        let bits = (0..<count).map { UInt64($0 % 3 == 0 ? 0 : 1) }
        let powers = bits.enumerated().map { index, bit -> UInt64 in
            let highest = UInt64(octaves) << 58
            return bit == 0
                ? random.next()
                : index < 8 ? [0, highest, min(1, highest), highest / 2][index / 2] : random.next() % (highest + 1)
        }
        let gate = ExponentialGate(
            shape: [count],
            offset: offset,
            octaves: octaves,
            entries: entries,
            tableBits: tableBits,
            factorBits: factorBits
        )
        // Whether the fraction of the masked power and that of the mask carry is the masks' business: they are many.
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let operands = [
                simulator.bits(bits.map { $0 == 1 }, sharesHeld: false),
                simulator.wire(powers.map { $0 &- offset }, sharesHeld: parties == 2),
            ]
            let got = try simulator.run(gate, operands)[0].plain()
            let absolute = exp2(Double(64 / entries - 1 - tableBits))
            for index in 0..<count {
                let value = Double(got[index]) * exp2(Double(-tableBits - factorBits))
                let exact = bits[index] == 0 ? 0 : exp2(Double(powers[index]) * 0x1p-58)
                #expect(abs(value - exact) <= absolute + exact * (exp2(Double(-1 - factorBits)) + 3e-8))
                if bits[index] == 0 { #expect(got[index] == 0) }
            }
        }
    }

    @Test("steps are exact modulo 2^64", arguments: parties, counts + [moreThanASlab])
    func steps(parties: Int, count: Int) throws {
        let v = ringVectors(count, seed: 89)
        let outputs = [
            StepGate.Output(constant: 0 &- 5, factors: [1 << 63, 0, 3]),
            StepGate.Output(constant: 0, factors: [0, 0, 0]),
            StepGate.Output(constant: 1 << 40, factors: ringVectors(3, seed: 90)),
        ]
        let places = [3, 17, 63]
        let expected = outputs.map { output in
            v.map { word in
                zip(places, output.factors).reduce(output.constant) { $0 &+ (word >> UInt64($1.0) & 1) &* $1.1 }
            }
        }
        try check(StepGate(shape: [count], bits: 3, outputs: outputs), parties: parties, expected: expected) {
            simulator in
            places.map { place in
                simulator.bits(v.map { $0 >> UInt64(place) & 1 == 1 }, sharesHeld: place != 17)
            }
        }
    }

    @Test("steps times a wire are exact modulo 2^64", arguments: parties, [0, 1, 65, moreThanASlab])
    func stepProducts(parties: Int, count: Int) throws {
        let (v, z) = (ringVectors(count, seed: 91), ringVectors(count, seed: 92, in: truncationRange))
        let outputs = [
            StepGate.Output(constant: 0 &- 5, factors: [1 << 63, 0, 3]),
            StepGate.Output(constant: 0, factors: [0, 0, 0]),
            StepGate.Output(constant: 1 << 40, factors: ringVectors(3, seed: 93)),
        ]
        let places = [3, 17, 63]
        let steps = outputs.map { output in
            v.map { word in
                zip(places, output.factors).reduce(output.constant) { $0 &+ (word >> UInt64($1.0) & 1) &* $1.1 }
            }
        }
        func bits(_ simulator: GateSimulator) -> [SimulatedValue] {
            places.map { place in
                simulator.bits(v.map { $0 >> UInt64(place) & 1 == 1 }, sharesHeld: place != 17)
            }
        }
        for sharesHeld in [true, false] {
            let gate = StepProductGate(
                shape: [count],
                form: WireForm(sharesHeld: sharesHeld),
                bits: 3,
                steps: [outputs[2]],
                products: outputs
            )
            let expected = [steps[2]] + steps.map { zip($0, z).map { $0 &* $1 } }
            try check(gate, parties: parties, expected: expected) { bits($0) + [$0.wire(z, sharesHeld: sharesHeld)] }
        }
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let wire = try simulator.truncatedWire(z, shift: 16)
            let gate = StepProductGate(
                shape: [count],
                form: WireForm(sharesHeld: false, shift: 16),
                bits: 3,
                steps: [],
                products: outputs
            )
            let got = try simulator.run(gate, bits(simulator) + [wire]).map { try $0.plain() }
            let rounded = try wire.plain()
            #expect(got == steps.map { zip($0, rounded).map { $0 &* $1 } })
        }
    }
}
