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
    /// How often each plane weighs words: known when the turn ends, before any is.
    private var uses: [Int]

    init(chooser: Int, planes: Int, count: Int, moment: Int, in turn: PairTape.Turn) {
        (self.chooser, self.planes, self.count, self.moment, self.turn) = (chooser, planes, count, moment, turn)
        sentChoices = Array(repeating: nil, count: planes)
        receivedChoices = Array(repeating: nil, count: planes)
        uses = Array(repeating: 0, count: planes)
    }

    /// Counts words that a plane will weigh; returns how many there are now.
    func note(useOf plane: Int) -> Int {
        precondition(!turn.isOver, "what a turn's choices weigh is written down in it")
        uses[plane] += 1
        return uses[plane]
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
        let choice = try sent.choice(plane, uses: uses[plane])
        sentChoices[plane] = choice
        return choice
    }

    /// At the party that chooses.
    func choosing(_ plane: Int) throws -> ReceivedChoice {
        if let choice = receivedChoices[plane] { return choice }
        guard let received else { preconditionFailure("transfers are used after exchange \(moment)") }
        let choice = try received.choice(plane, uses: uses[plane])
        receivedChoices[plane] = choice
        return choice
    }
}
