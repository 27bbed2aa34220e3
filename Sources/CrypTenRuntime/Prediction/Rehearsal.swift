public import CrypTenBase
import CrypTenCorrelations
public import CrypTenExpressions
import CrypTenPlanning
public import CrypTenRing

/// Plans what a session would run, without a session: no other party is needed and nothing is sent.
///
/// It takes the way of a session's planning, so that what it prices is what a session then runs: the same passes on the
/// same graph.
///
/// ```swift
/// var rehearsal = try Rehearsal(parties: 2, fractionBits: 16)
/// let x = rehearsal.input(from: .party(0), shape: [1, 784])
/// let cost = try rehearsal.cost(of: [network(x)], revealingTo: .party(0))
/// ```
public struct Rehearsal {
    /// How many parties the session would have.
    public let partyCount: Int
    /// Fraction bits of real numbers.
    public let fractionBits: Int
    /// In slabs of how many elements gates would work, as in `SessionConfiguration`.
    public let slabBits: Int
    /// Who would make the correlations.
    public let correlations: CorrelationProvider
    /// The trees that transfers would be extended by, as in ``SessionConfiguration/transferTreeHeight``.
    let treeHeight: TreeHeight

    private let identity = SessionIdentity()
    private var nextInput = 0
    private var nextPlain = 0
    private var nextShuffle = 0
    private var kept: [KeptValue] = []
    /// The memory that `hold` took at most so far.
    public private(set) var setupMemory: MemoryEstimate
    /// What making the correlations of runs that keep values would take, run by run; empty where there is a dealer.
    package private(set) var keepingOffline: [OfflineCost] = []

    /// - Throws: `.invalidArgument` for fewer than 2 parties, for more than two without a dealer, fraction bits that leave no room for a product, slabs
    ///   or trees that there are none of.
    public init(
        parties: Int,
        fractionBits: Int,
        slabBits: Int = SessionConfiguration().slabBits,
        correlations: CorrelationProvider = .dealer,
        transferTreeHeight: Int = SessionConfiguration().transferTreeHeight
    ) throws {
        guard parties >= 2 else {
            throw CrypTenError(.invalidArgument, "a session of \(parties) parties: at least 2 are needed")
        }
        try SessionConfiguration.check(fractionBits: fractionBits)
        try SessionConfiguration.check(slabBits: slabBits)
        try correlations.check(parties: parties)
        self.correlations = correlations
        treeHeight = try SessionConfiguration.treeHeight(transferTreeHeight)
        partyCount = parties
        self.fractionBits = fractionBits
        self.slabBits = slabBits
        let nothing = Array(repeating: 0, count: parties)
        setupMemory = MemoryEstimate(
            bytesPerParty: nothing,
            dealerBytes: 0,
            heldBytesPerParty: nothing,
            heldDealerBytes: 0
        )
    }

    /// A secret input that a party would put in: its elements are masked and sent, 8 bytes each, in the first round.
    public mutating func input(
        from owner: PartyID,
        shape: Shape,
        kind: ElementKind = .real,
        name: String = "input"
    ) -> CrypTensor {
        defer { nextInput += 1 }
        return CrypTensor(
            Node(
                source: .input(owner: owner, number: nextInput),
                shape: shape,
                kind: kind,
                visibility: .secret,
                session: identity,
                layer: name
            )
        )
    }

    /// A tensor that all parties would know when the run starts.
    public mutating func publicInput(
        shape: Shape,
        kind: ElementKind = .real,
        name: String = "public input"
    ) -> CrypTensor {
        defer { nextPlain += 1 }
        return CrypTensor(
            Node(
                source: .publicInput(number: nextPlain),
                shape: shape,
                kind: kind,
                visibility: .public,
                session: identity,
                layer: name
            )
        )
    }

    /// What `Session.hold` would give, and what it would cost: its online bytes are setup bytes.
    ///
    /// - Throws: the error of an ill-formed expression, or of one that can't be planned or kept.
    public mutating func hold(_ expressions: [CrypTensor]) throws -> (kept: [CrypTensor], setup: Cost) {
        if expressions.isEmpty { return ([], Cost(partyCount: partyCount)) }
        let plan = try planned(expressions.map { ($0.node, .keep) })
        let run = try rehearsed(plan)
        setupMemory.formMaximum(run.memory)
        return (keeping(run), run.cost)
    }

    /// What `Session.masked` would give of kept values, and what it would cost: its online bytes are setup bytes.
    package mutating func masked(_ tensors: [CrypTensor]) throws -> (kept: [CrypTensor], setup: Cost) {
        var (masked, open, values): ([CrypTensor], [Int], [KeepingPlans.Value]) = (tensors, [], [])
        for (index, tensor) in tensors.enumerated() {
            guard case .kept(let number) = tensor.node.operation, case .share = kept[number].form else { continue }
            open.append(index)
            values.append(
                KeepingPlans.Value(name: "data", shape: tensor.shape, kind: tensor.kind, as: kept[number])
            )
        }
        if open.isEmpty { return (tensors, Cost(partyCount: partyCount)) }
        let plan = try KeepingPlans(parties: partyCount, fractionBits: fractionBits, slabBits: slabBits)
            .masking(values)
        let run = try rehearsed(plan)
        for (index, wire) in zip(open, keeping(run)) { masked[index] = wire }
        return (masked, run.cost)
    }

