import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Costs of gates without a dealer")
struct PairCostTests {
    @Test(
        "are planned as they are counted: transfers, messages, bytes each way, exchanges",
        arguments: GateKind.allCases
    )
    func planned(kind: GateKind) throws {
        var random = TestRandom(seed: 0xC057)
        let vector = random.words(kind == .permutation ? 64 : 4224).map {
            UInt64(bitPattern: Int64(bitPattern: $0) >> 24)
        }
        for subject in kind.subjects {
            let costs = try PairedGate(subject, vector).costs
            let planned = costs.planned
            #expect(costs.written == [planned, planned], "\(subject.name)")
            #expect(costs.transfers == [planned.weighed, planned.weighed], "\(subject.name)")
            #expect(costs.sentBytes == planned.sentBytes, "\(subject.name)")
            #expect(costs.exchanges == [planned.exchanges, planned.exchanges], "\(subject.name)")
        }
    }

    /// What one gate takes of an element.
    ///
    /// A sign takes one transfer more than the design counts: for the top bit of r, which has a message of a bit where it is made without its low bits. An
    /// exponential takes one less.
    struct Row: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Transfers, and bits of messages, that the design counts.
        var design: (transfers: Int, bits: Int)
        /// What they are here.
        var made: (transfers: Int, bits: Int)
        var gate: any Gate
        var operands: [Operand]
    }

    enum Operand { case wire, truncation, bits }

    private static let count = 64
    private static let shape: Shape = [count]

    static let rows: [Row] = [
        Row(
            testDescription: "product",
            design: (128, 4_160),
            made: (128, 4_160),
            gate: BilinearGate(operation: .multiply, left: shape, right: shape),
            operands: [.wire, .wire]
        ),
        Row(
            testDescription: "product with a mask that one party knows",
            design: (64, 2_080),
            made: (64, 2_080),
            gate: BilinearGate(operation: .multiply, left: shape, right: shape, rightZeroExcept: 1),
            operands: [.wire, .wire]
        ),
        Row(
            testDescription: "truncation",
            design: (64, 2_799),
            made: (64, 2_799),
            gate: TruncateGate(shape: shape, form: WireForm(), shift: 16),
            operands: [.wire]
        ),
        Row(
            testDescription: "sign",
            design: (140, 2_546),
            made: (141, 2_547),
            gate: SignGate(shape: shape, sharesHeld: false),
            operands: [.wire]
        ),
        Row(
            testDescription: "is zero",
            design: (126, 2_478),
            made: (126, 2_479),
            gate: IsZeroGate(shape: shape),
            operands: [.wire]
        ),
        Row(
            testDescription: "truncated ReLU",
            design: (122, 3_400),
            made: (122, 3_400),
            gate: TruncatedReLUGate(shape: shape, sharesHeld: false, shift: 16),
            operands: [.wire]
        ),
        Row(
            testDescription: "square",
            design: (64, 2_080),
            made: (64, 2_080),
            gate: PolynomialGate(shape: shape, form: WireForm(), coefficients: [0, 0, 1]),
            operands: [.wire]
        ),
        Row(
            testDescription: "cubic",
            design: (128, 6_240),
            made: (128, 6_240),
            gate: PolynomialGate(shape: shape, form: WireForm(), coefficients: [0, 0, 0, 1]),
            operands: [.wire]
        ),
        Row(
            testDescription: "selection",
            design: (2, 191),
            made: (2, 191),
            gate: SelectGate(shape: shape),
            operands: [.bits, .wire]
        ),
        Row(
            testDescription: "bit to arithmetic",
            design: (1, 63),
            made: (1, 63),
            gate: BitToArithmeticGate(shape: shape),
            operands: [.bits]
        ),
        Row(testDescription: "AND of two", design: (2, 2), made: (2, 2), gate: and(2), operands: [.bits, .bits]),
        Row(
            testDescription: "AND of three",
            design: (4, 8),
            made: (4, 8),
            gate: and(3),
            operands: [.bits, .bits, .bits]
        ),
        Row(
            testDescription: "AND of four",
            design: (6, 22),
            made: (6, 22),
            gate: and(4),
            operands: [.bits, .bits, .bits, .bits]
        ),
        Row(
            testDescription: "maximum of two",
            design: (142, 2_700),
            made: (143, 2_738),
            gate: maximum(2),
            operands: [.wire, .wire]
        ),
        Row(
            testDescription: "maximum of three",
            design: (427, 8_000),
            made: (430, 8_027),
            gate: maximum(3),
            operands: [.wire, .wire, .wire]
        ),
        Row(
            testDescription: "maximum of four",
            design: (855, 16_000),
            made: (861, 15_879),
            gate: maximum(4),
            operands: [.wire, .wire, .wire, .wire]
        ),
        Row(
            testDescription: "one harmonic",
            design: (56, 7_168),
            made: (56, 7_168),
            gate: TrigonometricGate(shape: shape, constant: 0, cosines: [1], sines: [1]),
            operands: [.wire]
        ),
        Row(
            testDescription: "exponential of 4 entries",
            design: (53, 5_615),
            made: (52, 5_616),
            gate: ExponentialGate(shape: shape, offset: 3 << 58, octaves: 20, tableBits: 17, factorBits: 20),
            operands: [.bits, .wire]
        ),
        Row(
            testDescription: "16 random bits",
            design: (16, 888),
            made: (16, 888),
            gate: RandomGate(shape: shape, distribution: .uniformBits(16)),
            operands: []
        ),
        Row(
            testDescription: "unfair bit of 8",
            design: (14, 14),
            made: (14, 14),
            gate: RandomGate(shape: shape, distribution: .bit(.outOf(numerator: 1, bits: 8))),
            operands: []
        ),
    ]

    private static func and(_ inputs: Int) -> any Gate {
        BooleanGate(outputs: [BooleanForm(products: [Array(0..<inputs)])], inputs: inputs, shape: shape)
    }

    private static func maximum(_ operands: Int) -> any Gate {
        MaximumGate(shape: shape, operands: operands, sharesHeld: true)
    }

    @Test("are so many transfers and bits of messages an element", arguments: rows)
    func element(row: Row) throws {
        let run = PairRun(counting: Pair(counting: .four), slabs: Slabs(bits: 12))
        let inputs = row.operands.map { operand -> PairValue in
            switch operand {
            case .wire: .wire(run.wire(PairCostTests.shape, .unread(), sharesHeld: true))
            case .truncation:
                .wire(run.truncatedWire(PairCostTests.shape, seeds: RingTensor(zeros: PairCostTests.shape), shift: 16))
            case .bits: .bits(PairPlanes(PairBits(planes: 1, count: PairCostTests.count, part: .unread())))
            }
        }
        _ = try PairedGate.deal(row.gate, run, inputs, StreamNumbers())
        try run.exchange()
        let cost = run.pair.cost
        #expect(cost.transfers == row.made.transfers * PairCostTests.count)
        #expect(cost.messageBits == row.made.bits * PairCostTests.count)
    }
}
