public import CrypTenBase
public import CrypTenExpressions
import CrypTenPlanning
public import CrypTenRing
package import CrypTenTransport
import NIOConcurrencyHelpers

/// A party's handle on a computation that it runs with others: inputs go in, results that all agreed on come out.
///
/// Every party runs the same program on its own session. What a party has, it gives in a closure that runs there alone;
/// the others learn the shape. Tensors in between are expressions: nothing moves until something is revealed, evaluated
/// or kept, and then the whole expression runs as one plan.
///
/// Calls of one session come one after the other; a second one meanwhile throws `.sessionBusy` and changes nothing. What
/// is found before anything is sent, such as an ill-formed expression, leaves the session as it was. After any other
/// error it is over for every party, and later calls throw `.sessionClosed`: no mask of it is used again.
///
/// Cancelling the task that awaits a call ends the session, too: the call throws `.cancelled` as soon as the engine looks at
/// its connections again (what it computes meanwhile, and a closure that loads a tensor, run to their end), and the other
/// members are told at once.
public final class Session: Sendable {
    /// Which party this is.
    public let party: PartyID
    /// How many parties there are, without the dealer.
    public let partyCount: Int
    /// The configuration, equal at all parties where it matters.
    public let configuration: SessionConfiguration

    private let state: ThreadConfined<SessionState>
    private let thread: EngineThread
    private let transport: any Transport
    private let isBusy = NIOLockedValueBox(false)
    /// What ends the session from another thread.
    private let interruption = Interruption()

    /// A session on connections that stand.
    ///
    /// - Throws: `.invalidArgument` for fraction bits that leave no room for a product, or more than two parties without a dealer.
    package convenience init(
        transport: any Transport,
        kernels: any Kernels,
        configuration: SessionConfiguration
    ) throws {
        try self.init(transport: transport, kernels: kernels, configuration: configuration, checker: nil)
    }

    /// A session that tells a checker all that its party has: for parties that are threads of one process.
    init(
        transport: any Transport,
        kernels: any Kernels,
        configuration: SessionConfiguration,
        checker: InsecureRunChecker?
    ) throws {
        try configuration.check()
        try configuration.check(parties: transport.partyCount)
        let state = SessionState(
            transport: transport,
            kernels: kernels,
            configuration: configuration,
            pair: try PairState(configuration, of: transport, kernels: kernels),
            checker: checker
        )
        party = PartyID(state.party)
        partyCount = state.parties
        self.configuration = configuration
        self.transport = transport
        self.state = ThreadConfined(state)
        thread = EngineThread(name: "crypten party \(state.party)")
        interruption.onInterrupt { [transport] in transport.abort($0) }
    }

    // MARK: Inputs

    /// A secret tensor of its owner; the others learn its shape and whether its elements are reals or integers.
    ///
    /// - Parameters:
    ///   - owner: The party that has it.
    ///   - range: Where all numbers lie, the same at all parties, who learn it and so does the dealer: numbers that are larger or
    ///     smaller than the session's encoding takes are right then, see ``CrypTensor/declaring(range:file:line:)``. Nil: magnitudes
    ///     below 2^(62 − 2·fractionBits), 2³⁰ with 16.
    ///   - name: What to call it in errors and cost reports.
    ///   - load: Runs at the owner alone.
    /// - Returns: An expression; its elements are masked and sent, 8 bytes each, in the first round of a run that reads it.
    /// - Throws: `.outOfRange` at the owner for what fixed point can't hold or lies outside of the range, and what `load` throws: the owner alone learns what is
    ///   wrong. At the others `.partyFailed`, with a fixed sentence. The call fails everywhere, and the session lives. `.invalidArgument`
    ///   for an owner that the session doesn't have.
    /// - Complexity: the owner sends the shape to each other party, which counts in no total; no round.
    public func input(
        from owner: PartyID,
        range: ClosedRange<Double>? = nil,
        name: String = "input",
        _ load: @escaping @Sendable () throws -> Tensor
    ) async throws -> CrypTensor {
        try Session.check(range)
        return CrypTensor(
            try await perform { state in
                try state.guarded { try state.input(owner: owner, range: range, name: name, load: load) }
            }
        ).declaring(range)
    }

