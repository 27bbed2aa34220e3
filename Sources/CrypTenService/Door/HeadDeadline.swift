import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose next request doesn't begin, or doesn't end, in time: whoever sends a byte now and then holds nothing for long.
///
/// The time until the first head counts from the connection's beginning, so TLS is within it; a request's, whatever becomes of it, until its
/// last byte; and that between two of them from an answer's end. How long an answer takes is bounded elsewhere.
final class HeadDeadline: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let first: TimeAmount
    private let request: TimeAmount
    private let between: TimeAmount
    private var timer: Scheduled<Void>?
    private var isArriving = false
    private var isAnswering = false

    /// Beyond a request's time, until its connection is closed: so that it is refused by a sentence before.
    private static let slack = TimeAmount.seconds(2)
    /// How long a connection may do nothing.
    private static let idle = TimeAmount.seconds(120)

    /// That of a new connection.
    convenience init(of limits: DoorLimits) {
        let arrival = TimeAmount(limits.now.arrival)
        self.init(first: arrival, request: arrival + HeadDeadline.slack, between: HeadDeadline.idle)
    }

    /// - Parameters:
    ///   - first: Until the first request's head.
    ///   - request: From a request's head to its end.
    ///   - between: From an answer's end to the next request's head.
    init(first: TimeAmount, request: TimeAmount, between: TimeAmount) {
        (self.first, self.request, self.between) = (first, request, between)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        start(first, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            (isArriving, isAnswering) = (true, true)
            start(request, context)
        case .end:
            isArriving = false
            isAnswering ? timer?.cancel() : start(between, context)
        case .body: break
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            isAnswering = false
            if !isArriving { start(between, context) }
        }
        context.write(data, promise: promise)
    }

    private func start(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }
}
