import CrypTenBase
public import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import Foundation

/// How long a run will take on a network, from what computing takes on this machine.
public struct Prediction: Sendable, Hashable {
    /// What the time goes to, along the chain of work and messages that decides it; the parts add up to the whole.
    public struct Parts: Sendable, Hashable {
        /// Parties compute, seal and open frames.
        public var computing = 0.0
        /// Messages between parties are on their way, however short they are.
        public var latency = 0.0
        /// Links between parties carry bytes.
        public var bandwidth = 0.0
        /// The last party waits for corrections: for the dealer, or for its link.
        public var dealer = 0.0
    }

    /// One layer's part; the parts of all layers add up to the whole.
    public struct Layer: Sendable, Hashable {
        /// As in `Cost.layers`, and in the same order.
        public var name: String
        /// Seconds in which the party that finishes last computes this layer, or waits for it.
        public var seconds: Double
    }

    /// The network.
    public var network: NetworkProfile
    /// From the beginning of a run to the end of the last party's.
    public var seconds: Double
    /// What the time goes to.
    public var parts: Parts
    /// The time, layer by layer.
    public var layers: [Layer]
}

/// Where the members of a predicted run are.
public enum Machines: Sendable, Hashable {
    /// Each has a machine like this one.
    case oneEach
    /// All share this one.
    case shared
}