    /// A range that can't be declared is the caller's error, before anybody is asked anything.
    private static func check(_ range: ClosedRange<Double>?) throws {
        if let range { _ = try ValueRange(declaring: range) }
    }

    /// A secret tensor whose shape all parties know already: nothing is announced.
    ///
    /// - Parameters:
    ///   - owner: The party that has it.
    ///   - shape: What `load` gives, the same at all parties.
    ///   - kind: Reals or integers, the same at all parties.
    ///   - range: Where all numbers lie, the same at all parties, as for ``input(from:range:name:_:)``.
    ///   - name: What to call it in errors and cost reports.
    ///   - load: Runs at the owner alone.
    /// - Returns: An expression; its elements are masked and sent, 8 bytes each, in the first round of a run that reads it.
    /// - Throws: `.shapeMismatch` or `.outOfRange` at the owner, and what `load` throws. Nobody else waits for this call, so the session
    ///   is over then: the others' next call throws `.partyFailed`, with a fixed sentence. `.invalidArgument` for an owner that the
    ///   session doesn't have.
    public func input(
        from owner: PartyID,
        shape: Shape,
        kind: ElementKind = .real,
        range: ClosedRange<Double>? = nil,
        name: String = "input",
        _ load: @escaping @Sendable () throws -> Tensor
    ) async throws -> CrypTensor {
        try Session.check(range)
        return CrypTensor(
            try await perform { state in
                try state.guarded {
                    try state.input(owner: owner, shape: shape, kind: kind, range: range, name: name, load: load)
                }
            }
        ).declaring(range)
    }

    /// A tensor that one party reads and sends to all, such as token numbers.
    ///
    /// Every party learns it. The dealer gets a salted digest of what a run computes from it, which binds the run to it and
    /// tells nothing.
    ///
    /// - Parameters:
    ///   - reader: The party that has it.
    ///   - name: What to call it in errors and cost reports.
    ///   - load: Runs at the reader alone.
    /// - Returns: The tensor as an expression, and its numbers.
    /// - Throws: what `load` throws at the reader, `.partyFailed` with a fixed sentence at the others: the call fails everywhere, and the
    ///   session lives. `.malformedFrame` for what can't be read, `.invalidArgument` for a reader that the session doesn't have.
    /// - Complexity: the reader sends the tensor, in its own type, to each other party; it counts in no total. Runs that
    ///   read it send nothing for it.
    public func publicInput(
        from reader: PartyID,
        name: String = "public input",
        _ load: @escaping @Sendable () throws -> Tensor
    ) async throws -> (expression: CrypTensor, value: Tensor) {
        let (node, tensor) = try await perform { state in
            try state.guarded { try state.publicInput(reader: reader, name: name, load: load) }
        }
        return (CrypTensor(node), tensor)
    }

    /// Numbers that the program computes at every party, and that change from run to run, as a learning rate: no part of a plan.
    ///
    /// What is computed with them has one plan, whatever they are. Every run that reads them is bound to them: where parties have others, it
    /// throws `.diverged`.
    ///
    /// - Returns: A public tensor. As a factor of what is kept with more fraction bits it has up to 30 itself.
    /// - Throws: `.outOfRange` for infinities and what isn't a number, `.sessionBusy` while another call is under way.
    /// - Complexity: local.
    public func publicValue(_ tensor: Tensor, name: String = "public value") async throws -> CrypTensor {
        guard tensor.doubles.allSatisfy(\.isFinite) else {
            throw CrypTenError(.outOfRange, "\(name) of shape \(tensor.shape) holds infinities or NaN")
        }
        return CrypTensor(try await perform { try $0.publicValue(tensor, name: name) })
    }

