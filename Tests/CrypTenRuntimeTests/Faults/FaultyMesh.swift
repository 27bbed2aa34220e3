#if os(Linux)
import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import _CrypTenTestSupport

/// The members of one run over TCP, with a relay between any two of them; one of the relays does at most one thing wrong.
struct FaultyMesh: Sendable {
    /// How one run went.
    struct Run: Sendable {
        var outcomes: [Role: MemberOutcome]
        /// What went over each link, heartbeats left out.
        var seen: [DirectedLink: [SeenFrame]]
        /// When the fault happened; nil if its frame never came.
        var happened: ContinuousClock.Instant?
    }

    var parties = 2
    var session = "walk"
    /// What parties make their correlations by; nil where there is a dealer.
    var maker: (@Sendable (Int, any Kernels) throws -> any CorrelationMaker)?
    /// What parties agree on before their first run, instead of a random number.
    var salt: [UInt8]?
    /// Where all that goes over the wire is written down, and all that members send before it is sealed.
    var capture: WireCapture?
    /// Told when a member's connections stand.
    var connected: (@Sendable (TransportEndpoint) -> Void)?
    var program = SmallInference()
    /// How long a member may be silent.
    var silenceLimit = Duration.seconds(1)
    /// How long connecting may take.
    var timeout = Duration.seconds(3)
    /// What bounds all other waiting, far above what may happen.
    var patience = Duration.seconds(30)

    /// Runs the inference once, with or without a fault.
    func run(_ injection: Injection<WireFault>? = nil) async throws -> Run {
        let roles = Role.all(partyCount: parties, hasDealer: maker == nil)
        let listeners = try await onThread {
            Result { try roles.map { _ in try TCPListener.bind(TCPAddress(host: "127.0.0.1", port: 0)) } }
        }.get()
        var peers: [Role: [Role: TCPAddress]] = [:]
        var relays: [FrameRelay] = []
        defer { for relay in relays { relay.close() } }
        let log = FaultLog()
        for caller in roles {
            for (callee, listener) in zip(roles, listeners) where caller.calls(callee) {
                let judge = WireJudge(injection, log)
                let relay = try FrameRelay(to: listener.address.description) { header, frame, direction in
                    let (sender, recipient) = direction == .out ? (caller, callee) : (callee, caller)
                    let link = DirectedLink(sender: sender, recipient: recipient)
                    capture?.add(header, frame, on: link)
                    return judge.verdict(header, frame, on: link)
                }
                relays.append(relay)
                peers[caller, default: [:]][callee] = try TCPAddress(relay.address)
            }
        }
        let outcomes = await withTaskGroup(of: (Role, MemberOutcome).self) { group in
            for (role, listener) in zip(roles, listeners) {
                let tcp = tcp(role, peers[role] ?? [:])
                group.addTask { (role, await outcome(role, listener, tcp)) }
            }
            return await group.reduce(into: [Role: MemberOutcome]()) { $0[$1.0] = $1.1 }
        }
        return Run(outcomes: outcomes, seen: log.seen, happened: log.happened)
    }

    private var configuration: SessionConfiguration {
        var configuration = SessionConfiguration()
        configuration.patience = patience
        configuration.idlePatience = patience
        configuration.threads = 1
        configuration.insecureSalt = salt
        configuration.correlations = maker == nil ? .dealer : .parties
        configuration.insecureMaker = maker
        return configuration
    }

    private func tcp(_ role: Role, _ peers: [Role: TCPAddress]) -> TCPConfiguration {
        var tcp = TCPConfiguration(session: session, partyCount: parties, peers: peers)
        tcp.hasDealer = maker == nil
        if let capture {
            tcp.insecurePlaintextObserver = { header, payload in capture.add(plaintext: payload, header, from: role) }
            tcp.logger = Logger(label: "test") { _ in CapturingLogHandler(role, capture) }
        }
        tcp.parameters = configuration.agreement
        tcp.silenceLimit = silenceLimit
        tcp.closeLimit = .milliseconds(300)
        return tcp
    }

