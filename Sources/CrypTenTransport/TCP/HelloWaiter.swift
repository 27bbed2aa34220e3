package import CrypTenBase
import NIOCore

/// Holds a connection whose session isn't chosen yet, while its first frame, the hello, is read.
///
/// The dealer isn't told the session's name: it takes the session of whoever calls first. When the session is there, the
/// connection goes on as if it had been made then. Lives on the event loop.
final class HelloWaiter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a caller may take to say hello.
    private static let patience = TimeAmount.seconds(10)

    /// Who listens.
    private let role = Role.dealer
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
            guard raw.header.version == FrameHeader.currentVersion else {
                let caller = Role(wireNumber: raw.header.sender).map { "\($0)" } ?? "a caller"
                let error = CrypTenError(
                    .diverged,
                    "\(caller) speaks protocol version \(raw.header.version), \(role) version "
                        + "\(FrameHeader.currentVersion): install the same release everywhere",
                    telling: Disclosure(.anotherVersion, about: Role(wireNumber: raw.header.sender))
                )
                calls.failed(error)
                throw error
            }
            guard Frame.Kind(rawValue: raw.header.kind) == .hello else {
                throw CrypTenError(
                    .malformedFrame,
                    "a caller began with a frame of kind \(raw.header.kind), not a hello"
                )
            }
            hasSaidHello = true
            calls.said(try Hello(decoding: raw.payload), ObjectIdentifier(self))
        } catch {
            turnAway(error as? CrypTenError ?? CrypTenError(.malformedFrame, "unreadable bytes", cause: error), context)
        }
    }

    /// Tells a caller why it can't stay, and hangs up.
    private func turnAway(_ error: CrypTenError, _ context: ChannelHandlerContext) {
        let refusal = Frame(.abort, payload: AbortMessage(error).encoded)
        let header = FrameHeader(
            refusal,
            from: role.wireNumber,
            to: Role.wireNumberOfAnyone,
            epoch: 0,
            sequence: 0
        )
        var bytes = FrameCipher.unkeyed.sealedHeader(header, refusal.payload)
        bytes.writeImmutableBuffer(refusal.payload)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        context.close(promise: nil)
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

/// The calls that wait for a session, and what they say.
package final class WaitingCalls: Sendable {
    private struct State {
        var waiters: [ObjectIdentifier: NIOLoopBound<HelloWaiter>] = [:]
        /// The hellos of those who are still there, in the order in which they came.
        var hellos: [(caller: ObjectIdentifier, hello: Hello)] = []
        /// Whose hello a session is being made of.
        var chosen: ObjectIdentifier?
        /// Why the first caller of whom no session can be made is none.
        var failure: CrypTenError?
        /// Why nobody waits for it any more.
        var interruption: CrypTenError?
        /// Who takes them; a call may be accepted before that is known and begin afterwards.
        var session: TCPSession?
    }

    private let monitor = Monitor(State())

    package init() {}

    /// Notes a call; returns the session if one takes calls already.
    func add(_ waiter: NIOLoopBound<HelloWaiter>, _ id: ObjectIdentifier) -> TCPSession? {
        monitor.withLock { state in
            if state.session == nil { state.waiters[id] = waiter }
            return state.session
        }
    }

    /// Someone has hung up. A session that was announced and given up is told of, however short it was.
    package func remove(_ id: ObjectIdentifier) {
        monitor.withLock { state in
            state.waiters[id] = nil
            guard let place = state.hellos.firstIndex(where: { $0.caller == id }) else { return }
            state.hellos.remove(at: place)
            if state.failure == nil { state.failure = WaitingCalls.givenUp }
        }
        monitor.wake()
    }

    /// Someone has said hello.
    package func said(_ hello: Hello, _ id: ObjectIdentifier) {
        monitor.withLock { $0.hellos.append((id, hello)) }
        monitor.wake()
    }

    /// Someone speaks another version.
    func failed(_ error: CrypTenError) {
        monitor.withLock { $0.failure = error }
        monitor.wake()
    }

    /// Waits for the first hello; nil when the deadline passes first.
    ///
    /// - Throws: why the first caller can't be understood, or has gone; or the error given to ``interrupt(_:)``.
    package func firstHello(_ deadline: Deadline) throws -> Hello? {
        try monitor.wait(until: deadline) { state in
            if let interruption = state.interruption { throw interruption }
            if let first = state.hellos.first {
                state.chosen = first.caller
                return first.hello
            }
            if let failure = state.failure { throw failure }
            return nil
        }
    }

    /// Nobody is to wait for a hello any more.
    func interrupt(_ error: CrypTenError) {
        monitor.withLock { $0.interruption = error }
        monitor.wake()
    }

    /// All that wait for a session, now that there is one; on the event loop.
    ///
    /// - Throws: ``CrypTenError`` `.peerLost` where the session is that of a caller who has hung up meanwhile.
    func all(join session: TCPSession) throws -> [NIOLoopBound<HelloWaiter>] {
        try monitor.withLock { state in
            if let chosen = state.chosen, !state.hellos.contains(where: { $0.caller == chosen }) {
                throw WaitingCalls.givenUp
            }
            defer { state.waiters = [:] }
            state.session = session
            return Array(state.waiters.values)
        }
    }

    private static let givenUp = CrypTenError(
        .peerLost,
        "the first caller of a session hung up before the session began: see what it says, and start all its members again"
    )
}
