import CrypTenBase
import CrypTenTransport
import Crypto
import NIOConcurrencyHelpers
import NIOCore

/// At which moment a member of a cell is torn down.
enum Phase: String, CaseIterable, Sendable {
    /// The session is made: nothing has been sent in it.
    case join
    /// Weights are masked: a plan, an opening or a correction is sent or waited for before anything is served.
    case mask
    /// A run is under way: the same, while requests are served.
    case reveal
    /// The run is over here, and this party's part of the answer is on its way.
    case reply
}

/// Who is torn down next, and when.
final class Killing: Sendable {
    private struct State {
        var armed: (role: Role, phase: Phase)?
        /// Moments of that phase that still pass.
        var spared = 0
        var fired: [(role: Role, phase: Phase)] = []
    }

    private let state = NIOLockedValueBox(State())

    /// How often a member was torn down, by phase.
    var fired: [Phase: Int] {
        state.withLockedValue { Dictionary($0.fired.map { ($0.phase, 1) }, uniquingKeysWith: +) }
    }

    var isArmed: Bool { state.withLockedValue { $0.armed != nil } }

    func arm(_ role: Role, _ phase: Phase, sparing spared: Int) {
        state.withLockedValue { ($0.armed, $0.spared) = ((role, phase), spared) }
    }

    /// Whether the member's moment has come.
    func strikes(_ role: Role, _ phase: Phase) -> Bool {
        state.withLockedValue { state in
            guard let armed = state.armed, armed.role == role, armed.phase == phase else { return false }
            guard state.spared == 0 else {
                state.spared -= 1
                return false
            }
            state.fired.append(armed)
            state.armed = nil
            return true
        }
    }
}

/// A transport whose member can be torn down, as with its process: nothing goes out of it or comes in any more.
final class KillableTransport: ForwardingTransport {
    let base: any Transport
    private let killing: Killing
    /// Whether requests are served: what is sent before masks weights.
    private let isServing: @Sendable () -> Bool
    private let onDeath: @Sendable () -> Void
    /// Told of each frame that the member sends: what it is, how long, and to whom.
    private let onSend: @Sendable (String) -> Void
    private let isDead = NIOLockedValueBox(false)

    init(
        _ base: any Transport,
        _ killing: Killing,
        isServing: @escaping @Sendable () -> Bool,
        onDeath: @escaping @Sendable () -> Void,
        onSend: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        (self.base, self.killing, self.isServing, self.onDeath) = (base, killing, isServing, onDeath)
        self.onSend = onSend
    }

    private static let death = CrypTenError(.peerLost, "this member was torn down")

    func die() {
        isDead.withLockedValue { $0 = true }
        base.abort(KillableTransport.death)
        base.close()
    }

    private func look(_ phase: Phase?) throws {
        if let phase, killing.strikes(role, phase) {
            die()
            onDeath()
        }
        if isDead.withLockedValue({ $0 }) { throw KillableTransport.death }
    }

    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        try look(.join)
        try look(phase(of: [frame.kind]))
        onSend("\(frame.kind) of \(frame.payload.readableBytes) bytes to \(peer)")
        try base.send(frame, to: peer, deadline: deadline)
    }

    /// When frames of some kinds are sent or waited for.
    private func phase(of kinds: Set<Frame.Kind>) -> Phase? {
        kinds.isDisjoint(with: [.plan, .opening, .correction]) ? nil : isServing() ? .reveal : .mask
    }

    func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        try look(.join)
        try look(phase(of: kinds))
        return try base.receive(kinds, from: peer, deadline: deadline)
    }

    func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival? {
        try look(.join)
        try look(phase(of: kinds))
        return try base.receive(kinds, fromAnyOf: peers, deadline: deadline)
    }

    func nextSecret(with peer: Role) throws -> SymmetricKey {
        try look(.join)
        return try base.nextSecret(with: peer)
    }
}
