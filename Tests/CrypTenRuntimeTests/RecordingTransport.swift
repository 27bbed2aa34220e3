import CrypTenBase
import CrypTenTransport
import NIOConcurrencyHelpers
import NIOCore

/// A transport that writes down every frame that its member's engine sends and receives, and leaves the rest to another.
final class RecordingTransport: ForwardingTransport {
    /// A frame on its way from one member to another.
    struct Recorded: Sendable {
        var frame: Frame
        var sender: Role
        var receiver: Role

        /// The payload as little-endian words; bytes that make no whole word are left out.
        var words: [UInt64] {
            var payload = frame.payload
            return (0..<payload.readableBytes / 8).compactMap { _ in
                payload.readInteger(endianness: .little, as: UInt64.self)
            }
        }
    }

    let base: any Transport
    private let recorded = NIOLockedValueBox<(sent: [Recorded], received: [Recorded])>(([], []))
    /// Looks at a frame before it is sent, and may throw instead.
    private let beforeSending: @Sendable (Frame, Role, any Transport) throws -> Void

    init(
        _ base: any Transport,
        beforeSending: @escaping @Sendable (Frame, Role, any Transport) throws -> Void = { _, _, _ in }
    ) {
        self.base = base
        self.beforeSending = beforeSending
    }

    var sent: [Recorded] { recorded.withLockedValue { $0.sent } }
    var received: [Recorded] { recorded.withLockedValue { $0.received } }

    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        try beforeSending(frame, peer, base)
        recorded.withLockedValue { $0.sent.append(Recorded(frame: frame, sender: role, receiver: peer)) }
        try base.send(frame, to: peer, deadline: deadline)
    }

    func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        let frame = try base.receive(kinds, from: peer, deadline: deadline)
        recorded.withLockedValue { $0.received.append(Recorded(frame: frame, sender: peer, receiver: role)) }
        return frame
    }

    func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival? {
        let arrival = try base.receive(kinds, fromAnyOf: peers, deadline: deadline)
        if case .frame(let frame, let peer)? = arrival {
            recorded.withLockedValue { $0.received.append(Recorded(frame: frame, sender: peer, receiver: role)) }
        }
        return arrival
    }
}
