import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport

/// A session's inner state: touched by its engine thread alone.
final class SessionState {
    let transport: any Transport
    let kernels: any Kernels
    let configuration: SessionConfiguration
    let party: Int
    let parties: Int
    let identity = SessionIdentity()
    let buffers = FrameBuffers(capacity: Framing.wire.chunkBytes)
    var statistics = SessionStatistics()
    var progress: (@Sendable (RunProgress) -> Void)?

    var nextInput = 0
    var nextKept = 0
    var nextPlain = 0
    var nextRandom = 0
    /// Numbers of inputs that nobody has put in are below zero.
    var nextPlaceholder = -1
    var lastRun: UInt64 = 0
    /// Our own inputs: each lives as long as the expressions that read it.
    var inputs = WeakTable<OwnInput>()
    /// Public inputs: each lives as long as the expressions that read it, too.
    var plain = WeakTable<PublicTensor>()
    /// Random values that a run has drawn.
    var drawn = RangeSet<Int>()
    /// Known to the parties and not to the dealer, who could otherwise guess constants and public operands from hashes.
    var salt: [UInt8] = []
    var kept: [Int: (value: PartyValue, known: KeptValue)] = [:]
    /// Kept values that were given up since the dealer was asked last; the next request tells it.
    var released: [Int] = []
    var plans = RecentlyUsed<PlanKey, PreparedPlan>(capacity: PlanCache.capacity)
    /// Those that the dealer has, by what it knows of them.
    var sentPlans = RecentlyUsed<[UInt8], Void>(capacity: PlanCache.capacity)
    var dealtRuns = DealtRuns() {
        didSet { statistics.preparedRuns = dealtRuns.count }
    }
    /// What ended the session.
    var failure: CrypTenError?

    struct PlanKey: Hashable {
        var graph: Graph
        var kept: [KeptValue]
    }

    init(transport: any Transport, kernels: any Kernels, configuration: SessionConfiguration) {
        self.transport = transport
        self.kernels = kernels
        self.configuration = configuration
        guard case .party(let id) = transport.role else { preconditionFailure("the dealer has no session") }
        party = id.index
        parties = transport.partyCount
    }

    func checkAlive() throws {
        if let failure { throw CrypTenError(.sessionClosed, "the session has ended: \(failure.message)") }
    }

    /// Does what others take part in, and ends the session for everybody where that fails: nothing of it may be used
    /// again.
    ///
    /// Planning isn't guarded: an ill-formed expression is the caller's to mend.
    func guarded<Result>(_ body: () throws -> Result) throws -> Result {
        try checkAlive()
        do {
            return try body()
        } catch let error as CrypTenError {
            failure = error
            transport.abort(error)
            throw error
        } catch {
            let wrapped = CrypTenError(.partyFailed, "party \(party) failed: \(error)", cause: error)
            failure = wrapped
            transport.abort(wrapped)
            throw error
        }
    }

    /// What the session keeps under a number.
    func keptValue(_ number: Int) throws -> (value: PartyValue, known: KeptValue) {
        guard let value = kept[number] else { throw CrypTenError(.sessionClosed, "kept value \(number) was released") }
        return value
    }

    func close() {
        if failure == nil { failure = CrypTenError(.sessionClosed, "it was closed") }
        discard(dealtRuns.removeAll())
        transport.close()
    }
}

/// A party's own numbers, encoded; held by the expression that they are the input of.
final class OwnInput: Sendable {
    let encoded: RingTensor

    init(_ encoded: RingTensor) {
        self.encoded = encoded
    }
}

/// A tensor that all parties know; held by the expression that reads it.
final class PublicTensor: Sendable {
    let tensor: Tensor

    init(_ tensor: Tensor) {
        self.tensor = tensor
    }
}
