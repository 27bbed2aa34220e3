import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport

/// A session's inner state: touched by its engine thread alone.
///
/// It holds what values, plans and runs are made of and does what ``SessionStateMachine`` says.
final class SessionState {
    let transport: any Transport
    let kernels: any Kernels
    let configuration: SessionConfiguration
    /// What all parties of the process tell what they have, where the session says that it is checked.
    let checker: InsecureRunChecker?
    /// What was found in the last run of a checked session.
    var lastCheck: CheckedRun?
    /// Whether a run is under way whose deviations are reported, and not thrown.
    var isReporting = false
    let party: Int
    let parties: Int
    /// What makes correlations with the other party; nil where a dealer does, and once the session has ended.
    private(set) var pair: PairState?
    let identity = SessionIdentity()
    let buffers = FrameBuffers(capacity: Framing.wire.chunkBytes)
    var statistics = SessionStatistics()
    var progress: (@Sendable (RunProgress) -> Void)?

    var machine: SessionStateMachine {
        didSet { statistics.preparedRuns = machine.preparedRuns }
    }
    /// Our own inputs: each lives as long as the expressions that read it.
    var inputs = WeakTable<OwnInput>()
    /// Public inputs: each lives as long as the expressions that read it, too.
    var plain = WeakTable<PublicTensor>()
    /// Known to the parties and not to the dealer, who could otherwise guess constants and public operands from hashes.
    var salt: [UInt8] = []
    var kept: [Int: (value: PartyValue, known: KeptValue, shape: Shape)] = [:]
    /// Which kept values are places that a share is put into before each run.
    var places = SharePlaces()
    /// What binds the last run to all that was put into it: the same at all parties.
    var lastBinding: [UInt8] = []
    /// Plans that were made, for as many forms as a program uses in turn.
    var plans = RecentlyUsed<PlanKey, PreparedPlan>(capacity: 256, sizeLimit: 1 << 30)
    /// The last of them, by the nodes that it was made of.
    var recentPlan: RecentPlan?
    /// Fingerprints of plans that the device has room for.
    var plansWithRoom: Set<[UInt8]> = []
    /// Runs that were dealt ahead and wait to be used, by number.
    var dealtRuns: [UInt64: DealtRun] = [:]

    struct PlanKey: Hashable {
        var graph: Graph
        var kept: [KeptValue]
    }

    init(
        transport: any Transport,
        kernels: any Kernels,
        configuration: SessionConfiguration,
        pair: PairState? = nil,
        checker: InsecureRunChecker? = nil
    ) {
        self.checker = checker
        self.pair = pair
        self.transport = transport
        self.kernels = kernels
        self.configuration = configuration
        guard case .party(let id) = transport.role else { preconditionFailure("the dealer has no session") }
        party = id.index
        machine = SessionStateMachine(party: id.index)
        parties = transport.partyCount
    }

    /// Does a call's work, unless the session has ended; what interrupts it ends the session.
    ///
    /// - Parameter earlier: What had interrupted the session before the call.
    func call<Result>(
        _ interruption: Interruption,
        earlier: CrypTenError?,
        _ body: (SessionState) throws -> Result
    ) throws -> Result {
        if let earlier { end(earlier) }
        try machine.check()
        do {
            try interruption.check()
            let result = try body(self)
            try interruption.check()
            return result
        } catch {
            guard let interruption = interruption.error else { throw error }
            end(interruption)
            throw interruption
        }
    }

    /// Does what others take part in, and ends the session for everybody where that fails: nothing of it may be used
    /// again. Where all are told that one of them has refused a call, nothing was begun, and the session lives.
    ///
    /// Planning isn't guarded: an ill-formed expression is the caller's to mend.
    func guarded<Result>(_ body: () throws -> Result) throws -> Result {
        try machine.check()
        do {
            return try body()
        } catch let refusal as Refusal {
            throw refusal.error
        } catch {
            end(CrypTenError(failure: error, of: transport.role))
            throw error
        }
    }

    /// Ends the session with an error, which the others are told, and drops everything that it held: keys, values and runs
    /// that were dealt ahead. What ended it first stays.
    func end(_ error: CrypTenError) {
        discard(machine.end(error))
        forget()
        transport.abort(error)
    }

    /// Ends the session in good order.
    func close() {
        discard(machine.end(CrypTenError(.sessionClosed, "it was closed")))
        forget()
        transport.close()
    }

    private func forget() {
        for number in Array(kept.keys) { forget(kept: number) }
        pair?.forgetAll()
        // With it go base transfers and keys.
        pair = nil
        inputs = WeakTable()
        plain = WeakTable()
        dealtRuns = [:]
        plans.removeAll()
        recentPlan = nil
        for index in salt.indices { salt[index] = 0 }
        salt = []
    }

    /// Overwrites a kept value, and forgets it.
    func forget(kept number: Int) {
        guard var (value, _, _) = kept.removeValue(forKey: number) else { return }
        value.wipe()
    }

    /// What a run reads of a kept value.
    func value(of read: KeptRead) throws -> PartyValue {
        let (value, _, shape) = try keptValue(read.number)
        return read.rows.map { value.rows($0, of: shape, kernels) } ?? value
    }

    /// What the session keeps under a number.
    func keptValue(_ number: Int) throws -> (value: PartyValue, known: KeptValue, shape: Shape) {
        guard let value = kept[number] else { throw CrypTenError(.sessionClosed, "kept value \(number) was released") }
        return value
    }
}

/// A party's own numbers; held by the expression that they are the input of.
final class OwnInput: Sendable {
    /// As they came.
    let tensor: Tensor
    let kind: ElementKind
    /// What errors call them.
    let name: String
    /// Where all of them lie; nil: below what products of the session's encoding take.
    let range: ClosedRange<Double>?

    init(_ tensor: Tensor, kind: ElementKind, name: String, range: ClosedRange<Double>?) {
        self.tensor = tensor
        self.kind = kind
        self.name = name
        self.range = range
    }

    /// The numbers with so many fraction bits.
    ///
    /// - Throws: `.outOfRange` naming the index of a number that doesn't fit, or lies outside of the declared range.
    func encoded(fractionBits: Int) throws -> RingTensor {
        guard kind == .real else {
            guard let integers = tensor.integers else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) was announced as integers and holds numbers that aren't whole"
                )
            }
            if let range, let index = integers.firstIndex(where: { !range.contains(Double($0)) }) {
                throw CrypTenError(
                    .outOfRange,
                    """
                    \(name): the number at index \(tensor.shape.index(of: index)) is \(integers[index]), and lies outside of the range \
                    \(range.lowerBound) to \(range.upperBound) that is declared; declare a wider one at all parties
                    """
                )
            }
            return RingTensor(integers.map(UInt64.init(bitPattern:)), shape: tensor.shape)
        }
        return try FixedPoint.encode(
            tensor.doubles,
            fractionBits: fractionBits,
            within: range,
            shape: tensor.shape,
            name: name
        )
    }
}

/// A tensor that all parties know; held by the expression that reads it.
final class PublicTensor: Sendable {
    let tensor: Tensor

    init(_ tensor: Tensor) {
        self.tensor = tensor
    }
}
