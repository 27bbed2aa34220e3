import CrypTenBase
import NIOConcurrencyHelpers
import NIOCore

/// The sending half of one TCP connection: numbers, tags and writes frames in the order in which they are posted.
///
/// A short frame that finds nothing queued is written by the thread that posts it, without a change of threads. Everything
/// else goes through the event loop, which makes the tags, so that the engine computes meanwhile.
final class TCPLink: Link {
    /// What the connection's handler must do on the event loop, told from any thread.
    enum Command: Sendable {
        case end(CrypTenError?)
        case resumeReading
    }

    private enum Item {
        case frame(FrameHeader, ByteBuffer, FrameAuthenticator)
        /// The rest of a frame that the socket took in part.
        case bytes(ByteBuffer)

        var size: Int {
            switch self {
            case .frame(_, let payload, _): FrameHeader.size + payload.readableBytes
            case .bytes(let bytes): bytes.readableBytes
            }
        }
    }

    private struct State {
        var socket: TCPSocket?
        var authenticator = FrameAuthenticator.unkeyed
        var peer: Role?
        var sequence: UInt64 = 0
        var lastTickSequence: UInt64 = 0
        var queue: [Item] = []
        /// Bytes posted that the kernel hasn't taken.
        var queuedBytes = 0
        var isDrainScheduled = false
        /// The last frame was posted, or the connection is gone: nothing is sent any more.
        var isFinished = false
        /// What the kernel had counted when the socket was given up.
        var finalKernelCount: UInt64?

        /// Appends to the queue; returns whether the event loop must be told.
        mutating func enqueue(_ item: Item) -> Bool {
            queue.append(item)
            queuedBytes += item.size
            defer { isDrainScheduled = true }
            return !isDrainScheduled
        }
    }

    /// Frames up to this size are written by whoever posts them: the copy into the kernel costs less than waking a thread.
    private static let directLimit = 64 << 10
    /// Payloads up to this size are copied behind their header, to be one write.
    private static let joinLimit = 8 << 10

    private let channel: any Channel
    private let identity: SessionIdentity
    private let inbox: Inbox
    private let traffic: TrafficCounter
    private let limit: Int
    private let state: NIOLockedValueBox<State>

    /// The sending half of a channel; `peer` is whom we called, nil when we were called.
    init(
        _ channel: any Channel,
        _ identity: SessionIdentity,
        calling peer: Role?,
        _ inbox: Inbox,
        _ traffic: TrafficCounter,
        limit: Int
    ) {
        self.channel = channel
        self.identity = identity
        self.inbox = inbox
        self.traffic = traffic
        self.limit = limit
        state = NIOLockedValueBox(State(peer: peer))
    }

    var hasRoom: Bool {
        state.withLockedValue { $0.queuedBytes <= limit }
    }

    var kernelBytesSent: UInt64? {
        state.withLockedValue { $0.finalKernelCount ?? $0.socket?.kernelBytesSent() }
    }

    func post(_ frame: Frame) {
        post(frame, isLast: false)
    }

    /// Posts the frame after which nothing is sent; the sending side is shut once it has gone.
    func postLast(_ frame: Frame) {
        post(frame, isLast: true)
    }

    func end(_ error: CrypTenError?) {
        command(.end(error))
    }

    /// Tells the handler, on the event loop, after whatever was told before.
    func command(_ command: Command) {
        channel.pipeline.fireUserInboundEventTriggered(command)
    }

    private func post(_ frame: Frame, isLast: Bool) {
        let mustSchedule = state.withLockedValue { state -> Bool in
            guard !state.isFinished else { return false }
            state.isFinished = isLast
            let header = FrameHeader(
                frame,
                from: identity.role.wireNumber,
                to: state.peer?.wireNumber ?? Role.wireNumberOfAnyone,
                session: identity.sessionNumber,
                sequence: state.sequence
            )
            state.sequence += 1
            state.peer.map { traffic.countSent(frame, to: $0) }
            let item = Item.frame(header, frame.payload, state.authenticator)
            guard state.queuedBytes == 0, item.size <= TCPLink.directLimit, !isLast, let socket = state.socket else {
                return state.enqueue(item)
            }
            var sealed = state.authenticator.sealedHeader(header, frame.payload, allocator: channel.allocator)
            var payload = frame.payload
            let written = socket.write(sealed, payload)
            guard written < item.size else { return false }
            sealed.moveReaderIndex(forwardBy: min(written, FrameHeader.size))
            payload.moveReaderIndex(forwardBy: max(0, written - FrameHeader.size))
            sealed.writeBuffer(&payload)
            return state.enqueue(.bytes(sealed))
        }
        if mustSchedule {
            channel.eventLoop.execute { self.drain() }
        }
    }
}

// MARK: - On the event loop

extension TCPLink {
    /// The channel is connected: from here on short frames are written directly.
    func connected(_ socket: TCPSocket?) {
        state.withLockedValue { $0.socket = socket }
    }

    /// The handshake is done: tags are under the agreed key.
    func agreed(with peer: Role, _ secret: ConnectionSecret) {
        let authenticator = secret.authenticator(from: identity.role, to: peer)
        state.withLockedValue { state in
            state.peer = peer
            state.authenticator = authenticator
        }
    }

    /// The caller has said who it is.
    func introduced(_ peer: Role) {
        state.withLockedValue { $0.peer = peer }
    }

    /// The connection is gone.
    func disconnected() {
        state.withLockedValue { state in
            state.isFinished = true
            state.finalKernelCount = state.socket?.kernelBytesSent()
            state.socket = nil
            state.queue = []
            state.queuedBytes = 0
        }
        inbox.roomChanged()
    }

    /// Whether nothing was posted since the last call.
    func tickedQuietly() -> Bool {
        state.withLockedValue { state in
            defer { state.lastTickSequence = state.sequence }
            return state.sequence == state.lastTickSequence
        }
    }

    private func drain() {
        let items = state.withLockedValue { state -> [Item] in
            state.isDrainScheduled = false
            defer { state.queue = [] }
            return state.queue
        }
        for item in items {
            let size = item.size
            let promise = channel.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in self.written(size) }
            switch item {
            case .bytes(let bytes):
                channel.write(bytes, promise: promise)
            case .frame(let header, var payload, let authenticator):
                var sealed = authenticator.sealedHeader(header, payload, allocator: channel.allocator)
                if payload.readableBytes <= TCPLink.joinLimit {
                    sealed.writeBuffer(&payload)
                    channel.write(sealed, promise: promise)
                } else {
                    channel.write(sealed, promise: nil)
                    channel.write(payload, promise: promise)
                }
            }
        }
        channel.flush()
        if state.withLockedValue({ $0.isFinished && $0.queue.isEmpty }) {
            channel.close(mode: .output, promise: nil)  // after what is being written
        }
    }

    private func written(_ bytes: Int) {
        let hasRoom = state.withLockedValue { state -> Bool in
            state.queuedBytes = max(0, state.queuedBytes - bytes)
            return state.queuedBytes <= limit
        }
        if hasRoom {
            inbox.roomChanged()
        }
    }
}
