import CrypTenBase
import NIOCore

/// Holds a connection whose session isn't chosen yet, while its first frame, the hello, is read.
///
/// The dealer isn't told the session's name: it takes the session of whoever calls first. When the session is there, the
/// connection goes on as if it had been made then. Lives on the event loop.
final class HelloWaiter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// How long a caller may take to say hello.
    private static let patience = TimeAmount.seconds(10)

    private let calls: WaitingCalls
    private var assembler = FrameAssembler()
    private var hasSaidHello = false
    /// All that has come.
    private var bytes = ByteBuffer()
    private var context: ChannelHandlerContext?

    init(_ calls: WaitingCalls) {
        self.calls = calls
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        if let session = calls.add(NIOLoopBound(self, eventLoop: context.eventLoop), ObjectIdentifier(self)) {
            join(session)
            return
        }
        let waiter = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: HelloWaiter.patience) {
            let (waiter, context) = waiter.value
            if waiter.context != nil, !waiter.hasSaidHello { context.close(promise: nil) }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = unwrapInboundIn(data)
        guard bytes.readableBytes + piece.readableBytes <= FrameHeader.size + Hello.maximumSize else {
            context.close(promise: nil)
            return
        }
        bytes.writeImmutableBuffer(piece)
        // Nobody has more to say before the answer; what comes nevertheless is for the session to judge.
        if hasSaidHello { return }
        do {
            assembler.append(piece)
            piece.clear()
            guard let raw = try assembler.next(limit: Hello.maximumSize) else { return }
            guard raw.header.version == FrameHeader.currentVersion, Frame.Kind(rawValue: raw.header.kind) == .hello
            else { throw CrypTenError(.malformedFrame, "a caller didn't say hello in this version") }
            hasSaidHello = true
            calls.said(try Hello(decoding: raw.payload))
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        calls.remove(ObjectIdentifier(self))
    }

    /// Hands the connection over to a session.
    func join(_ session: TCPSession) {
        guard let context else { return }
        self.context = nil
        do {
            try context.pipeline.syncOperations.handOver(to: session, calling: nil, after: bytes)
        } catch {
            context.close(promise: nil)
        }
    }
}

/// The calls that wait for a session, and the first hello among them.
final class WaitingCalls: Sendable {
    private struct State {
        var waiters: [ObjectIdentifier: NIOLoopBound<HelloWaiter>] = [:]
        var hello: Hello?
        /// Who takes them; a call may be accepted before that is known and begin afterwards.
        var session: TCPSession?
    }

    private let monitor = Monitor(State())

    /// Notes a call; returns the session if one takes calls already.
    func add(_ waiter: NIOLoopBound<HelloWaiter>, _ id: ObjectIdentifier) -> TCPSession? {
        monitor.withLock { state in
            if state.session == nil { state.waiters[id] = waiter }
            return state.session
        }
    }

    func remove(_ id: ObjectIdentifier) {
        monitor.withLock { $0.waiters[id] = nil }
    }

    /// Someone has said hello.
    func said(_ hello: Hello) {
        monitor.withLock { state in
            if state.hello == nil { state.hello = hello }
        }
        monitor.wake()
    }

    /// Waits for the first hello; nil when the deadline passes first.
    func firstHello(_ deadline: Deadline) -> Hello? {
        monitor.wait(until: deadline) { $0.hello }
    }

    /// All that wait for a session, now that there is one; on the event loop.
    func all(join session: TCPSession) -> [NIOLoopBound<HelloWaiter>] {
        monitor.withLock { state in
            defer { state.waiters = [:] }
            state.session = session
            return Array(state.waiters.values)
        }
    }
}
