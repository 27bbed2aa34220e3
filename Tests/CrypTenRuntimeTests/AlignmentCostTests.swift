import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// What connectionist temporal classification would take, as the documentation says.
@Suite("Alignments of labels to frames")
struct AlignmentCostTests {
    /// The forward recursion over frames, of logarithms: 8 texts of 20 labels with blanks between, `[8, 41]` states.
    ///
    /// `α_t(s) = logSumExp(α_{t−1}(s), α_{t−1}(s − 1), α_{t−1}(s − 2) + m(s)) + log p_t(s)`, where m is 0 or as good as −∞: which states may be
    /// passed over follows from the labels, which are secret.
    private static func likelihood(_ logarithms: CrypTensor, _ skips: CrypTensor) -> CrypTensor {
        let (frames, states) = (logarithms.shape[0], logarithms.shape[2])
        func shifted(_ a: CrypTensor, by count: Int) -> CrypTensor {
            let nothing = CrypTensor(constant: Tensor([Double](repeating: -1024, count: 8 * count), shape: [8, count]))
            return concatenate([nothing, a.narrow(axis: 1, start: 0, length: states - count)], axis: 1)
        }
        var a = logarithms[0] + skips
        for frame in 1..<frames {
            let before = stack([a, shifted(a, by: 1), shifted(a, by: 2) + skips], axis: 2)
            a = before.logSumExp(axis: 2) + logarithms[frame]
        }
        return a.narrow(axis: 1, start: states - 2, length: 2).logSumExp(axis: 1).sum()
    }

    private static func cost(frames: Int) throws -> Cost {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: 16)
        let logarithms = rehearsal.input(from: PartyID(0), shape: [frames, 8, 41])
        let skips = rehearsal.input(from: PartyID(1), shape: [8, 41])
        return try rehearsal.cost(of: [likelihood(logarithms, skips)])
    }

    @Test("take 11 rounds a frame, one after the other, before any gradient")
    func frame() throws {
        let costs = try [3, 5].map { try Self.cost(frames: $0) }
        #expect(costs[1].rounds - costs[0].rounds == 2 * 11)
    }
}
