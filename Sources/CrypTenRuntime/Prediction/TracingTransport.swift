import CrypTenBase
import CrypTenTransport
import Crypto
import NIOConcurrencyHelpers

/// A transport that leads nowhere: it takes what is sent, has what is asked for, and notes when.
///
/// An engine that runs on it does all of its work and waits for nobody; what is left is a trace.
final class TracingTransport: Transport {
    let role: Role
    let partyCount: Int

    private struct State {
        var trace = MemberTrace()
        /// When the computing that goes on now began.
        var mark = 0.0
        /// What each member will have sent, in order, and how much of it was received.
        var incoming: [Role: [Frame]]
        var received: [Role: Int] = [:]
        var credits: [Frame] = []
        /// As large as a processor's own caches, or nothing.
        var others: [UInt64]

        /// Leaves the caches as a member finds them that has waited: others have computed meanwhile.
        mutating func rest(_ clock: TraceClock) {
            for index in stride(from: 0, to: others.count, by: 8) { others[index] &+= 1 }
            mark = clock.now()
        }
    }

    private static let cacheBytes = 1 << 20

    private let clock: TraceClock
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - incoming: What each other member sends, in order.
    ///   - clock: Which time is noted.
    init(_ role: Role, partyCount: Int, incoming: [Role: [Frame]], clock: TraceClock) {
        self.role = role
        self.partyCount = partyCount
        self.clock = clock
        let words = clock.isMeasured ? TracingTransport.cacheBytes / 8 : 0
        state = NIOLockedValueBox(State(incoming: incoming, others: [UInt64](repeating: 0, count: words)))
    }

    /// Begins the trace: from now on time counts as computing.
    func start() {
        state.withLockedValue { $0.rest(clock) }
    }

    /// Notes that a unit of a step has run.
    func finish(step: Int) {
        note { _ in .finish(step: step) }
    }

    /// What has been noted.
    var trace: MemberTrace {
        state.withLockedValue(\.trace)
    }

    /// The credit that was sent to the dealer, frame by frame.
    var credits: [Frame] {
        state.withLockedValue(\.credits)
    }

    func handsOver(to peer: Role) -> Bool {
        false
    }

    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        note { state in
            if frame.kind == .credit { state.credits.append(frame) }
            return .send(to: peer.memberIndex(partyCount: partyCount), bytes: frame.wireSize)
        }
    }

    func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        try state.withLockedValue { state in
            let now = clock.now()
            let index = state.received[peer, default: 0]
            guard let frames = state.incoming[peer], index < frames.count, kinds.contains(frames[index].kind) else {
                throw CrypTenError(.diverged, "a plan's cost says that \(peer) sends less than \(role) reads")
            }
            state.received[peer] = index + 1
            let action = MemberTrace.Action.receive(from: peer.memberIndex(partyCount: partyCount))
            state.trace.events.append(MemberTrace.Event(seconds: now - state.mark, action))
            state.rest(clock)
            return frames[index]
        }
    }

    func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival? {
        preconditionFailure("an engine knows whom it waits for")
    }

    func nextSecret(with peer: Role) -> SymmetricKey {
        preconditionFailure("an engine is given its keys")
    }

    func moveForward() {}

    var statistics: TransportStatistics {
        TransportStatistics()
    }

    func abort(_ error: CrypTenError) {}

    func close() {}

    private func note(_ action: (inout State) -> MemberTrace.Action) {
        state.withLockedValue { state in
            let now = clock.now()
            let action = action(&state)
            state.trace.events.append(MemberTrace.Event(seconds: now - state.mark, action))
            state.mark = clock.now()
        }
    }
}

/// Which time a trace notes, in seconds since some moment.
struct TraceClock: Sendable {
    var now: @Sendable () -> Double
    /// Whether it's this machine's, on which the computing is done that is noted.
    var isMeasured: Bool

    /// This machine's.
    static var real: TraceClock {
        let start = ContinuousClock.now
        return TraceClock(now: { (ContinuousClock.now - start).seconds }, isMeasured: true)
    }
}

extension Role {
    /// This member's place in `Role.all`.
    func memberIndex(partyCount: Int) -> Int {
        switch self {
        case .party(let party): party.index
        case .dealer: partyCount
        }
    }
}