/// How long a plan's parts take on this machine, measured once; to be put on any network.
package struct MeasuredRun: Sendable {
    /// Rounds and bytes, as without measuring.
    package let cost: Cost

    private let traces: [MemberTrace]
    private let costs: FrameCosts
    /// Layers' names by step.
    private let layers: [String]
    /// How many processors one member keeps busy while it computes.
    private let processors: Double
    private let cores: Int
    private let machines: Machines
    private let hasDealer: Bool

    /// Measures.
    ///
    /// - Parameter offline: What the parties make, and have made before; nil where there is a dealer.
    /// - Throws: what loopback throws where the system doesn't allow it.
    /// - Complexity: several times the computing of all members, one after the other; memory as one of them takes.
    init(
        _ prepared: PreparedPlan,
        kernels: any Kernels,
        correctionWindow: Int,
        offline: OfflineCost?,
        machines: Machines,
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws {
        hasDealer = offline == nil
        cost = Cost(PlanCost(of: prepared, framing: .wire))
        // Threads don't share a device's kernels.
        let kernels: any Kernels = kernels.computesAside ? NativeKernels(threads: 1) : kernels
        let run = DryRun(
            prepared: prepared,
            kernels: kernels,
            correctionWindow: correctionWindow,
            storedBytes: offline?.storedBytes
        )
        let threads = (kernels as? NativeKernels)?.threads ?? 1
        cores = ProcessInfo.processInfo.activeProcessorCount
        (traces, processors) = try run.traces(atOnce: machines == .shared ? max(1, cores / threads) : 1, progress)
        costs = try FrameCosts.measure()
        layers = prepared.plan.steps.map { $0.layer ?? PlanCost.unnamedLayer }
        self.machines = machines
    }

    /// What a run takes whose members all have such a device, or, on one machine, share one.
    ///
    /// A device that is shared does one member's work at a time, and so does its host.
    ///
    /// - Parameter host: Seconds that this machine has worked since some moment.
    /// - Throws: `.invalidArgument` where the profile lacks a kernel; what loopback throws where the system doesn't allow it.
    init(
        _ run: DeviceRun,
        _ host: @escaping @Sendable () -> Double,
        machines: Machines,
        progress: @escaping @Sendable (Double) -> Void
    ) throws {
        hasDealer = run.storedBytes == nil
        cost = Cost(PlanCost(of: run.prepared, framing: .wire))
        cores = ProcessInfo.processInfo.activeProcessorCount
        processors = machines == .shared ? Double(cores) : 1
        traces = try run.traces(host, progress)
        costs = try FrameCosts.measure()
        layers = run.prepared.plan.steps.map { $0.layer ?? PlanCost.unnamedLayer }
        self.machines = machines
    }

    /// The time on a network.
    ///
    /// - Parameter isRelayed: Whether relays on the same machine play the network.
    package func prediction(on network: NetworkProfile, isRelayed: Bool = false) -> Prediction {
        let setting = Timeline.Setting(
            network: network,
            costs: costs,
            cores: cores,
            processors: processors,
            isShared: machines == .shared,
            isRelayed: isRelayed
        )
        let outcome = Timeline.play(requested, setting)
        var seconds: [String: Double] = [:]
        for (step, spent) in outcome.secondsByStep { seconds[layers[step], default: 0] += spent }
        return Prediction(
            network: network,
            seconds: outcome.seconds,
            parts: outcome.parts,
            layers: cost.layers.map { Prediction.Layer(name: $0.name, seconds: seconds[$0.name] ?? 0) }
        )
    }

    /// The traces with what precedes a run: every party asks the dealer for it. A run whose correlations the parties have made has been agreed on.
    private var requested: [MemberTrace] {
        if !hasDealer { return traces }
        let dealer = traces.count - 1
        var traces = traces
        for party in 0..<dealer {
            let request = MemberTrace.Action.send(to: dealer, bytes: MeasuredRun.requestBytes)
            traces[party].events.insert(MemberTrace.Event(seconds: 0, request), at: 0)
        }
        let requests = (0..<dealer).map { MemberTrace.Event(seconds: 0, .receive(from: $0)) }
        traces[dealer].events.insert(contentsOf: requests, at: 0)
        return traces
    }

    /// About what a request takes, with the numbers of what it reads.
    private static let requestBytes = 1 << 10
}

extension Rehearsal {
    /// Measures on this machine how long revealing expressions takes, apart from the network.
    ///
    /// - Parameters:
    ///   - machines: Where the members are.
    ///   - threads: Threads of each member; nil: the machine's processors.
    ///   - progress: Told the share that is done, 0 to 1; on any thread.
    /// - Throws: the error of an ill-formed expression, or of one that can't be planned; what loopback throws where the
    ///   system doesn't allow it.
    package func measure(
        _ expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all,
        machines: Machines = .oneEach,
        threads: Int? = nil,
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> MeasuredRun {
        let plan = try planned(expressions.map { ($0.node, .reveal(to: recipients.party)) })
        return try measure(plan, machines: machines, threads: threads, progress: progress)
    }

    /// The same of evaluating expressions and keeping their values, each with so many fraction bits; nil: as they are.
    package func measure(
        keeping expressions: [(tensor: CrypTensor, fractionBits: Int?)],
        machines: Machines = .oneEach,
        threads: Int? = nil,
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> MeasuredRun {
        let plan = try planned(expressions.map { ($0.tensor.node, .keep(fractionBits: $0.fractionBits)) })
        return try measure(plan, machines: machines, threads: threads, progress: progress)
    }

    /// The same of a run.
    package func measure(
        _ run: RehearsedRun,
        machines: Machines = .oneEach,
        threads: Int? = nil,
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> MeasuredRun {
        var configuration = SessionConfiguration()
        configuration.threads = threads
        return try MeasuredRun(
            run.plan,
            kernels: try configuration.kernels(),
            correctionWindow: configuration.correctionWindow,
            offline: run.offline,
            machines: machines,
            progress: progress
        )
    }

    private func measure(
        _ plan: PreparedPlan,
        machines: Machines,
        threads: Int?,
        progress: @escaping @Sendable (Double) -> Void
    ) throws -> MeasuredRun {
        try measure(try rehearsed(plan), machines: machines, threads: threads, progress: progress)
    }

    /// How long revealing expressions would take on a network.
    ///
    /// Every member's computing is done here on made-up values, and timed; the network is added to it. Without a dealer it is the time of a run that was prepared: what preparing it takes
    /// is ``OfflineCost/seconds(on:)``.
    ///
    /// - Parameters:
    ///   - network: What joins the members.
    ///   - machines: Where they are.
    ///   - threads: Threads of each member; nil: the machine's processors.
    /// - Throws: as `cost(of:revealingTo:)`; what loopback throws where the system doesn't allow it.
    /// - Complexity: several times the computing of all members; memory as one of them takes.
    public func predict(
        _ expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all,
        on network: NetworkProfile,
        machines: Machines = .oneEach,
        threads: Int? = nil
    ) throws -> Prediction {
        try measure(expressions, revealingTo: recipients, machines: machines, threads: threads)
            .prediction(on: network)
    }
}
