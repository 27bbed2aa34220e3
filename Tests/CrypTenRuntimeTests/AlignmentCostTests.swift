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

    private static func cost(frames: Int, gradient: Bool) throws -> Cost {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: 16)
        let logarithms = rehearsal.input(from: PartyID(0), shape: [frames, 8, 41])
        let skips = rehearsal.input(from: PartyID(1), shape: [8, 41])
        let loss = likelihood(logarithms, skips)
        return try rehearsal.cost(
            of: gradient ? [CrypTenExpressions.gradient(of: loss, withRespectTo: [logarithms])[0]] : [loss]
        )
    }

    @Test("take so many rounds and bytes a frame, forward alone and with the gradient")
    func frame() throws {
        for (gradient, rounds) in [(false, 20), (true, 22)] {
            let costs = try [3, 5].map { try Self.cost(frames: $0, gradient: gradient) }
            let frame = (costs[1].rounds - costs[0].rounds) / 2
            let bytes = (costs[1].onlineBytes[0] - costs[0].onlineBytes[0]) / 2
            let dealt = (costs[1].dealerBytes - costs[0].dealerBytes) / 2
            #expect(frame == rounds, "\(frame) rounds, \(bytes) bytes, \(dealt) dealt; gradient: \(gradient)")
        }
    }
}
