import CrypTenBase
import NIOConcurrencyHelpers
import NIOCore

/// The sending half of one TCP connection: numbers, seals and writes frames in the order in which they are posted.
///
/// A short frame that finds nothing queued is written by the thread that posts it, without a change of threads. Everything
/// else is left to the poller's thread, which seals it, so that the engine computes meanwhile.
final class TCPSender: Sendable {
    private enum Item {
        case frame(FrameHeader, ByteBuffer, FrameCipher)
        /// The rest of a frame that the socket took in part: of its header, and of its payload.
        case bytes(ByteBuffer, ByteBuffer)

        var size: Int {
            switch self {
            case .frame(_, let payload, _): FrameHeader.size + payload.readableBytes
            case .bytes(let first, let second): first.readableBytes + second.readableBytes
            }
        }

        /// Overwrites what a frame carries, which nobody will send.
        mutating func wipe() {
            guard case .frame(_, var payload, _) = self else { return }
            self = .bytes(ByteBuffer(), ByteBuffer())
            payload.wipe()
        }
    }

    private struct State {
        var socket: (any Carrier)?
        /// The keys of what is sent, once they are agreed on.
        var keys: FrameKeyChain?
        /// Where payloads are sealed: by those who post, and by the poller's thread.
        var room = ByteBuffer()
        var drainingRoom = ByteBuffer()
        var peer: Role?
        var sequence: UInt64 = 0
        var lastTickSequence: UInt64 = 0
        var queue = CircularBuffer<Item>()
        /// Bytes posted that the kernel hasn't taken, those that are just being written among them.
        var queuedBytes = 0
        /// Whether the socket was full when something was left to write.
        var isBlocked = false
        /// The last frame was posted, or the connection is gone: nothing is sent any more.
        var isFinished = false
        /// What the kernel had counted when the socket was given up.
        var finalKernelCount: UInt64?

        /// Appends to the queue; returns whether the poller's thread must be told.
        mutating func enqueue(_ item: Item) -> Bool {
            defer { queuedBytes += item.size }
            queue.append(item)
            return queuedBytes == 0
        }

        /// Forgets what nobody will send any more, and overwrites it.
        mutating func dropQueue() {
            while var item = queue.popFirst() { item.wipe() }
            queuedBytes = 0
        }
    }

    /// Frames up to this size are written by whoever posts them: the copy into the kernel costs less than waking a thread.
    private static let directLimit = 64 << 10
    /// The most memory for sealing that is kept between two frames.
    private static let mostRoomKept = 2 << 20
    /// How many bytes are written before others have their turn.
    private static let turn = 16 << 20

    private let identity: SessionIdentity
    private let inbox: Inbox
    private let traffic: TrafficCounter
    private let limit: Int
    private let wakePoller: @Sendable () -> Void
    private let observe: TCPConfiguration.PlaintextObserver?
    private let state: NIOLockedValueBox<State>

    /// The sending half of a connection; `peer` is whom we called, nil when we were called.
    init(_ socket: any Carrier, _ session: TCPSession, calling peer: Role?) {
        identity = session.identity
        inbox = session.inbox
        traffic = session.traffic
        limit = session.configuration.sendQueueLimit
        observe = session.configuration.insecurePlaintextObserver
        wakePoller = { [poller = session.poller] in poller.wake() }
        state = NIOLockedValueBox(State(socket: socket, peer: peer))
    }

    var hasRoom: Bool {
        state.withLockedValue { $0.queuedBytes <= limit }
    }

    var kernelBytesSent: UInt64? {
        state.withLockedValue { $0.finalKernelCount ?? $0.socket?.kernelBytesSent() }
    }

    /// Takes a frame to be sent after those before it; after the last one the sending side is shut.
    func post(_ frame: Frame, isLast: Bool = false) {
        let mustWake = state.withLockedValue { state -> Bool in
            guard !state.isFinished else { return false }
            state.isFinished = isLast
            let header = FrameHeader(
                frame,
                from: identity.role.wireNumber,
                to: state.peer?.wireNumber ?? Role.wireNumberOfAnyone,
                epoch: state.keys?.epoch ?? 0,
                sequence: state.sequence
            )
            state.sequence += 1
            // What shows that we live need not be shown again only because it was shown.
            if frame.kind == .heartbeat { state.lastTickSequence = state.sequence }
            if let peer = state.peer { traffic.countSent(frame, to: peer) }
            let size = frame.wireSize
            let cipher = state.keys?.cipher ?? .unkeyed
            observe?(header, frame.payload)
            guard state.queuedBytes == 0, size <= TCPSender.directLimit, let socket = state.socket else {
                return state.enqueue(.frame(header, frame.payload, cipher))
            }
            let sealed = cipher.seal(header, frame.payload, in: &state.room)
            // A broken socket is found out by whoever reads from it.
            let written = socket.write(sealed.header, sealed.payload) ?? 0
            guard written < size else {
                if isLast { socket.endWriting() }
                return false
            }
            return state.enqueue(TCPSender.rest(sealed.header, sealed.payload, after: written))
        }
        if mustWake { wakePoller() }
    }

