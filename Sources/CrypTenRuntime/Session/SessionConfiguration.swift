import CrypTenBase
package import CrypTenCorrelations
public import CrypTenDevice
import CrypTenGates
public import CrypTenIdentity
package import CrypTenRing
import CrypTenTransport
public import Logging

/// What all members of a session agree on, and how they wait for each other.
public struct SessionConfiguration: Sendable {
    /// Fraction bits of real numbers, equal at all parties: magnitudes below `2^(62 − 2·fractionBits)`, steps of
    /// `2^-fractionBits`.
    public var fractionBits = 16
    /// In slabs of how many elements gates work, a little more than `2^slabBits`, 12 to 20: equal at all members, for what is opened
    /// and dealt follows them. No round and no number of bytes depends on it, nor any result but drawn numbers.
    ///
    /// With 15 what a comparison needs of a slab stays in a processor's cache. Choose 18 where all members, the dealer too, compute on
    /// devices: what these take is the number of calls, and each does eight times as much.
    public var slabBits = 15
    /// Who makes the correlations that runs use up: equal at all members.
    public var correlations = CorrelationProvider.dealer
    /// How many levels the trees have by which correlated transfers are extended, where the parties make the correlations: 2, 4 or 8, equal at both.
    ///
    /// Extending a transfer with trees of h levels takes 16 / h bytes of the link, 8, 4 or 2, and 2^h / h blocks of AES at either party, 2, 4 or 32. Choose 8
    /// where the link is slow, 2 where both parties are on one machine; what a run sends online doesn't depend on it.
    /// `crypten plan --dealer none --network` says which takes the least time.
    /// > Roy, "SoftSpokenOT", CRYPTO '22, whose k it is.
    public var transferTreeHeight = TreeHeight.usual.rawValue
    /// Threads that this party's kernels use; nil: the machine's processors divided by the parties on it.
    public var threads: Int?
    /// What this party's tensors are computed on. Members needn't agree on it: whatever they choose, all results, and all that they send, are
    /// the same to the bit.
    public var device = DeviceChoice.processor
    /// Bytes of corrections that may be on their way, or wait, at the last party.
    public var correctionWindow = 256 << 20
    /// The memory that a party may fill, in all, with what it computes ahead for prepared runs; what is left over is computed
    /// when a run is used.
    public var aheadLimit = 256 << 20
    /// How long another member may be silent before it is taken for dead, and the session for over; a second at the least.
    ///
    /// Members show that they live several times a second, whatever they compute, so this bounds what a network may be away
    /// for, not how long anything takes. A member whose connection is closed is noticed at once. Members needn't agree on it.
    public var silenceLimit = TCPConfiguration.usualSilenceLimit
    /// The longest that one step may wait for a peer that is alive; a dead one is noticed within ``silenceLimit``.
    ///
    /// At the dealer this holds from the moment at which one party has asked for a run, or has left, until the others do.
    public var patience = Duration.seconds(3600)
    /// The longest that a dealer waits while no party asks for a run: parties may compute between runs as long as they like.
    public var idlePatience = Duration.seconds(7 * 24 * 3600)

    /// What all members were given before they meet, the same at all: who doesn't have it can be none of them.
    ///
    /// Without it any program that reaches the addresses, on one machine any user's, may take a member's place.
    public var preSharedSecret: PreSharedSecret?

    /// Who this member is, and by what it knows the others: all its connections are TLS 1.3 then, and only they are let in.
    ///
    /// All members of a session have one, or none; without it only addresses of this machine are taken.
    public var membership: Membership?
    /// Where connections are noted that come and go outside of any call: who was let in or turned away and why, and certificates that
    /// end soon. No share, mask, seed or input is ever logged.
    public var logger = SessionConfiguration.silentLogger

    /// Notes nothing.
    private static let silentLogger = Logger(label: "crypten") { _ in SwiftLogNoOpLogHandler() }

    /// What the parties agree on instead of a number that party 0 draws: for tests of what depends on it.
    package var insecureSalt: [UInt8]?

    /// What makes correlations at a party instead of the pair's protocol, where parties make them: in tests of what surrounds it.
    package var insecureMaker: (@Sendable (_ party: Int, _ kernels: any Kernels) throws -> any CorrelationMaker)?

    /// 16 fraction bits, slabs of 2^15 elements, and whatever threads there are.
    public init() {}

    /// The range of fraction bits that leaves room for a product.
    static let fractionBitsRange = 4...28
    /// With how many fraction bits values can be kept, so that their products with others have room.
    var fractionBitsOfKept: ClosedRange<Int> {
        SessionConfiguration.fractionBitsOfKept(with: fractionBits)
    }

    /// The same of a session with so many fraction bits.
    package static func fractionBitsOfKept(with fractionBits: Int) -> ClosedRange<Int> {
        fractionBits...max(fractionBits, 40 - fractionBits)
    }
    /// Room for some frames of corrections: with less the dealer would wait for credit that isn't due.
    package static let leastCorrectionWindow = 4 << 20
}

extension SessionConfiguration {
    /// - Throws: `.invalidArgument` naming what no session can have.
    func check() throws {
        try NativeKernels.checkEnvironment()
        try SessionConfiguration.check(fractionBits: fractionBits)
        try SessionConfiguration.check(slabBits: slabBits)
        _ = try SessionConfiguration.treeHeight(transferTreeHeight)
        guard silenceLimit >= TCPConfiguration.leastSilenceLimit else {
            throw CrypTenError(
                .invalidArgument,
                "a silence limit of \(silenceLimit); a member shows that it lives several times a second, so choose "
                    + "\(TCPConfiguration.leastSilenceLimit) or more"
            )
        }
        guard correctionWindow >= SessionConfiguration.leastCorrectionWindow else {
            throw CrypTenError(
                .invalidArgument,
                "a correction window of \(correctionWindow) bytes; it needs \(SessionConfiguration.leastCorrectionWindow)"
            )
        }
    }

    /// - Throws: `.invalidArgument` for slabs that there are none of.
    static func check(slabBits: Int) throws {
        let allowed = Slabs.bitsAllowed
        guard allowed.contains(slabBits) else {
            throw CrypTenError(
                .invalidArgument,
                "\(slabBits) slab bits; choose \(allowed.lowerBound) to \(allowed.upperBound)"
            )
        }
    }

    /// - Throws: `.invalidArgument` for fraction bits that leave no room for a product.
    static func check(fractionBits: Int) throws {
        guard fractionBitsRange.contains(fractionBits) else {
            throw CrypTenError(
                .invalidArgument,
                "\(fractionBits) fraction bits; choose \(fractionBitsRange.lowerBound) to \(fractionBitsRange.upperBound)"
            )
        }
    }
}
