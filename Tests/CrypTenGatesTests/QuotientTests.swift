import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Quotients by public whole numbers")
struct QuotientTests {
    @Test(
        "are within a unit and what their reciprocal's last bit makes, on the whole range",
        arguments: [
            (2, 0), (3, 0), (3, 16), (10, 1), (49, 16), (255, 32), (40_000, 16), (10_000_019, 20), (1 << 40, 22),
        ]
    )
    func bound(divisor: Int, shift: Int) throws {
        let z =
            ringVectors(1000, seed: 61, in: truncationRange) + ringVectors(1000, seed: 62, in: -(1 << 40)...(1 << 40))
            + [0, 1, .max, 1 << 62, 0 &- (1 << 62)]
        for parties in parties {
            for kernels in backends() {
                for sharesHeld in [true, false] {
                    let simulator = GateSimulator(parties: parties, seed: UInt64(shift), kernels: kernels)
                    let gate = QuotientGate(shape: [z.count], divisor: divisor, shift: shift)
                    let out = try simulator.run(gate, [simulator.wire(z, sharesHeld: sharesHeld)])[0].plain()
                    for (z, out) in zip(z, out) {
                        // In units of 2^-60 of the result, exactly.
                        let number = Int64(bitPattern: z)
                        let (whole, rest) = number.magnitude.quotientAndRemainder(
                            dividingBy: UInt64(divisor) << UInt64(shift)
                        )
                        let fraction =
                            Double(rest) / (Double(divisor) * Double(sign: .plus, exponent: shift, significand: 1))
                        let off = Double(Int64(bitPattern: out) - (number < 0 ? -Int64(whole) : Int64(whole)))
                        let error = abs(off - (number < 0 ? -fraction : fraction))
                        #expect(
                            error <= 1 + Double(number.magnitude) * 0x1p-63,
                            "\(number) over \(divisor) · 2^\(shift)"
                        )
                    }
                }
            }
        }
    }

    @Test("are unbiased: 2/3 is rounded to 2/3 on average")
    func unbiased() throws {
        let count = 200_000
        let simulator = GateSimulator(parties: 2, seed: 63, kernels: NativeKernels(threads: 1))
        let wire = simulator.wire([UInt64](repeating: 2, count: count))
        let out = try simulator.run(QuotientGate(shape: [count], divisor: 3, shift: 0), [wire])[0].plain()
        // A Bernoulli mean of 200,000: its deviation is 0.00105, so six of them leave a false alarm of 2·10^-9.
        #expect(abs(out.reduce(0) { $0 + Double(Int64(bitPattern: $1)) } / Double(count) - 2.0 / 3) < 0.0064)
    }

    @Test("don't exist by one, by nothing, or by more than 2^40")
    func hostile() {
        for (divisor, shift) in [(0, 0), (1, 0), (-3, 0), (1 << 40 + 1, 0), (3, -1), (3, 63)] {
            let stored = #"{"shape":[2],"divisor":\#(divisor),"shift":\#(shift)}"#
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(QuotientGate.self, from: Data(stored.utf8)).check()
            }
        }
    }
}
