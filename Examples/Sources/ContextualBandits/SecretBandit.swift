import CrypTen

/// Linear least squares for each offer, whose numbers are shared among the parties: what was paid for whom is known to nobody.
///
/// For each offer a there are A⁻¹, where A is the identity and x·xᵀ of all visitors x who got it, and b, the sum of x times what was paid. Its
/// weights are A⁻¹·b. A visitor changes A⁻¹ by Sherman's and Morrison's formula: nothing is inverted.
struct SecretBandit {
    /// `[offers, features, features]`: A⁻¹.
    private var inverses: CrypTensor
    /// `[offers, features, 1]`: b.
    private var moments: CrypTensor
    /// What was paid so far.
    private(set) var paid: CrypTensor
    private let session: Session

    init(offers: Int, features: Int, on session: Session) async throws {
        let identities = (0..<offers * features * features).map { position in
            position / features % features == position % features ? 1.0 : 0
        }
        let start = [
            Tensor(identities, shape: [offers, features, features]),
            Tensor([Double](repeating: 0, count: offers * features), shape: [offers, features, 1]), Tensor(0),
        ]
        var inputs: [CrypTensor] = []
        for tensor in start { inputs.append(try await session.input(from: .party(0), shape: tensor.shape) { tensor }) }
        let kept = try await session.hold(inputs)
        (inverses, moments, paid, self.session) = (kept[0], kept[1], kept[2], session)
    }

    /// `[offers, features]`: how much each number of a visitor is expected to add to what an offer pays.
    var weights: CrypTensor { inverses.matmul(moments).flatten(start: 1) }

    /// Chooses an offer for a visitor, and learns from what it pays: one run, of one plan for choices and one for lots.
    ///
    /// - Parameters:
    ///   - visitor: `[1, features]`, of length 1.
    ///   - rewards: `[1, offers]`, what each would pay.
    ///   - lot: The offer that the lot fell on, which all know; nil: the one that is expected to pay most.
    mutating func choose(for visitor: CrypTensor, paying rewards: CrypTensor, lot: Int?) async throws {
        let (offers, features) = (inverses.shape[0], inverses.shape[1])
        let x = visitor.reshape(features, 1)
        let directions = inverses.matmul(x)  // A⁻¹x of each offer

        let chosen: CrypTensor  // 1 for one offer, 0 for the others
        if let lot {
            let drawn = Tensor((0..<offers).map { $0 == lot ? 1 : 0 }, shape: [offers])
            chosen = try await session.publicValue(drawn, name: "lot")
        } else {
            let expected = (directions * moments).sum(axes: [1, 2])  // bᵀA⁻¹x
            chosen = expected.argmax(axis: 0).oneHot(offers).toInteger()
        }
        let chosenOffer = chosen.reshape(offers, 1, 1)
        let reward = (chosen * rewards.flatten()).sum()

        // (A + xxᵀ)⁻¹ = A⁻¹ − vvᵀ / (1 + xᵀv), v = A⁻¹x
        let v = (chosenOffer * directions).sum(axis: 0)
        let update = v.matmul(v.transposed()) * reciprocal(1 + (x * v).sum())
        let (new, old) = (
            [inverses - chosenOffer * update, moments + chosenOffer * (x * reward), paid + reward],
            [inverses, moments, paid]
        )
        let kept = try await session.evaluate(new)
        try await session.release(old)
        (inverses, moments, paid) = (kept[0], kept[1], kept[2])
    }

    /// 1 / d of a number from 1 to 2: one of Newton's steps makes an error of 10⁻³ one of 10⁻⁶.
    private func reciprocal(_ d: CrypTensor) -> CrypTensor {
        let near = d.reciprocal(range: 1...2, isSigned: false)
        return near * (2 - d * near)
    }
}
