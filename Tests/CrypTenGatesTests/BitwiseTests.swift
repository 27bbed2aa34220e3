import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Gates whose correlations are of another mask wherever they read bits, as where there is no dealer: the parties subtract what they are told.
@Suite("Masks read bit by bit")
struct BitwiseTests {
    /// The kinds that read bits of a mask.
    private static let readers: Set<GateKind> = [
        .truncate, .quotient, .truncateInPlace, .sign, .revealedSign, .truncatedReLU, .isZero, .magnitude, .exponential,
        .maximum,
    ]

    /// The simulator sees to it that every party subtracts as often as there are other masks.
    @Test(
        "give what masks as they are give, to the word, and without another opening",
        arguments: GateKind.allCases,
        [2, 3]
    )
    func rebased(kind: GateKind, parties: Int) throws {
        var readings = 0
        for subject in kind.subjects {
            let simulators = [false, true].map {
                GateSimulator(
                    parties: parties,
                    seed: 0xB17,
                    kernels: NativeKernels(threads: 1),
                    slabs: Slabs(bits: 12),
                    rebasing: $0
                )
            }
            let values = try simulators.map { simulator in
                let instance = try subject.make(simulator, BitwiseTests.vector(kind))
                let before = simulator.readings
                func run(_ gate: some Gate) throws -> [SimulatedValue] {
                    try simulator.run(gate, instance.operands, shapes: instance.operands.isEmpty ? [[0]] : nil)
                }
                let outputs = try run(instance.gate)
                readings += simulator.readings - before
                #expect(simulator === simulators[1] || simulator.readings == 0, "\(subject.name)")
                return try outputs.map { try $0.plainInItsShape() }
            }
            #expect(simulators[0].openings.map(\.opening) == simulators[1].openings.map(\.opening), "\(subject.name)")
            for (plain, rebased) in zip(values[0], values[1]) {
                switch kind {
                case .quotient:
                    // Rounding follows the mask.
                    #expect(zip(plain, rebased).allSatisfy { distance($0, $1) <= 1 }, "\(subject.name)")
                case .exponential:
                    // So do the roundings of what is dealt, each of 2^35 at most at this scale, and of the public factor.
                    #expect(
                        zip(plain, rebased).allSatisfy { distance($0, $1) <= 1 << 36 + $0 >> 19 },
                        "\(subject.name)"
                    )
                default:
                    #expect(plain == rebased, "\(subject.name)")
                }
            }
        }
        #expect((readings > 0) == BitwiseTests.readers.contains(kind), "\(readings) readings")
    }

    /// Numbers in the domain of a kind of gate.
    private static func vector(_ kind: GateKind) -> [UInt64] {
        var random = TestRandom(seed: 5)
        let words = random.words(4224)
        // Of an exponential octaves from 0 to 15; else up to 2^40 on both sides.
        return kind == .exponential
            ? words.map { $0 >> 2 } : words.map { UInt64(bitPattern: Int64(bitPattern: $0) >> 23) }
    }

    private func distance(_ a: UInt64, _ b: UInt64) -> UInt64 {
        Int64(bitPattern: a &- b).magnitude
    }
}

extension SimulatedValue {
    /// The plain elements, of whatever shape they are.
    fileprivate func plainInItsShape() throws -> [UInt64] {
        var value = self
        for party in parties {
            switch party {
            case .share(let words), .plain(let words): value.shape = words.shape
            case .wire(let wire): value.shape = wire.hat.shape
            case .bits(let bits): value.shape = [bits.hat.count]
            case .absent: continue
            }
        }
        return try value.plain()
    }
}
