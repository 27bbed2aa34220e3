import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// What requests cost an element: the table of `CorrelationsWithoutADealer.md`.
@Suite("Costs of requests to two parties")
struct PairCostTests {
    private static let count = 128

    struct Claim: Sendable {
        let name: String
        let transfers: Int
        let messageBits: Int
        let exchanges: Int
        let ask: @Sendable (PairStage, [WireMask<PairMask>], PairPlanes) throws -> Void
    }

    static let claims: [Claim] = [
        Claim(name: "product of two bits", transfers: 2, messageBits: 2, exchanges: 2) { stage, _, bits in
            try stage.dealSubsetProducts(of: stage.planes(bits, 0..<2), starts: [0], size: 2)
        },
        Claim(name: "subset products of three bits", transfers: 4, messageBits: 8, exchanges: 4) { stage, _, bits in
            try stage.dealSubsetProducts(of: stage.planes(bits, 0..<3), starts: [0], size: 3)
        },
        Claim(name: "subset products of four bits", transfers: 6, messageBits: 22, exchanges: 4) { stage, _, bits in
            try stage.dealSubsetProducts(of: bits, starts: [0], size: 4)
        },
        Claim(name: "number of a bit", transfers: 1, messageBits: 63, exchanges: 2) { stage, _, bits in
            try stage.dealNumber(of: stage.plane(bits, 0))
        },
        Claim(name: "selection", transfers: 2, messageBits: 128, exchanges: 2) { stage, wires, bits in
            try stage.dealSelection(stage.plane(bits, 0), of: wires[0])
        },
        Claim(name: "number of a bit and selection", transfers: 2, messageBits: 191, exchanges: 2) {
            stage,
            wires,
            bits in
            try stage.dealNumber(of: stage.plane(bits, 0))
            try stage.dealSelection(stage.plane(bits, 0), of: wires[0])
        },
        Claim(name: "product", transfers: 128, messageBits: 4_160, exchanges: 2) { stage, wires, _ in
            try stage.dealProduct(of: wires[0], times: wires[1].mask)
        },
        Claim(name: "powers to the third", transfers: 128, messageBits: 6_240, exchanges: 2) { stage, wires, _ in
            try stage.dealPowers(of: wires[0], exponents: 2...3)
        },
        Claim(name: "powers to the fourth", transfers: 192, messageBits: 12_480, exchanges: 2) { stage, wires, _ in
            try stage.dealPowers(of: wires[0], exponents: 2...4)
        },
        Claim(name: "bits, and d", transfers: 64, messageBits: 2_017, exchanges: 3) { stage, wires, _ in
            _ = try stage.bits(of: wires[0], [0..<64])
        },
        Claim(name: "truncation by 16", transfers: 64, messageBits: 2_799, exchanges: 3) { stage, wires, _ in
            try stage.dealShares(of: try stage.truncated(wires[0], by: 16))
        },
        Claim(name: "harmonic", transfers: 56, messageBits: 7_168, exchanges: 2) { stage, wires, _ in
            try stage.dealHarmonics(of: wires[0].mask, numbers: 1...1)
        },
        Claim(name: "octaves of four entries", transfers: 52, messageBits: 5_715, exchanges: 8) { stage, wires, bits in
            try stage.dealOctaves(
                of: wires[0].mask,
                where: stage.plane(bits, 0),
                entries: 4,
                octaves: 16,
                fractionBits: 20
            )
        },
        Claim(name: "quotient", transfers: 64, messageBits: 8_070, exchanges: 3) { stage, wires, _ in
            try stage.dealQuotient(of: wires[0].mask, factor: (1 << 62) / 7)
        },
        Claim(name: "twenty random bits", transfers: 20, messageBits: 1_070, exchanges: 2) { stage, _, _ in
            try stage.dealLowBits(20, count: PairCostTests.count)
        },
    ]

    @Test(
        "a request takes as many transfers, bits of message and exchanges as is documented",
        arguments: 0..<15
    )
    func cost(index: Int) throws {
        let claim = PairCostTests.claims[index]
        var readings = PairReadings(count: PairCostTests.count, seed: 111)
        var numbers = Numbers(seed: 112)
        readings.bits = (0..<2).map { _ in numbers.planes(4, count: PairCostTests.count) }
        let answer = try readings.run { stage, wires, bits in try claim.ask(stage, wires, bits!) }
        #expect(
            answer.transfers == claim.transfers * PairCostTests.count,
            "\(claim.name): \(answer.transfers / PairCostTests.count)"
        )
        #expect(
            answer.messageBits == claim.messageBits * PairCostTests.count,
            "\(claim.name): \(answer.messageBits / PairCostTests.count)"
        )
        #expect(answer.exchanges == claim.exchanges, "\(claim.name): \(answer.exchanges)")
    }

    @Test("a second reading of a wire takes nothing, a second wire as much again")
    func again() throws {
        let readings = PairReadings(count: PairCostTests.count, seed: 113)
        func transfers(_ wires: [Int]) throws -> Int {
            try readings.run { stage, masks, _ in for wire in wires { try stage.read(masks[wire].mask) } }.transfers
        }
        let once = try transfers([0])
        #expect(try transfers([0, 0, 0]) == once)
        #expect(try transfers([0, 1]) == 2 * once)
    }
}
