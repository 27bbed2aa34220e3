import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose next request doesn't begin, or isn't there, in time: whoever sends a byte now and then holds nothing for long.
///
/// The time until the first head counts from the connection's beginning, so TLS is within it.
final class HeadDeadline: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private let first: TimeAmount
    private let between: TimeAmount
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - first: Until the first request's head.
    ///   - between: From a request's end to the next one's head.
    init(first: TimeAmount, between: TimeAmount) {
        (self.first, self.between) = (first, between)
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
        case .head: timer?.cancel()
        case .end: start(between, context)
        case .body: break
        }
        context.fireChannelRead(data)
    }

    private func start(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }
}
