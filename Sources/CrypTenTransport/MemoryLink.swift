import CrypTenBase
import NIOConcurrencyHelpers
import NIOCore

/// One direction and a half of a connection within one process: sends to the other link, and hears what it sends.
///
/// `sending` is held while a frame is handed over, so that frames keep the order of their numbers; the receiver's part runs
/// on the sender's thread meanwhile. A receiver never answers from there, except in the handshake, which one thread makes
/// for both, so no two threads wait for each other's lock.
final class MemoryLink: Link {
    private struct Sending {
        var other: MemoryLink?
        var sequence: UInt64 = 0
    }

    private let identity: SessionIdentity
    private let peer: Role
    private let inbox: Inbox
    private let traffic: TrafficCounter
    private let sending = NIOLockedValueBox(Sending())
    private let machine: NIOLockedValueBox<ConnectionStateMachine>
    private let agreed = NIOLockedValueBox<ConnectionSecret?>(nil)

    let handsOver: Bool

    init(
        _ identity: SessionIdentity,
        peer: Role,
        isCaller: Bool,
        handsOver: Bool,
        _ inbox: Inbox,
        _ traffic: TrafficCounter
    ) {
        self.handsOver = handsOver
        self.identity = identity
        self.peer = peer
        self.inbox = inbox
        self.traffic = traffic
        machine = NIOLockedValueBox(
            ConnectionStateMachine(identity, calling: isCaller ? peer : nil, checksTags: false)
        )
    }

    /// Joins two links, and makes the handshake.
    static func connect(_ caller: MemoryLink, _ answerer: MemoryLink) throws {
        caller.sending.withLockedValue { $0.other = answerer }
        answerer.sending.withLockedValue { $0.other = caller }
        for (receiver, sender) in [(caller, answerer), (answerer, caller)] {
            let inbox = sender.inbox
            receiver.inbox.onRoom(for: sender.identity.role) { inbox.roomChanged() }
        }
        caller.perform(caller.machine.withLockedValue { $0.connected() })
        try caller.inbox.check(sendingTo: caller.peer)
        try answerer.inbox.check(sendingTo: answerer.peer)
    }

    /// Gives away the secrets that the handshake has made; nothing of them is left here.
    func takeSecrets() -> KeyChain? {
        agreed.withLockedValue { agreed in
            defer { agreed = nil }
            return agreed?.secrets
        }
    }

    /// There is no wire, and so are no keys of frames.
    func moveForward() {}

    var insecureFrameKeys: (sending: FrameKeyChain?, receiving: FrameKeyChain?) { (nil, nil) }

    var kernelBytesSent: UInt64? { nil }

    var hasRoom: Bool {
        sending.withLockedValue(\.other)?.inbox.hasRoom(for: identity.role) ?? true
    }

    func post(_ frame: Frame) {
        sending.withLockedValue { sending in
            guard let other = sending.other else { return }
            traffic.countSent(frame, to: peer)
            let header = FrameHeader(
                frame,
                from: identity.role.wireNumber,
                to: peer.wireNumber,
                epoch: 0,
                sequence: sending.sequence
            )
            sending.sequence += 1
            other.received(
                FrameAssembler.RawFrame(header: header, tag: FrameTag(low: 0, high: 0), payload: frame.payload),
                of: frame
            )
        }
    }

    func end(_ error: CrypTenError?) {
        perform(machine.withLockedValue { $0.end(error) })
        // The two links hold each other; what has ended lets go.
        sending.withLockedValue { $0.other = nil }
    }

    private func received(_ raw: FrameAssembler.RawFrame, of frame: Frame) {
        var raw = raw
        traffic.countReceived(raw, from: peer)
        perform(machine.withLockedValue { $0.received(&raw) }, after: frame)
    }

    /// - Parameter sent: The frame that has come, which may carry words in place of the bytes of the one that is delivered.
    private func perform(_ action: ConnectionStateMachine.Action, after sent: Frame? = nil) {
        switch action {
        case .wait, .close:
            break
        case .send(let frame), .leave(let frame):
            post(frame)
        case .introduced:
            perform(machine.withLockedValue { $0.admit() })
        case .open(_, let secret, let answer):
            agreed.withLockedValue { $0 = secret }
            answer.map(post)
        case .deliver(var frame):
            if let sent { frame.takeWords(of: sent) }
            _ = inbox.deliver(frame, from: peer)
        case .peerLeft:
            inbox.peerLeft(peer)
        case .fail(let error, _), .turnAway(let error, _):
            inbox.fail(error)
        }
    }
}