    /// Bytes that one party has and all others get; they count in no total.
    ///
    /// - Parameters:
    ///   - reason: What the others are told where `load` throws.
    ///   - limit: How long to wait for each step of a party that lives, where it's due at once; nil: the session's patience.
    /// - Throws: what `load` throws at the sender, `.partyFailed` at the others, where the session lives; `.malformedFrame` for what
    ///   can't be read; `.timedOut` after the limit.
    package func broadcast(
        from sender: PartyID,
        refusing reason: PublicReason = .input,
        within limit: Duration? = nil,
        _ load: @escaping @Sendable () throws -> [UInt8]
    ) async throws -> [UInt8] {
        try await perform { state in
            try state.guarded { try state.broadcast(from: sender, refusing: reason, within: limit, load: load) }
        }
    }

    // MARK: Runs

    /// Runs an expression and tells its value to those who may learn it.
    ///
    /// A run that was prepared for it is used, if there is one: see ``prepare(_:revealingTo:runs:storage:)``.
    ///
    /// - Returns: The value, or nil at a party that isn't told.
    /// - Throws: before anything is sent: the error of an ill-formed expression or of one that can't be planned,
    ///   `.wrongSession` for a tensor of another session, `.sessionBusy` while another call is under way. Otherwise what
    ///   ended the session: `.diverged` where parties run different programs, `.peerLost`, `.timedOut`, `.partyFailed`,
    ///   `.malformedFrame`, `.cancelled`.
    /// - Complexity: the expression's rounds and one more, in which each party sends 8 bytes an element, of bits one bit,
    ///   to each who learns the value. `cost(of:revealingTo:)` tells the whole beforehand.
    public func reveal(_ expression: CrypTensor, to recipients: Recipients) async throws -> Tensor? {
        try await reveal([expression], to: recipients)?.first
    }

    /// Runs several expressions as one plan, sharing rounds, and tells their values.
    ///
    /// - Returns: The values in the expressions' order, or nil at a party that isn't told.
    /// - Throws: as for one expression; nothing is revealed of any then.
    /// - Complexity: the rounds of the deepest expression and one more.
    public func reveal(_ expressions: [CrypTensor], to recipients: Recipients) async throws -> [Tensor]? {
        let nodes = expressions.map(\.node)
        let results = try await perform { state in
            try state.run(nodes.map { ($0, .reveal(to: recipients.party)) }, isSetup: false)
        }
        let tensors = results.compactMap { result -> Tensor? in
            guard case .revealed(let tensor) = result else { return nil }
            return tensor
        }
        return tensors.count == expressions.count ? tensors : nil
    }

    /// Runs expressions as one plan and keeps their values, secret as before, for later runs.
    ///
    /// - Returns: Expressions for the kept values; the values last as long as the session.
    /// - Throws: as `reveal`; `.invalidArgument` also for a public expression, which needs no evaluation.
    /// - Complexity: the rounds of the deepest expression. A value that ends as a share costs nothing more, and the later
    ///   run that multiplies or compares it masks it then.
    public func evaluate(_ expressions: [CrypTensor]) async throws -> [CrypTensor] {
        try await keep(expressions, isSetup: false)
    }

