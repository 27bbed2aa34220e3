import NIOCore

/// One direction of a relayed connection: what is read here is written to the other channel when it is due.
///
/// Both channels live on one event loop. Buffers are passed on as they were read; each is due when its last byte is.
final class RelayHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private enum Item {
        case bytes(ByteBuffer)
        /// Nothing more comes.
        case end
        /// The connection is gone.
        case gone
    }

    private let other: any Channel
    private let pace: Relay.Pace
    private let delay: TimeAmount
    /// More than this is not held: what the link has under way, and some buffers.
    private let limit: Int
    private var queue = CircularBuffer<(due: NIODeadline, item: Item)>()
    /// Bytes read and not yet taken by the other channel's socket.
    private var heldBytes = 0
    /// When the link has carried what has come so far.
    private var free = NIODeadline.now()
    private var isScheduled = false
    private var isReading = true

    private static let buffers = 8 << 20
    private static let mostHeld = 256 << 20

    init(to other: any Channel, pace: Relay.Pace) {
        self.other = other
        self.pace = pace
        delay = TimeAmount(pace.delay)
        let underWay = pace.bytesPerSecond * Double(delay.nanoseconds) * 1e-9
        limit = underWay < Double(RelayHandler.mostHeld) ? Int(underWay) + RelayHandler.buffers : RelayHandler.mostHeld
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let carrying = Double(bytes.readableBytes) / pace.bytesPerSecond
        free = max(free, .now()) + .nanoseconds(Int64(carrying * 1e9))
        heldBytes += bytes.readableBytes
        add(.bytes(bytes), context)
        if heldBytes > limit { setReading(false, context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        add(.end, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        add(.gone, context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func add(_ item: Item, _ context: ChannelHandlerContext) {
        queue.append((max(free, .now()) + delay, item))
        schedule(context)
    }

    private func schedule(_ context: ChannelHandlerContext) {
        guard !isScheduled, let first = queue.first else { return }
        isScheduled = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(deadline: first.due) {
            let (handler, context) = bound.value
            handler.isScheduled = false
            handler.passOnWhatIsDue(context)
            handler.schedule(context)
        }
    }

    private func passOnWhatIsDue(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        while let first = queue.first, first.due <= now {
            queue.removeFirst()
            switch first.item {
            case .bytes(let bytes):
                let count = bytes.readableBytes
                other.write(bytes).whenComplete { _ in
                    let (handler, context) = bound.value
                    handler.heldBytes -= count
                    if handler.heldBytes <= handler.limit / 2 { handler.setReading(true, context) }
                }
            case .end:
                other.close(mode: .output, promise: nil)  // after what is being written
            case .gone:
                other.writeAndFlush(ByteBuffer()).whenComplete { [other] _ in other.close(promise: nil) }
            }
        }
        other.flush()
    }

    private func setReading(_ isReading: Bool, _ context: ChannelHandlerContext) {
        guard self.isReading != isReading, context.channel.isActive else { return }
        self.isReading = isReading
        do {
            try context.channel.syncOptions?.setOption(.autoRead, value: isReading)
        } catch {
            context.fireErrorCaught(error)
        }
    }
}