    private func outcome(_ role: Role, _ listener: TCPListener, _ tcp: TCPConfiguration) async -> MemberOutcome {
        let configuration = configuration
        let connected = await onThread {
            Result {
                try TCPTransport.connect(role: role, configuration: tcp, listener: listener, deadline: .after(timeout))
            }.mapError { Failure(outcome: MemberOutcome($0)) }
        }
        switch connected {
        case .failure(let failure): return failure.outcome
        case .success(let transport):
            self.connected?(transport)
            guard role == .dealer else { return await program.outcome(transport, configuration) }
            return await onThread {
                do {
                    try Dealer(transport: transport, kernels: SmallInference.kernels, configuration: configuration)
                        .serve()
                    return MemberOutcome(.right)
                } catch {
                    return MemberOutcome(error)
                }
            }
        }
    }

    /// An error that remembers when it came.
    private struct Failure: Error {
        let outcome: MemberOutcome
    }
}

/// What all relays of one run have seen.
private final class FaultLog: Sendable {
    private struct State {
        var seen: [DirectedLink: [SeenFrame]] = [:]
        var happened: ContinuousClock.Instant?
    }

    private let state = NIOLockedValueBox(State())

    var seen: [DirectedLink: [SeenFrame]] { state.withLockedValue(\.seen) }
    var happened: ContinuousClock.Instant? { state.withLockedValue(\.happened) }

    func add(_ frame: SeenFrame, on link: DirectedLink) {
        state.withLockedValue { $0.seen[link, default: []].append(frame) }
    }

    func faultHappens() {
        state.withLockedValue { $0.happened = .now }
    }
}

/// Decides what becomes of each frame of one connection.
private final class WireJudge: Sendable {
    private struct Link {
        var frames = 0
        var heartbeats = 0
        var first: [UInt8] = []
        var previous: [UInt8] = []
        /// A frame that is to come after the next one.
        var held: [UInt8]?

        /// Where a frame is, which is counted.
        mutating func place(of header: FrameHeader, on link: DirectedLink) -> FramePlace {
            if header.kind == Frame.Kind.heartbeat.rawValue {
                defer { heartbeats += 1 }
                return FramePlace(link: link, isHeartbeat: true, number: heartbeats)
            }
            defer { frames += 1 }
            return FramePlace(link: link, number: frames)
        }
    }

    private let injection: Injection<WireFault>?
    private let log: FaultLog
    private let links = NIOLockedValueBox<[DirectedLink: Link]>([:])

    init(_ injection: Injection<WireFault>?, _ log: FaultLog) {
        self.injection = injection
        self.log = log
    }

    func verdict(_ header: FrameHeader, _ frame: [UInt8], on link: DirectedLink) -> FrameRelay.Verdict {
        links.withLockedValue { links in
            var state = links[link] ?? Link()
            defer { links[link] = state }
            let place = state.place(of: header, on: link)
            if !place.isHeartbeat, let kind = Frame.Kind(rawValue: header.kind) {
                log.add(SeenFrame(kind: kind, payload: Int(header.length)), on: link)
            }
            defer {
                state.previous = frame
                if state.first.isEmpty { state.first = frame }
            }
            if let held = state.held {
                state.held = nil
                return .replace(frame + held)
            }
            guard let injection, injection.place == place else { return .pass }
            log.faultHappens()
            switch injection.fault {
            case .cutBefore: return .cut
            case .cutWithin: return .cutInside
            case .drop: return .replace([])
            case .duplicate: return .replace(frame + frame)
            case .replay: return .replace(state.previous + frame)
            case .replayFirst: return .replace(state.first + frame)
            case .swap:
                state.held = frame
                return .replace([])
            case .delay: return .delay(.milliseconds(100))
            case .silence: return .silence
            case .stall: return .stall
            case .freeze: return .freeze
            case let fault: return .replace(fault.changed(frame) ?? frame)
            }
        }
    }
}
#endif
