import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// What an element costs a party and the dealer, in bits, against the figures that the executable specification prints, whatever the slabs.
@Suite("Costs")
struct CostTests {
    static let count = Slabs.usual.size + 640  // whole words in every slab

    private func expect(
        _ gate: some Gate,
        opened: Double,
        dealt: Double,
        rounds: Int,
        location: SourceLocation = #_sourceLocation
    ) {
        for (parties, slabs) in [(2, .usual), (3, .usual), (5, .usual)] + otherSlabs.map({ (2, $0) }) {
            let cost = gate.cost(parties: parties, slabs: slabs)
            let elements = Double(CostTests.count)
            let words = cost.flatMap(\.openings).reduce(0) { $0 + $1.words }
            #expect(Double(words * 64) / elements == opened, "opened", sourceLocation: location)
            #expect(
                Double(cost.reduce(0) { $0 + $1.correctionWords } * 64) / elements == dealt,
                "dealt",
                sourceLocation: location
            )
            #expect(cost.filter { !$0.openings.isEmpty }.count == rounds, "rounds", sourceLocation: location)
            #expect(cost.count == gate.stages, sourceLocation: location)
        }
    }

    let shape: Shape = [CostTests.count]
    let truncated = WireForm(sharesHeld: false, shift: 16)
    let absorbed = WireForm(sharesHeld: false)

    @Test("wires, products and truncations cost what the table says")
    func arithmetic() {
        expect(MaskGate(shape: shape), opened: 64, dealt: 0, rounds: 1)
        expect(InputGate(owner: 1, shape: shape), opened: 64, dealt: 0, rounds: 1)
        expect(RevealGate(shape: shape, receiver: nil), opened: 64, dealt: 0, rounds: 1)
        expect(RevealBitsGate(shape: shape, receiver: 0), opened: 1, dealt: 0, rounds: 1)
        let sign = RevealedSignGate(shape: shape, form: WireForm(), threshold: 0, isOpposite: false, receiver: 0)
        expect(sign, opened: 39, dealt: 329, rounds: 3)
        expect(BilinearGate(operation: .multiply, left: shape, right: shape), opened: 0, dealt: 64, rounds: 0)
        expect(
            AbsorbedGate(
                products: [AbsorbedProduct(operation: .multiply, left: shape, right: shape)],
                addends: 0,
                shape: shape
            ),
            opened: 64,
            dealt: 0,
            rounds: 1
        )
        expect(TruncateGate(shape: shape, form: WireForm(), shift: 16), opened: 0, dealt: 80, rounds: 0)
        expect(TruncateInPlaceGate(shape: shape, shift: 16), opened: 0, dealt: 0, rounds: 0)
        expect(TruncatedProductGate(shape: shape, form: truncated), opened: 0, dealt: 160, rounds: 0)
        expect(
            PolynomialGate(shape: shape, form: WireForm(), coefficients: [5, 3, 2, 7]),
            opened: 0,
            dealt: 128,
            rounds: 0
        )
        expect(
            PolynomialGate(shape: shape, form: truncated, coefficients: [5, 3, 2, 7]),
            opened: 0,
            dealt: 240,
            rounds: 0
        )
        for terms in [1, 11] {
            let zeros = [UInt64](repeating: 0, count: terms)
            let gate = TrigonometricGate(shape: shape, cosines: zeros, sines: zeros)
            expect(gate, opened: 0, dealt: Double(128 * terms), rounds: 0)
        }
        for entries in [4, 8, 16] {
            let gate = ExponentialGate(
                shape: shape,
                offset: 0,
                octaves: 29,
                entries: entries,
                tableBits: 17,
                factorBits: 16
            )
            expect(gate, opened: 0, dealt: Double(128 * entries), rounds: 0)
        }
        let outputs = (0..<3).map { StepGate.Output(constant: $0, factors: [1, 2, 3, 4]) }
        expect(StepGate(shape: shape, bits: 4, outputs: outputs), opened: 0, dealt: 256, rounds: 0)
        for (form, dealt) in [(WireForm(), 512.0), (WireForm(sharesHeld: false), 576), (truncated, 656)] {
            let gate = StepProductGate(shape: shape, form: form, bits: 4, steps: outputs, products: outputs)
            expect(gate, opened: 0, dealt: dealt, rounds: 0)
        }
        expect(RandomGate(shape: shape, distribution: .uniformBits(16)), opened: 0, dealt: 64, rounds: 0)
        expect(RandomGate(shape: shape, distribution: .bit(.fair)), opened: 0, dealt: 0, rounds: 0)
        for planes in [1, 16] {
            expect(DrawnBitsGate(planes: planes, shape: shape), opened: Double(planes), dealt: 0, rounds: 1)
        }
        expect(PermutationGate(party: 1, shapes: [shape]), opened: 64, dealt: 64, rounds: 1)
    }

    @Test("magnitudes take a few bits a power of two", arguments: [false, true])
    func magnitudes(isSigned: Bool) {
        let positions = Array(stride(from: 0, through: 60, by: 4))
        let gate = MagnitudeGate(shape: shape, positions: positions, isSigned: isSigned)
        expect(gate, opened: isSigned ? 151 : 107, dealt: isSigned ? 2057 : 1382, rounds: 3)
        #expect(MagnitudeGate.openedBits(bits: 64, positions: positions, isSigned: isSigned) == (isSigned ? 151 : 107))
        // Of every second bit there are too many groups.
        let many = Array(stride(from: 0, through: 60, by: 2))
        #expect(MagnitudeGate.openedBits(bits: 64, positions: many, isSigned: isSigned) == nil)
    }

    @Test("comparisons and bits cost what the table says")
    func comparisons() {
        expect(SignGate(shape: shape, sharesHeld: false), opened: 39, dealt: 328, rounds: 3)
        expect(SignGate(shape: shape, sharesHeld: true), opened: 39, dealt: 329, rounds: 3)
        expect(
            SignGate(shape: shape, form: WireForm(sharesHeld: false, shift: 32), sharesHeld: false),
            opened: 19,
            dealt: 150,
            rounds: 3
        )
        expect(
            SignGate(shape: shape, thresholds: [0, 1, 2], sharesHeld: false),
            opened: 3 * 39,
            dealt: 328 + 2 * 96,
            rounds: 3
        )
        expect(SignGate(shape: shape, equality: true, sharesHeld: false), opened: 42, dealt: 342, rounds: 3)
        expect(IsZeroGate(shape: shape), opened: 21, dealt: 295, rounds: 3)
        expect(TruncatedReLUGate(shape: shape, sharesHeld: false, shift: 16), opened: 29, dealt: 460, rounds: 3)
        expect(BitToArithmeticGate(shape: shape), opened: 0, dealt: 64, rounds: 0)
        expect(SelectGate(shape: shape), opened: 0, dealt: 128, rounds: 0)
        expect(SelectGate(shape: shape, form: absorbed), opened: 0, dealt: 192, rounds: 0)
        expect(SelectGate(shape: shape, form: truncated), opened: 0, dealt: 224, rounds: 0)
        expect(
            BooleanGate(outputs: [BooleanForm(products: [[0, 1, 2, 3]])], inputs: 4, shape: shape),
            opened: 1,
            dealt: 11,
            rounds: 1
        )
        expect(MaximumGate(shape: shape, operands: 4, sharesHeld: true), opened: 237, dealt: 2370, rounds: 4)
        expect(MaximumGate(shape: shape, operands: 2, sharesHeld: true), opened: 39, dealt: 456, rounds: 3)
    }
}
