import CrypTenBase
import Foundation
import Logging
import NIOCore

/// The receiving half of one TCP connection, and the one who drives its conversation; lives on the event loop.
final class TCPConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let session: TCPSession
    private let calledPeer: Role?
    private var machine: ConnectionStateMachine
    private var assembler = FrameAssembler()
    private var link: TCPLink?
    /// Who is at the other end, once the handshake is done.
    private var peer: Role?
    private var isReading = true
    private var lastError: (any Error)?
    private var ticks: RepeatedTask?

    /// The handler of a connection that we make to `peer`, or of one that someone makes to us.
    init(_ session: TCPSession, calling peer: Role?) {
        self.session = session
        calledPeer = peer
        machine = ConnectionStateMachine(
            session.identity,
            calling: peer,
            timeout: session.configuration.silenceLimit
        )
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        guard channel.localAddress != channel.remoteAddress else {
            // A port that nobody listens on can be given to the caller itself, who then reaches himself; the dialer retries.
            context.close(promise: nil)
            return
        }
        let link = TCPLink(
            channel,
            session.identity,
            calling: calledPeer,
            session.inbox,
            session.traffic,
            limit: session.configuration.sendQueueLimit
        )
        let socket = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            TCPSocket(duplicating: $0)
        }
        link.connected(socket ?? nil)
        self.link = link
        session.began(link)
        let interval = TimeAmount(session.configuration.heartbeatInterval)
        let handler = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        ticks = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            handler.value.0.tick(context: handler.value.1)
        }
        perform(machine.connected(), context: context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        machine.heard(at: .now)
        assembler.append(unwrapInboundIn(data))
        do {
            while let raw = try assembler.next(limit: machine.payloadLimit) {
                if let peer {
                    session.traffic.countReceived(raw, from: peer)
                }
                perform(machine.received(raw), context: context)
            }
        } catch {
            assembler = FrameAssembler()
            perform(
                machine.failed(
                    error as? CrypTenError ?? CrypTenError(.malformedFrame, "unreadable bytes", cause: error)
                ),
                context: context
            )
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ticks?.cancel()
        ticks = nil
        guard let link else { return }
        perform(machine.disconnected(betweenFrames: assembler.isBetweenFrames, cause: lastError), context: context)
        link.disconnected()
        session.ended(link)
        self.link = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = error
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? TCPLink.Command {
        case .end(let error):
            perform(machine.end(error), context: context)
        case .resumeReading:
            setReading(true, context: context)
        case nil:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func tick(context: ChannelHandlerContext) {
        let isQuiet = link?.tickedQuietly() ?? false
        perform(machine.tick(at: .now, isQuiet: isQuiet, isReading: isReading), context: context)
    }

    private func perform(_ action: ConnectionStateMachine.Action, context: ChannelHandlerContext) {
        guard let link else { return }
        switch action {
        case .wait:
            break
        case .send(let frame):
            link.post(frame)
        case .introduced(let caller):
            link.introduced(caller)
            let refusal = session.claim(caller, for: link)
            perform(refusal.map { machine.refuse($0) } ?? machine.admit(), context: context)
        case .open(let peer, let secret, let answer):
            self.peer = peer
            link.agreed(with: peer, secret)
            answer.map(link.post)
            let onRoom: @Sendable () -> Void = { link.command(.resumeReading) }
            session.inbox.onRoom(for: peer, onRoom)
            session.opened(peer, link, secret)
        case .deliver(let frame):
            if let peer, !session.inbox.deliver(frame, from: peer) {
                setReading(false, context: context)
            }
        case .peerLeft:
            if let peer {
                session.inbox.peerLeft(peer)
            }
            context.close(promise: nil)
        case .leave(let frame):
            leave(frame, link, context: context)
        case .fail(let error, let last):
            session.failed(error, link)
            leave(last, link, context: context)
        case .turnAway(let error, let last):
            session.configuration.logger.warning("turned a caller away: \(error)")
            leave(last, link, context: context)
        case .close:
            context.close(promise: nil)
        }
    }

    /// Sends the last frame and waits a while for the peer to hang up: closing at once, with bytes unread, would reset the
    /// connection, and the peer might never see why.
    private func leave(_ last: Frame?, _ link: TCPLink, context: ChannelHandlerContext) {
        guard let last else {
            context.close(promise: nil)
            return
        }
        link.postLast(last)
        setReading(true, context: context)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: TimeAmount(session.configuration.closeLimit)) {
            channel.close(promise: nil)
        }
    }

    private func setReading(_ isReading: Bool, context: ChannelHandlerContext) {
        guard self.isReading != isReading else { return }
        self.isReading = isReading
        let options = context.channel.syncOptions
        do {
            try options?.setOption(.autoRead, value: isReading)
        } catch {
            context.fireErrorCaught(error)
        }
    }
}