    /// The handshake is done: what is sent is under the agreed keys.
    func agreed(with peer: Role, _ secret: ConnectionSecret) {
        let keys = secret.frames(from: identity.role, to: peer)
        state.withLockedValue { state in
            state.peer = peer
            state.keys = keys
        }
    }

    /// What is posted from now on is under the next keys.
    func moveForward() {
        state.withLockedValue { $0.keys?.moveForward() }
    }

    /// The keys of what is sent now.
    var insecureKeys: FrameKeyChain? {
        state.withLockedValue(\.keys)
    }

    /// The caller has said who it is.
    func introduced(_ peer: Role) {
        state.withLockedValue { $0.peer = peer }
    }

    /// The connection is gone.
    func disconnected() {
        state.withLockedValue { state in
            state.isFinished = true
            state.keys = nil
            state.finalKernelCount = state.socket?.kernelBytesSent()
            state.socket = nil
            state.dropQueue()
            state.isBlocked = false
        }
        inbox.roomChanged()
    }

    /// Whether nothing but heartbeats was posted since the last call.
    func tickedQuietly() -> Bool {
        state.withLockedValue { state in
            defer { state.lastTickSequence = state.sequence }
            return state.sequence == state.lastTickSequence
        }
    }

    /// Whether the socket is full and something waits for it.
    var isBlocked: Bool {
        state.withLockedValue(\.isBlocked)
    }

    /// Writes what is queued, as far as the socket takes it; on the poller's thread alone.
    ///
    /// - Returns: Whether the socket works.
    func drain() -> Bool {
        var left = TCPSender.turn
        var room = takeRoom()
        defer { if room.capacity <= TCPSender.mostRoomKept { state.withLockedValue { $0.drainingRoom = room } } }
        while true {
            var next: Item?
            let socket = state.withLockedValue { state -> (any Carrier)? in
                state.isBlocked = false
                guard let socket = state.socket, let item = state.queue.popFirst() else { return nil }
                next = item
                return socket
            }
            guard let socket, let size = next?.size else { return true }
            // Frames are sealed, and copied into the kernel, while others may post.
            guard let (first, second) = TCPSender.sealed(&next, in: &room) else { return true }
            let written = socket.write(first, second)
            let rest = written.map { $0 < size ? TCPSender.rest(first, second, after: $0) : nil }
            let hasRoom = state.withLockedValue { state -> Bool in
                guard state.socket != nil else { return false }  // hung up meanwhile
                guard let rest else {
                    state.isFinished = true
                    state.dropQueue()
                    return true
                }
                state.queuedBytes -= written ?? 0
                if let rest {
                    state.queue.prepend(rest)
                    state.isBlocked = true
                } else if state.isFinished, state.queue.isEmpty {
                    socket.endWriting()
                }
                return state.queuedBytes <= limit
            }
            if hasRoom { inbox.roomChanged() }
            guard let rest else { return false }
            if rest != nil { return true }
            left -= written ?? 0
            if left <= 0 {
                wakePoller()  // others have their turn first
                return true
            }
        }
    }

    /// The memory in which the poller's thread seals; it comes back, so that pages are cleared once, not with every frame.
    private func takeRoom() -> ByteBuffer {
        state.withLockedValue { state in
            defer { state.drainingRoom = ByteBuffer() }
            return state.drainingRoom
        }
    }

    /// The bytes of a frame, and of what is left of one. What the frame carried is overwritten, if whoever posted it has let go of it.
    private static func sealed(_ item: inout Item?, in room: inout ByteBuffer) -> (ByteBuffer, ByteBuffer)? {
        switch item.take() {
        case nil: return nil
        case .bytes(let first, let second): return (first, second)
        case .frame(let header, var payload, let cipher):
            defer { payload.wipe() }
            return cipher.seal(header, payload, in: &room)
        }
    }

    private static func rest(_ first: ByteBuffer, _ second: ByteBuffer, after written: Int) -> Item {
        var (first, second) = (first, second)
        let fromFirst = min(written, first.readableBytes)
        first.moveReaderIndex(forwardBy: fromFirst)
        second.moveReaderIndex(forwardBy: written - fromFirst)
        return .bytes(first, second)
    }
}
