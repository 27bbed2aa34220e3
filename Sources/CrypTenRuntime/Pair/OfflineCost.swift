import CrypTenCorrelations
public import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport

/// What making a plan's correlations takes of two parties who have no dealer: counted before they begin, as they will count it.
///
/// > Note: exact but for times and memory. What a session's first run adds once, base transfers and keys, is `connectionBytes` in `connectionExchanges`.
public struct OfflineCost: Sendable, Hashable {
    /// Bytes that each party sends to the other one, frame headers included.
    public var bytesPerParty: [Int]
    /// Exchanges, in each of which both send, and read what the other has sent.
    public var exchanges: Int
    /// How many of them are waited for.
    ///
    /// By half a round trip each: 4, or 8 where there are exponentials, whatever the plan's depth, and up to as many more for each
    /// random event. Of a plan that goes in several turns they are those of the last one: in all others what was sent a turn before is read while more is made.
    public var waitedExchanges: Int
    /// Correlated transfers, in both directions.
    public var transfers: Int
    /// Bits of the words that transfers carry, and bytes that extend them, in both directions.
    public var messageBits: Int
    public var extensionBytes: Int
    /// Polynomials that are encrypted, and those that are answered.
    public var ciphertexts: Int
    public var answers: Int
    /// Bytes of correlations and differences of masks that each party stores until the run.
    public var storedBytes: Int
    /// About how many bytes transfers and ciphertexts take at a party at most, while they are made, with the messages of an exchange and what answering takes.
    public var memoryBytes: Int { memoryBytesPerParty.max() ?? 0 }
    /// Bytes that either party keeps of the masks of values that the run keeps, for as long as these are kept.
    public var keptBytes: Int

    /// The same of each party: what answering takes differs.
    private(set) var memoryBytesPerParty: [Int]
    /// How many turns there are: one, where what waits doesn't exceed what may.
    private(set) var turns: Int
    /// Levels of the trees that transfers are extended by, as in ``SessionConfiguration/transferTreeHeight``.
    public let transferTreeHeight: Int
    /// What time goes to, with trees of each height: whatever else is made is the same.
    private var times: [TreeHeight: Time]

    private struct Time: Hashable {
        var computingSeconds: Double
        /// By the party that sends more.
        var sentBytes: Int
    }

    /// Bytes that may wait for an exchange where nobody says otherwise.
    package static let usualWaitingLimit = PairRun.usualLimit

    /// Of one run of a plan.
    ///
    /// - Parameters:
    ///   - plan: What is to be run.
    ///   - height: Of the trees that transfers are extended by.
    ///   - waitingLimit: How many bytes may wait for an exchange.
    /// - Throws: `.invalidArgument` for what can't be made without a dealer.
    init(_ plan: PreparedPlan, height: TreeHeight, waitingLimit: Int = PairRun.usualLimit) throws {
        let cost = try PairCost(of: plan.plan, plan.schedule, height: height, limit: waitingLimit)
        transferTreeHeight = height.rawValue
        bytesPerParty = (0..<2).map { party in
            cost.exchangeBytes.reduce(0) { $0 + OfflineCost.frames($1[party]) }
        }
        (exchanges, waitedExchanges) = (cost.exchanges, cost.waitedExchanges)
        (transfers, messageBits, extensionBytes) = (cost.transfers, cost.messageBits, cost.extensionBytes)
        (ciphertexts, answers) = (cost.ciphertexts, cost.answers)
        storedBytes = plan.schedule.correctionWords * 8 + cost.differenceBytes
        turns = cost.turns
        memoryBytesPerParty = (0..<2).map { OfflineCost.memoryBytes(of: $0, cost) }
        keptBytes = plan.plan.outputs.reduce(0) { $0 + OfflineCost.keptBytes($1.shape, $1.kept) }
        let bytes = bytesPerParty
        times = Dictionary(
            uniqueKeysWithValues: TreeHeight.allCases.map { other in
                let time = Time(
                    computingSeconds: cost.computingSeconds(height: other).max() ?? 0,
                    sentBytes: zip(bytes, cost.moreBytes(height: other)).map(+).max() ?? 0
                )
                return (other, time)
            }
        )
    }

    /// About how long it takes on a network: by rates that were measured once, of parties that compute on one processor each.
    ///
    /// In several turns both compute while the link carries what they have computed before, and what is sent is on its way for a turn.
    public func seconds(on network: NetworkProfile) -> Double {
        secondsByTreeHeight(on: network).first { $0.height == transferTreeHeight }?.seconds ?? 0
    }

