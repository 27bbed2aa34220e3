import CrypTenBase
import CrypTenRing

/// Transfers for planes of bits that one party chooses by: those that its part of shared bits has, or bits of its own.
///
/// The chooser extends them in one exchange; from the next on the other party's words can be weighed by them.
final class PairChoices {
    let chooser: Int
    let planes: Int
    let count: Int
    /// The exchange in which they are extended.
    let moment: Int
    /// After it ends nothing more is weighed by them.
    let turn: PairTape.Turn
    private var sent: SentTransfers?
    private var received: ReceivedTransfers?
    private var sentChoices: [SentChoice?]
    private var receivedChoices: [ReceivedChoice?]
    /// What each plane weighs, in the order in which its messages go: known when the turn ends, before any does.
    private var uses: [[Use]]
    /// Planes whose rows are kept.
    private var kept: Set<Int> = []

    private struct Use {
        let use: PadUse
        let exchange: Int
        let isEarly: Bool

        func goes(before other: Use) -> Bool {
            exchange < other.exchange || exchange == other.exchange && isEarly && !other.isEarly
        }
    }

    init(chooser: Int, planes: Int, count: Int, moment: Int, in turn: PairTape.Turn) {
        (self.chooser, self.planes, self.count, self.moment, self.turn) = (chooser, planes, count, moment, turn)
        sentChoices = Array(repeating: nil, count: planes)
        receivedChoices = Array(repeating: nil, count: planes)
        uses = Array(repeating: [], count: planes)
    }

    /// Notes what a plane will weigh, by a message in an exchange that is made of what is known after another.
    ///
    /// - Returns: Bytes that wait for it, beside those that transfers take.
    func note(_ use: PadUse, of plane: Int, in exchange: Int, after moment: Int, _ height: TreeHeight) -> Int {
        precondition(!turn.isOver, "what a turn's choices weigh is written down in it")
        let new = Use(use: use, exchange: exchange, isEarly: PairTape.isEarly(after: moment, in: exchange))
        let later = uses[plane].isEmpty ? 0 : TransferBatch.laterBytes(use, count: count)
        uses[plane].insert(new, at: (uses[plane].lastIndex { !new.goes(before: $0) } ?? -1) + 1)
        guard !kept.contains(plane) else { return later }
        let rows = TransferBatch.keptBytes(uses(of: plane), planes: planes, count: count, height)
        if rows > 0 { kept.insert(plane) }
        return later + rows
    }

    /// What a plane weighs, of what was noted.
    private func uses(of plane: Int) -> [PadUse] {
        uses[plane].map(\.use)
    }

    func extended(_ transfers: ReceivedTransfers) {
        received = transfers
    }

    func absorbed(_ transfers: SentTransfers) {
        sent = transfers
    }

    /// At the party that has the words.
    func sending(_ plane: Int) throws -> SentChoice {
        if let choice = sentChoices[plane] { return choice }
        guard let sent else { preconditionFailure("transfers are used after exchange \(moment)") }
        let choice = try sent.choice(plane, uses: uses(of: plane))
        sentChoices[plane] = choice
        return choice
    }

    /// At the party that chooses.
    func choosing(_ plane: Int) throws -> ReceivedChoice {
        if let choice = receivedChoices[plane] { return choice }
        guard let received else { preconditionFailure("transfers are used after exchange \(moment)") }
        let choice = try received.choice(plane, uses: uses(of: plane))
        receivedChoices[plane] = choice
        return choice
    }
}
