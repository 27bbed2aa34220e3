import CrypTenBase
import CrypTenIdentity
import Logging
import NIOConcurrencyHelpers
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the doors of one member have in common.
struct DoorKeeper: Sendable {
    /// Who the member is.
    var role: Role
    var membership: Membership
    var logger: Logger
    /// Told of each caller that isn't let in, and why.
    var refused: @Sendable (CrypTenError) -> Void = { _ in }
}

/// Lets a connection in: makes the handshake of TLS, has both ends judge each other's certificate, and says what came of it.
///
/// Until then nothing else is read. Then it stands between TLS and whoever reads on this event loop, or gives the conversation away
/// to a thread of its own (``release()``).
final class TLSDoor: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// Nothing was said. Next: `.handshaking`.
        case closed
        /// TLS isn't there yet. Next: `.judging`, or `.ended`.
        case handshaking(TLSEngine)
        /// The other end's admission hasn't come yet. Next: `.open`, or `.ended`.
        case judging(TLSEngine, theirs: MemberCertificate?)
        /// Both ends take each other. Next: `.ended`.
        case open(TLSEngine, CertifiedPeer)
        /// Refused, given away or gone.
        case ended
    }

    /// How long a caller may take.
    private static let patience = TimeAmount.seconds(10)
    /// How long who was refused may take to hang up: closing at once might lose what it is told.
    private static let farewell = TimeAmount.seconds(1)

    private let keeper: DoorKeeper
    /// Whom we called; nil when we were called.
    private let called: Role?
    /// Where the other end is.
    private let address: String
    /// The name by which we called it; nil for a number.
    private let host: String?
    private let identity: MemberIdentity
    /// Done when the connection is let in; only who calls waits for it.
    private let admitted: EventLoopPromise<Void>?
    private var state = State.closed
    private var bytes = ByteBuffer()

    /// A door for a connection that someone has made to us.
    init(_ keeper: DoorKeeper, caller address: String) {
        self.keeper = keeper
        self.address = address
        called = nil
        host = nil
        admitted = nil
        identity = keeper.membership.shown(at: Date())
    }

    /// A door for a connection that we have made to `peer`.
    init(_ keeper: DoorKeeper, calling peer: Role, at address: TCPAddress?, admitted: EventLoopPromise<Void>) {
        self.keeper = keeper
        self.address = address?.description ?? "its address"
        host = address?.serverName
        called = peer
        self.admitted = admitted
        identity = keeper.membership.shown(at: Date())
    }

    /// Gives away a conversation that both ends have let in; nil where there is none.
    func release() -> (engine: TLSEngine, peer: CertifiedPeer)? {
        guard case .open(let engine, let peer) = state else { return nil }
        state = .ended
        return (engine, peer)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let ciphertext = unwrapInboundIn(data)
        switch state {
        case .handshaking(let engine), .judging(let engine, _), .open(let engine, _):
            engine.receive(ciphertext)
            advance(engine, context)
        case .closed, .ended:
            break
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .open(let engine, _) = state else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        engine.send(unwrapOutboundIn(data))
        send(engine, context, promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .handshaking, .judging:
            state = .ended
            keeper.logger.debug("\(place) hung up during the TLS handshake")
            admitted?.fail(HungUp())
        case .closed:
            admitted?.fail(HungUp())
        case .open, .ended:
            break
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// The other end is gone before it was let in: it may come back.
    struct HungUp: Error, CustomStringConvertible {
        let description = "it hung up during the TLS handshake"
    }

    // MARK: Step by step

    private func begin(_ context: ChannelHandlerContext) {
        guard case .closed = state else { return }
        let engine: TLSEngine
        do {
            engine = try TLSEngine(isCaller: called != nil, calling: host, showing: identity)
        } catch {
            let unusable = CrypTenError(.invalidArgument, "\(identity) can't be used for TLS", cause: error)
            return end(unusable, engine: nil, context)
        }
        state = .handshaking(engine)
        engine.begin()
        send(engine, context)
        // Whom we called may not be ready to answer yet; who calls is.
        guard called == nil else { return }
        let door = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: TLSDoor.patience) {
            let (door, context) = door.value
            door.losePatience(context)
        }
    }

    private func losePatience(_ context: ChannelHandlerContext) {
        switch state {
        case .handshaking(let engine), .judging(let engine, _):
            let slow = CrypTenError(.timedOut, "\(place) didn't finish the TLS handshake within \(TLSDoor.patience)")
            end(slow, engine: engine, context)
        case .closed, .open, .ended:
            break
        }
    }

    private func advance(_ engine: TLSEngine, _ context: ChannelHandlerContext) {
        send(engine, context)
        if let failure = engine.failure { return end(refusal(failure), engine: engine, context) }
        if case .handshaking = state {
            guard engine.isEstablished else { return ended(engine, context) }
            guard judgeCallee(engine, context) else { return }
        }
        for piece in engine.takePlaintext() { take(piece, engine, context) }
        ended(engine, context)
    }

    /// Passes on that the other end says no more.
    private func ended(_ engine: TLSEngine, _ context: ChannelHandlerContext) {
        if engine.hasEnded { context.close(promise: nil) }
    }

    /// Judges whom we called, and tells it; whether it is let in.
    private func judgeCallee(_ engine: TLSEngine, _ context: ChannelHandlerContext) -> Bool {
        guard let called else {
            state = .judging(engine, theirs: nil)
            return true
        }
        let now = Date()
        let judgement = keeper.membership.judge(engine.peerCertificate, as: called, at: now)
        engine.send(Admission(judgement.verdict, from: keeper.role, to: called).encoded)
        guard judgement.verdict == .admitted, let theirs = judgement.certificate else {
            end(judgement.refusal(of: place, as: called, at: now), engine: engine, context)
            return false
        }
        state = .judging(engine, theirs: theirs)
        send(engine, context)
        return true
    }

    private func take(_ piece: ByteBuffer, _ engine: TLSEngine, _ context: ChannelHandlerContext) {
        switch state {
        case .judging(_, let theirs):
            bytes.writeImmutableBuffer(piece)
            do {
                guard let admission = try Admission.read(from: &bytes) else { return }
                try admitted(admission, theirs, engine, context)
            } catch {
                let known = error as? CrypTenError
                end(known ?? CrypTenError(.malformedFrame, "unreadable bytes", cause: error), engine: engine, context)
            }
        case .open:
            context.fireChannelRead(wrapInboundOut(piece))
        case .closed, .handshaking, .ended:
            break
        }
    }

    /// The other end's admission is here.
    private func admitted(
        _ admission: Admission,
        _ theirs: MemberCertificate?,
        _ engine: TLSEngine,
        _ context: ChannelHandlerContext
    ) throws {
        let role = called ?? admission.sender
        guard admission.verdict == .admitted else {
            throw admission.verdict.told(by: place(of: role), to: keeper.role, showing: identity.certificate)
        }
        if let theirs { return open(engine, role, theirs, context) }
        let now = Date()
        let judgement = keeper.membership.judge(engine.peerCertificate, as: role, at: now)
        engine.send(Admission(judgement.verdict, from: keeper.role, to: role).encoded)
        guard judgement.verdict == .admitted, let theirs = judgement.certificate else {
            throw judgement.refusal(of: place(of: role), as: role, at: now)
        }
        open(engine, role, theirs, context)
    }

    private func open(
        _ engine: TLSEngine,
        _ role: Role,
        _ theirs: MemberCertificate,
        _ context: ChannelHandlerContext
    ) {
        keeper.logger.info("\(place(of: role)) is \"\(theirs.name)\", \(theirs.fingerprint)")
        if let warning = Membership.warning("the certificate of \(role)", theirs, at: Date()) {
            keeper.logger.warning("\(warning)")
        }
        state = .open(engine, CertifiedPeer(role: role, theirs: theirs, ours: identity.certificate))
        // Whoever takes the conversation over closes this channel: what is said must have gone.
        let sent = context.eventLoop.makePromise(of: Void.self)
        let door = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        sent.futureResult.whenComplete { _ in
            let (door, context) = door.value
            guard case .open = door.state else { return }
            door.admitted?.succeed(())
            if door.called == nil { context.fireChannelActive() }
        }
        send(engine, context, sent)
    }

    /// Tells the other end what there is to tell, and hangs up.
    private func end(_ error: CrypTenError, engine: TLSEngine?, _ context: ChannelHandlerContext) {
        state = .ended
        keeper.logger.warning("\(called == nil ? "turned a caller away" : "ended a call"): \(error)")
        keeper.refused(error)
        if let engine {
            engine.endSending()
            send(engine, context)
        }
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: TLSDoor.farewell) { channel.close(promise: nil) }
        admitted?.fail(error)
    }

    private func send(_ engine: TLSEngine, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>? = nil) {
        let ciphertext = engine.takeCiphertext()
        for piece in ciphertext.dropLast() { context.write(wrapOutboundOut(piece), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ciphertext.last ?? ByteBuffer()), promise: promise)
    }

    // MARK: Words

    private var place: String { place(of: called) }

    private func place(of role: Role?) -> String {
        if let called { return "\(called) at \(address)" }
        return role.map { "the caller at \(address), as \($0)," } ?? "the caller at \(address)"
    }

    /// Why a handshake has failed.
    private func refusal(_ failure: any Error) -> CrypTenError {
        let text = "\(failure)"
        if ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"].contains(where: text.contains) {
            return CrypTenError(
                .insecureTransport,
                "\(place) doesn't speak TLS: give every member an identity (--identity FILE), or none"
            )
        }
        if ["UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION"].contains(where: text.contains) {
            return CrypTenError(.insecureTransport, "\(place) speaks no TLS 1.3, and nothing older is taken")
        }
        return CrypTenError(.malformedFrame, "the TLS handshake with \(place) failed", cause: failure)
    }
}

/// How many doors stand open for callers that aren't let in yet: who has no certificate can do nothing but open a connection, and
/// so many of them.
final class Turnstile: Sendable {
    private static let most = 64

    private let count = NIOLockedValueBox(0)

    /// A door for one more that calls.
    ///
    /// - Throws: ``CrypTenError`` `.sessionClosed` where too many wait: the channel is to be closed.
    func door(_ keeper: DoorKeeper, for caller: any Channel) throws -> TLSDoor {
        let isFull = count.withLockedValue { count in
            guard count < Turnstile.most else { return true }
            count += 1
            return false
        }
        guard !isFull else { throw CrypTenError(.sessionClosed, "too many callers that haven't shown who they are") }
        caller.closeFuture.whenComplete { _ in self.count.withLockedValue { $0 -= 1 } }
        let address = (caller.remoteAddress).flatMap { address in
            address.ipAddress.flatMap { host in address.port.map { TCPAddress(host: host, port: $0).description } }
        }
        return TLSDoor(keeper, caller: address ?? "an unknown address")
    }
}