    /// Runs expressions as one plan: of some the values are kept with more fraction bits than the session's, of others they are revealed.
    ///
    /// What training does at each step. A kept value with more bits is masked with all of them by the next run, in whose products it has
    /// them; sums of those hold values up to 2^(62 − f − `fractionBits`).
    ///
    /// - Parameters:
    ///   - expressions: Real ones, whose values are kept.
    ///   - fractionBits: Of what is kept, at least the session's, and at most 40 less those.
    ///   - revealed: Expressions whose values are told to `recipients`.
    /// - Returns: Expressions for the kept values, and what was revealed, nil at a party that isn't told.
    /// - Throws: as `reveal` and `evaluate`; `.invalidArgument` for fraction bits that aren't in range.
    public func evaluate(
        _ expressions: [CrypTensor],
        fractionBits: Int,
        revealing revealed: [CrypTensor] = [],
        to recipients: Recipients = .all
    ) async throws -> (kept: [CrypTensor], revealed: [Tensor]?) {
        let range = configuration.fractionBitsOfKept
        guard range.contains(fractionBits) else {
            throw CrypTenError(
                .invalidArgument,
                "values can't be kept with \(fractionBits) fraction bits: this session's can with \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return try await evaluate(expressions.map { ($0, fractionBits) }, revealing: revealed, to: recipients)
    }

    /// The same, of values that have fraction bits of their own each.
    ///
    /// - Parameter others: What is kept besides as it is, as ``evaluate(_:)`` keeps it; behind the rest.
    package func evaluate(
        _ expressions: [(tensor: CrypTensor, fractionBits: Int)],
        keeping others: [CrypTensor] = [],
        revealing revealed: [CrypTensor],
        to recipients: Recipients
    ) async throws -> (kept: [CrypTensor], revealed: [Tensor]?) {
        let roots =
            expressions.map { ($0.tensor.node, Graph.Destination.keepFine(fractionBits: $0.fractionBits)) }
            + others.map { ($0.node, Graph.Destination.keep) }
            + revealed.map { ($0.node, Graph.Destination.reveal(to: recipients.party)) }
        let results = try await perform { try $0.run(roots, isSetup: false) }
        var (kept, tensors): ([CrypTensor], [Tensor]) = ([], [])
        for result in results {
            switch result {
            case .kept(let node): kept.append(CrypTensor(node))
            case .revealed(let tensor): tensors.append(tensor)
            case .absent: break
            }
        }
        return (kept, tensors.count == revealed.count ? tensors : nil)
    }

    /// Masks inputs once, so that no later run sends them again: what a fixed model's weights are for.
    ///
    /// Counted as setup, apart from what inferences cost.
    ///
    /// - Returns: Expressions for the kept values; the values last as long as the session.
    /// - Throws: as `evaluate`.
    /// - Complexity: of inputs 8 bytes an element, from the owner to each other party, at once; `statistics` counts the
    ///   bytes as `setupBytes` and no round.
    public func hold(_ expressions: [CrypTensor]) async throws -> [CrypTensor] {
        try await keep(expressions, isSetup: true)
    }

    /// Gives up values that `evaluate` or `hold` kept: old weights, above all. Every party must release the same.
    ///
    /// Runs that were prepared to read them are given up, too.
    ///
    /// - Throws: `.invalidArgument` for what isn't kept by this session, or was released before.
    public func release(_ expressions: [CrypTensor]) async throws {
        let nodes = expressions.map(\.node)
        try await perform { try $0.release(nodes) }
    }

    /// Gives up what others have replaced: of some expressions those that are values which this session keeps, each once.
    ///
    /// What isn't kept here, or was released before, is passed over: a module's first weights may be anything.
    ///
    /// - Parameter remaining: What is still used, and may be some of them under another name.
    package func releaseReplaced(_ expressions: [CrypTensor], remaining: [CrypTensor] = []) async throws {
        let used = Set(remaining.map { ObjectIdentifier($0.node) })
        let nodes = expressions.map(\.node).filter { !used.contains(ObjectIdentifier($0)) }
        try await perform { try $0.releaseKept(nodes) }
    }

    private func keep(_ expressions: [CrypTensor], isSetup: Bool) async throws -> [CrypTensor] {
        if expressions.isEmpty { return [] }
        let nodes = expressions.map(\.node)
        let results = try await perform { state in
            try state.run(nodes.map { ($0, .keep) }, isSetup: isSetup)
        }
        return results.map { result in
            guard case .kept(let node) = result else { preconditionFailure("a kept output is kept by every party") }
            return CrypTensor(node)
        }
    }

    // MARK: Costs

    /// What revealing expressions as one plan will cost, exactly, before a byte moves.
    ///
    /// Other parties needn't ask, too; the plan that is made here is kept for the run.
    ///
    /// - Throws: what `reveal` throws before it sends anything.
    /// - Complexity: planning, once for each form of expression; no round, no bytes.
    public func cost(of expressions: CrypTensor..., revealingTo recipients: Recipients = .all) async throws -> Cost {
        let nodes = expressions.map(\.node)
        return try await perform { state in
            Cost(try state.plan(nodes.map { ($0, .reveal(to: recipients.party)) }).cost)
        }
    }

    /// What revealing a list of expressions as one plan will cost.
    ///
    /// - Throws: as for expressions that are listed.
    package func cost(of expressions: [CrypTensor], revealingTo recipients: Recipients = .all) async throws -> Cost {
        let nodes = expressions.map(\.node)
        return try await perform { state in
            Cost(try state.plan(nodes.map { ($0, .reveal(to: recipients.party)) }).cost)
        }
    }

    /// What `evaluate` of expressions will cost.
    ///
    /// - Throws: what `evaluate` throws before it sends anything.
    package func costOfKeeping(_ expressions: [CrypTensor]) async throws -> Cost {
        let nodes = expressions.map(\.node)
        return try await perform { state in
            Cost(try state.plan(nodes.map { ($0, .keep) }).cost)
        }
    }

    /// How long revealing expressions as one plan would take on a network.
    ///
    /// This party does every member's computing on made-up values, and times it; the network is added to it. Other parties
    /// needn't ask, too; they compute nothing meanwhile if the times are to be right.
    ///
    /// - Parameters:
    ///   - network: What joins the members.
    ///   - machines: Where they are.
    /// - Throws: what `reveal` throws before it sends anything; what loopback throws where the system doesn't allow it.
    /// - Complexity: several times the computing of all members; no round, no bytes.
    public func predict(
        _ expressions: CrypTensor...,
        revealingTo recipients: Recipients = .all,
        on network: NetworkProfile,
        machines: Machines = .oneEach
    ) async throws -> Prediction {
        try await measure(expressions, revealingTo: recipients, machines: machines).prediction(on: network)
    }

    /// Measures on this machine how long revealing expressions takes, apart from the network.
    ///
    /// - Throws: as `predict`.
    package func measure(
        _ expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all,
        machines: Machines = .oneEach
    ) async throws -> MeasuredRun {
        let nodes = expressions.map(\.node)
        return try await perform { state in
            let run = try RehearsedRun(
                state.plan(nodes.map { ($0, .reveal(to: recipients.party)) }).plan,
                state.configuration.correlations,
                SessionConfiguration.treeHeight(state.configuration.transferTreeHeight)
            )
            return try MeasuredRun(
                run.plan,
                kernels: state.kernels,
                correctionWindow: state.configuration.correctionWindow,
                offline: run.offline,
                machines: machines
            )
        }
    }

    /// What has been spent so far, by the transport's own counters; a run that is under way is awaited.
    public var statistics: SessionStatistics {
        get async throws { try await thread.run { [state] in state.value.statistics } }
    }

    /// How many values the session keeps.
    package var keptCount: Int {
        get async throws { try await thread.run { [state] in state.value.kept.count } }
    }

    /// Calls `report` from the engine's thread as runs go on; nil ends that.
    ///
    /// A run that is under way is awaited first.
    public func onProgress(_ report: (@Sendable (RunProgress) -> Void)?) async throws {
        try await thread.run { [state] in state.value.progress = report }
    }

    // MARK: The end

    /// Ends the session in good order, after the run that is under way.
    ///
    /// Later calls throw `.sessionClosed`.
    public func close() async {
        try? await thread.run { [state] in state.value.close() }
    }

    /// Ends the session for every party, with a reason.
    package func abort(_ error: CrypTenError) {
        interruption.interrupt(error)
    }

    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (SessionState) throws -> Result
    ) async throws -> Result {
        let isFree = isBusy.withLockedValue { busy in
            defer { busy = true }
            return !busy
        }
        guard isFree else {
            throw CrypTenError(
                .sessionBusy,
                "a call of this session is under way; calls of one session come one after the other"
            )
        }
        defer { isBusy.withLockedValue { $0 = false } }
        let earlier = interruption.error
        return try await interruption.ifCancelled {
            try await thread.run { [state, interruption] in
                try state.value.call(interruption, earlier: earlier, body)
            }
        }
    }
}

/// A value that one thread alone touches.
///
/// Safety of `@unchecked Sendable`: `Session` reads `value` in work that it hands to its engine's thread, nowhere else.
private struct ThreadConfined<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}

extension CrypTensor {
    fileprivate func declaring(_ range: ClosedRange<Double>?) -> CrypTensor {
        range.map { declaring(range: $0) } ?? self
    }
}