    /// The same with trees of each height that transfers can be extended by, in ascending order: what ``SessionConfiguration/transferTreeHeight`` to choose.
    ///
    /// Headers of frames are taken to be as many.
    public func secondsByTreeHeight(on network: NetworkProfile) -> [(height: Int, seconds: Double)] {
        let waiting = Double(waitedExchanges) * network.roundTrip / 2
        let onTheirWay = Double(exchanges - waitedExchanges) * network.roundTrip / 2
        return TreeHeight.allCases.map { height in
            guard let time = times[height] else { preconditionFailure("each height has its time") }
            let sending = network.seconds(forBytes: time.sentBytes)
            let (longer, shorter) = (max(time.computingSeconds, sending), min(time.computingSeconds, sending))
            return (height.rawValue, max(longer, onTheirWay) + shorter / Double(max(1, turns)) + waiting)
        }
    }

    /// What waits for an exchange; that exchange's messages, which the other party has sent when this one begins to, with the next one's where turns overlap; what
    /// is computed of a slab at a time; and an answer's operand and sums.
    ///
    /// Of parties that compute equally fast: of one that lags behind, messages of one exchange more may lie unread.
    private static func memoryBytes(of party: Int, _ cost: PairCost) -> Int {
        let messages = cost.exchangeBytes.indices.map { exchange in
            let next = cost.turns > 1 && exchange + 1 < cost.exchanges ? cost.exchangeBytes[exchange + 1][1 - party] : 0
            let own = min(cost.exchangeBytes[exchange][party], TCPConfiguration.usualSendQueueLimit)
            return cost.exchangeBytes[exchange][1 - party] + next + own
        }
        return cost.waitingBytes + min(20 << 20, cost.waitingBytes / 2) + (messages.max() ?? 0)
            + cost.answeringBytes[party]
    }

    /// A party's share of a kept value's mask.
    static func keptBytes(_ shape: Shape, _ form: KeptForm?) -> Int {
        switch form {
        case .wire: 8 * shape.count
        case .bits: 8 * BitPlanes.words(for: shape.count)
        case .share, nil: 0
        }
    }

    /// Of so many runs of the plan, one after the other, of which each is used before the next is made and its values take the place of the last one's.
    package func repeated(_ runs: Int) -> OfflineCost {
        var all = self
        all.bytesPerParty = bytesPerParty.map { $0 * runs }
        all.exchanges *= runs
        all.waitedExchanges *= runs
        all.transfers *= runs
        all.messageBits *= runs
        all.extensionBytes *= runs
        all.ciphertexts *= runs
        all.answers *= runs
        all.times = times.mapValues {
            Time(computingSeconds: $0.computingSeconds * Double(runs), sentBytes: $0.sentBytes * runs)
        }
        return all
    }

    /// Of two runs of one session, one after the other.
    package static func + (first: OfflineCost, second: OfflineCost) -> OfflineCost {
        var both = first
        both.bytesPerParty = zip(first.bytesPerParty, second.bytesPerParty).map(+)
        both.exchanges += second.exchanges
        both.waitedExchanges += second.waitedExchanges
        both.turns = min(first.turns, second.turns)
        both.transfers += second.transfers
        both.messageBits += second.messageBits
        both.extensionBytes += second.extensionBytes
        both.ciphertexts += second.ciphertexts
        both.answers += second.answers
        both.storedBytes = max(first.storedBytes, second.storedBytes)
        both.memoryBytesPerParty = zip(first.memoryBytesPerParty, second.memoryBytesPerParty).map(max)
        both.keptBytes += second.keptBytes
        both.times.merge(second.times) {
            Time(
                computingSeconds: $0.computingSeconds + $1.computingSeconds,
                sentBytes: $0.sentBytes + $1.sentBytes
            )
        }
        return both
    }

    /// Once a session, of either party: three exchanges, of base transfers and the trees that are made of them.
    public static let connectionExchanges = PairMaker.connectionMessages.count
    public static let connectionBytes = PairMaker.connectionMessages.reduce(0) { $0 + frames($1) }

    /// Bytes of frames: the last one of an exchange is sent in any case.
    private static func frames(_ bytes: Int) -> Int {
        bytes == 0 ? Framing.wire.headerBytes : Framing.wire.bytes(forWords: bytes / 8)
    }
}

extension Rehearsal {
    /// What making the correlations of a run that reveals expressions would take of two parties without a dealer.
    ///
    /// - Throws: as `cost(of:revealingTo:)`; `.invalidArgument` for more than two parties, and for what can't be made without a dealer.
    public func offlineCost(
        of expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all
    ) throws -> OfflineCost {
        try offlineCost(try planned(expressions.map { ($0.node, .reveal(to: recipients.party)) }))
    }

    /// The same of evaluating expressions and keeping their values, each with so many fraction bits; nil: as they are.
    package func offlineCost(keeping expressions: [(tensor: CrypTensor, fractionBits: Int?)]) throws -> OfflineCost {
        try offlineCost(try planned(expressions.map { ($0.tensor.node, .keep(fractionBits: $0.fractionBits)) }))
    }

    private func offlineCost(_ plan: PreparedPlan) throws -> OfflineCost {
        try CorrelationProvider.parties.check(parties: partyCount)
        return try OfflineCost(plan, height: treeHeight)
    }
}
