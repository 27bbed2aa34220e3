import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// What parties send, and what the dealer sends, looks uniform whatever the input.
///
/// Hypothesis: the bytes of a party's messages are uniform; Pearson's test with 255 degrees of freedom, fixed seeds. The
/// false-alarm rate of the suite is 10^-6, divided by the number of comparisons.
@Suite("Openings")
struct OpeningTests {
    static let gates: [(String, @Sendable (GateSimulator, [UInt64]) throws -> Void)] = [
        ("input", { s, v in _ = try s.run(InputGate(owner: 0, shape: [v.count]), [s.plain(v, at: 0)]) }),
        (
            "mask",
            { s, v in
                // Everything in one share: the mask alone must hide it.
                let zeros = RingTensor(zeros: [v.count])
                let bare = SimulatedValue(
                    shape: [v.count],
                    parties: [.share(RingTensor(v, shape: [v.count])), .share(zeros)],
                    dealer: .nothing
                )
                _ = try s.run(MaskGate(shape: [v.count]), [bare])
            }
        ),
        (
            "absorbed",
            { s, v in
                let product = AbsorbedProduct(operation: .multiply, left: [v.count], right: [v.count])
                _ = try s.run(AbsorbedGate(products: [product], addends: 0, shape: [v.count]), [s.wire(v), s.wire(v)])
            }
        ),
        ("sign", { s, v in _ = try s.run(SignGate(shape: [v.count], equality: true), [s.wire(v)]) }),
        (
            "grid sign",
            { s, v in
                let gate = GridSignGate(shape: [v.count], start: 0, step: 14, span: 21, positions: [0, 5, 9])
                _ = try s.run(gate, [s.wire(v)])
            }
        ),
        ("is zero", { s, v in _ = try s.run(IsZeroGate(shape: [v.count]), [s.wire(v)]) }),
        (
            "ReLU",
            { s, v in
                _ = try s.run(
                    TruncatedReLUGate(shape: [v.count], sharesHeld: false, shift: 16),
                    [s.wire(v, sharesHeld: false)]
                )
            }
        ),
        (
            "boolean",
            { s, v in
                let bits = v.map { $0 & 1 == 1 }
                _ = try s.run(
                    BooleanGate(outputs: [BooleanForm(products: [[0, 1]])], inputs: 2, shape: [v.count]),
                    [s.bits(bits), s.bits(bits)]
                )
            }
        ),
        (
            "maximum",
            { s, v in
                _ = try s.run(
                    MaximumGate(shape: [v.count], operands: 3, sharesHeld: true),
                    [s.wire(v), s.wire(v), s.wire(v)]
                )
            }
        ),
        (
            "piecewise",
            { s, v in
                let pieces = (0..<3).map { PolynomialPiece(center: 0, coefficients: [UInt64($0), 1]) }
                let gate = PiecewiseGate(
                    shape: [v.count],
                    form: WireForm(),
                    knots: [0, 1],
                    pieces: pieces,
                    outputShift: 16
                )
                _ = try s.run(gate, [s.wire(v)])
            }
        ),
        (
            "reveal",
            { s, v in
                let zeros = RingTensor(zeros: [v.count])
                let bare = SimulatedValue(
                    shape: [v.count],
                    parties: [.share(RingTensor(v, shape: [v.count])), .share(zeros)],
                    dealer: .nothing
                )
                _ = try s.run(RevealGate(shape: [v.count], receiver: 0), [bare])
            }
        ),
    ]

    @Test("are uniform and independent of the input", arguments: gates.indices)
    func uniform(index: Int) throws {
        let (name, run) = OpeningTests.gates[index]
        let count = 1 << 14  // whole words: no tail bits
        let inputs: [[UInt64]] = [
            [UInt64](repeating: 0, count: count), [UInt64](repeating: 0x3FFF_0000_FFFF_0000, count: count),
        ]
        let comparisons = Double(OpeningTests.gates.count * 10)
        let bound = chiSquareBound(degrees: 255, falseAlarm: 1e-6 / comparisons)
        var samples: [[[UInt64]]] = []
        for (seed, input) in inputs.enumerated() {
            let simulator = GateSimulator(parties: 2, seed: UInt64(90 + seed), kernels: NativeKernels(threads: 1))
            try run(simulator, input)
            samples.append(simulator.sent + [simulator.dealt])
        }
        for sender in 0..<3 where !samples[0][sender].isEmpty {
            let statistics = samples.map { chiSquareOfBytes($0[sender]) }
            #expect(statistics.allSatisfy { $0 < bound }, "\(name), sender \(sender): \(statistics) against \(bound)")
            let difference = chiSquareOfBytes(samples[0][sender], against: samples[1][sender])
            #expect(difference < bound, "\(name), sender \(sender): \(difference) between the inputs")
        }
    }

    @Test("the bound is that of the distribution")
    func bound() {
        #expect(abs(chiSquareBound(degrees: 255, falseAlarm: 0.05) - 293.2) < 0.3)
        #expect(chiSquareOfBytes([UInt64](repeating: 0, count: 1000)) > 1e6)
    }
}
