import CrypTenCorrelations
public import CrypTenExpressions
import CrypTenPlanning

/// What making a plan's correlations takes of two parties who have no dealer: counted before they begin, as they will count it.
///
/// > Note: exact but for times and memory. What a session's first run adds once, base transfers and keys, is `connectionBytes` in `connectionExchanges`.
public struct OfflineCost: Sendable, Hashable {
    /// Bytes that each party sends to the other one, frame headers included.
    public var bytesPerParty: [Int]
    /// Exchanges, in each of which both send and then read.
    public var exchanges: Int
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
    /// About how many bytes transfers and ciphertexts take at a party at most, while they are made.
    public var memoryBytes: Int

    private let computingSeconds: Double
    private let sentBytes: Int

    /// Of one run of a plan.
    ///
    /// - Throws: `.invalidArgument` for what can't be made without a dealer.
    init(_ plan: PreparedPlan) throws {
        let cost = try PairCost(of: plan.plan, plan.schedule)
        bytesPerParty = (0..<2).map { party in
            cost.exchangeBytes.reduce(0) { $0 + OfflineCost.frames($1[party]) }
        }
        exchanges = cost.exchanges
        (transfers, messageBits, extensionBytes) = (cost.transfers, cost.messageBits, cost.extensionBytes)
        (ciphertexts, answers) = (cost.ciphertexts, cost.answers)
        storedBytes = plan.schedule.correctionWords * 8 + cost.differenceBytes
        memoryBytes = cost.waitingBytes
        computingSeconds = cost.computingSeconds.max() ?? 0
        sentBytes = bytesPerParty.max() ?? 0
    }

    /// About how long it takes on a network: by rates that were measured once, of parties that compute on one processor each.
    public func seconds(on network: NetworkProfile) -> Double {
        computingSeconds + network.seconds(forBytes: sentBytes) + Double(exchanges) * network.roundTrip / 2
    }

    /// Once a session, of either party: three exchanges, of base transfers and the trees that are made of them.
    public static let connectionExchanges = PairMaker.connectionMessages.count
    public static let connectionBytes = PairMaker.connectionMessages.reduce(0) { $0 + frames($1) }

    /// Bytes of frames: the last one of an exchange is sent in any case.
    private static func frames(_ bytes: Int) -> Int {
        bytes == 0 ? Framing.wire.headerBytes : Framing.wire.bytes(forWords: bytes / 8)
    }
}

extension RehearsedRun {
    /// What making its correlations would take of two parties without a dealer.
    ///
    /// - Throws: `.invalidArgument` for what can't be made without a dealer.
    package func offlineCost() throws -> OfflineCost { try OfflineCost(plan) }
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
        var configuration = SessionConfiguration()
        configuration.correlations = .parties
        try configuration.check(parties: partyCount)
        return try OfflineCost(plan)
    }
}
