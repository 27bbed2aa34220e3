import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Gates without a dealer")
struct PairMakerTests {
    /// Two slabs of 2^12, of values in the domain of the gates.
    private static func vector(_ kind: GateKind) -> [UInt64] {
        var random = TestRandom(seed: 0xFA12)
        let words = random.words(kind == .permutation ? 64 : 4224)
        // Of an exponential octaves from 0 to 15; else up to 2^40 on both sides.
        return kind == .exponential
            ? words.map { $0 >> 2 } : words.map { UInt64(bitPattern: Int64(bitPattern: $0) >> 23) }
    }

    /// What two parties make of what a gate asks for is what a maker in the clear makes with the same λ, r and d: all that the parties open, and
    /// all that they end with, is equal to the word, where nothing is rounded that depends on both masks.
    @Test("open and yield what those with a dealer do, who knows the same masks", arguments: GateKind.allCases)
    func equal(kind: GateKind) throws {
        for subject in kind.subjects {
            let made = try PairedGate(subject, PairMakerTests.vector(kind))
            let want = try made.inTheClear()
            let got = try made.withoutDealer()
            switch kind {
            case .trigonometric, .exponential, .quotient:
                for (got, want) in zip(got.plain, want.plain) {
                    #expect(got.count == want.count)
                    let off = zip(got, want).map { got, want in
                        Int64(bitPattern: got &- want).magnitude > PairMakerTests.bound(kind, want) ? got &- want : 0
                    }
                    #expect(
                        off.allSatisfy { $0 == 0 },
                        "\(subject.name): \(off.map { Int64(bitPattern: $0) }.filter { $0 != 0 }.prefix(4))"
                    )
                }
            case .random:
                // Another draw of the same distribution.
                #expect(got.plain.map(\.count) == want.plain.map(\.count) && got.opened.isEmpty, "\(subject.name)")
                let most = UInt64.max >> UInt64(want.plain[0].max()!.leadingZeroBitCount)
                #expect(got.plain[0].allSatisfy { $0 <= most }, "\(subject.name)")
                let means = [got, want].map { $0.plain[0].reduce(0.0) { $0 + Double($1) / 4224 } }
                #expect(abs(means[0] - means[1]) < 0.1 * Double(most), "\(subject.name)")
            default:
                #expect(got.plain == want.plain, "\(subject.name)")
                #expect(got.opened == want.opened, "\(subject.name)")
            }
        }
    }

    @Test(
        "do so whatever the height of the trees that transfers are extended by, at the costs that are planned",
        arguments: [TreeHeight.four, .eight],
        [GateKind.bilinear, .truncatedReLU]
    )
    func heights(height: TreeHeight, kind: GateKind) throws {
        for subject in kind.subjects {
            let made = try PairedGate(subject, PairMakerTests.vector(kind), height: height)
            let (want, got) = (try made.inTheClear(), try made.withoutDealer())
            #expect(got.plain == want.plain && got.opened == want.opened, "\(subject.name)")
            let planned = made.costs.planned
            #expect(planned.height == height && made.costs.written == [planned, planned], "\(subject.name)")
            #expect(made.costs.sentBytes == planned.sentBytes, "\(subject.name)")
            #expect(planned.weighed.allSatisfy { $0.extensionBits == height.trees * $0.extended }, "\(subject.name)")
        }
    }

    /// How far a result may lie from what a dealer's correlations give: harmonics are within 28 units of 2^-30 of the product of the parties' own each where transfers make them, octaves within one and a half
    /// units of what is dealt, which a public factor of up to 2^16 at scale 2^20 weighs, and 2^-19 of themselves, quotients within a unit.
    private static func bound(_ kind: GateKind, _ want: UInt64) -> UInt64 {
        switch kind {
        case .trigonometric: 32 * (1 << 30 + 1 << 28 + 5)
        case .exponential: (3 << 35) + Int64(bitPattern: want).magnitude >> 18
        default: 2
        }
    }
}