    /// What `Session.shuffled` would give.
    package mutating func shuffled(rows tensors: [CrypTensor]) -> [CrypTensor] {
        defer { nextShuffle += 1 }
        return Node.shuffled(tensors.map(\.node), number: nextShuffle).map { CrypTensor($0) }
    }

    /// A run of a plan, priced.
    func rehearsed(_ plan: PreparedPlan) throws -> RehearsedRun {
        try RehearsedRun(plan, correlations, treeHeight)
    }

    /// The values that a run would keep.
    private mutating func keeping(_ run: RehearsedRun) -> [CrypTensor] {
        if let offline = run.offline { keepingOffline.append(offline) }
        return zip(run.plan.plan.outputs, run.plan.keptRanges).compactMap { output, range -> CrypTensor? in
            guard let form = output.kept else { return nil }
            kept.append(KeptValue(form: form, scale: output.scale, range: range))
            return CrypTensor(
                Node(
                    source: .kept(number: kept.count - 1),
                    shape: output.shape,
                    kind: output.kind,
                    visibility: .secret,
                    session: identity
                )
            )
        }
    }

    /// What `Session.evaluate` would give that keeps values with fraction bits of their own each, and the run that it would take.
    ///
    /// - Throws: the error of an ill-formed expression, or of one that can't be planned or kept.
    package mutating func evaluate(
        _ expressions: [(tensor: CrypTensor, fractionBits: Int)],
        keeping others: [CrypTensor] = [],
        revealing revealed: [CrypTensor] = [],
        to recipients: Recipients = .all
    ) throws -> (kept: [CrypTensor], run: RehearsedRun) {
        let plan = try planned(
            expressions.map { ($0.tensor.node, .keepFine(fractionBits: $0.fractionBits)) }
                + others.map { ($0.node, .keep) }
                + revealed.map { ($0.node, .reveal(to: recipients.party)) }
        )
        let run = try rehearsed(plan)
        return (keeping(run), run)
    }

    /// What revealing expressions would cost.
    ///
    /// - Throws: the error of an ill-formed expression, or of one that can't be planned.
    public func cost(of expressions: [CrypTensor], revealingTo recipients: Recipients = .all) throws -> Cost {
        Rehearsal.cost(of: try planned(expressions.map { ($0.node, .reveal(to: recipients.party)) }))
    }

    /// The memory that values take while a run reveals expressions, at each party and at the dealer: an estimate.
    ///
    /// - Parameters:
    ///   - expressions: What would be revealed as one plan.
    ///   - recipients: Who would learn it.
    ///   - correctionWindow: As in `SessionConfiguration`.
    /// - Throws: as `cost(of:revealingTo:)`.
    public func memory(
        of expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all,
        correctionWindow: Int = SessionConfiguration().correctionWindow
    ) throws -> MemoryEstimate {
        let plan = try planned(expressions.map { ($0.node, .reveal(to: recipients.party)) })
        return try rehearsed(plan).memory(correctionWindow: correctionWindow)
    }

    func planned(_ roots: [(Node, Graph.Destination)]) throws -> PreparedPlan {
        let (graph, sources) = try Simplify.graph(of: roots)
        return try Planner(parties: partyCount, fractionBits: fractionBits, slabBits: slabBits).plan(
            graph,
            kept: sources.kept.map { kept[$0.number] }
        )
    }

    static func cost(of plan: PreparedPlan) -> Cost {
        Cost(PlanCost(of: plan, framing: .wire))
    }
}

extension Cost {
    /// One after the other.
    package static func + (first: Cost, second: Cost) -> Cost {
        Cost(
            rounds: first.rounds + second.rounds,
            onlineBytes: zip(first.onlineBytes, second.onlineBytes).map(+),
            dealerBytes: first.dealerBytes + second.dealerBytes,
            multiplyAccumulates: first.multiplyAccumulates + second.multiplyAccumulates,
            layers: first.layers + second.layers
        )
    }

    /// Nothing.
    package init(partyCount: Int) {
        self.init(
            rounds: 0,
            onlineBytes: Array(repeating: 0, count: partyCount),
            dealerBytes: 0,
            multiplyAccumulates: 0,
            layers: []
        )
    }
}

/// A run that a rehearsal has planned.
package struct RehearsedRun: Sendable {
    let plan: PreparedPlan
    /// What it would cost.
    package let cost: Cost
    /// The memory that values would take at its worst moment; where the parties make the correlations, what that takes, too.
    package let memory: MemoryEstimate
    /// What making its correlations would take of two parties; nil where there is a dealer.
    package let offline: OfflineCost?

    let treeHeight: TreeHeight

    init(_ plan: PreparedPlan, _ correlations: CorrelationProvider, _ treeHeight: TreeHeight) throws {
        (self.plan, self.treeHeight) = (plan, treeHeight)
        cost = Rehearsal.cost(of: plan)
        offline = correlations == .parties ? try OfflineCost(plan, height: treeHeight) : nil
        memory = MemoryEstimate(
            plan,
            correctionWindow: SessionConfiguration().correctionWindow,
            offline: offline
        )
    }
}
