import Dispatch
import NIOCore

/// A channel without a network: what is flushed is kept for whoever asks, and nothing comes but what is handed in.
///
/// SwiftNIO's TLS is a handler, which wants a channel and its event loop around it; here both are the caller's own call. So bytes are
/// encrypted and decrypted by the thread that needs them, without another one that would have to be woken.
final class MemoryChannel: Channel, ChannelCore, @unchecked Sendable {
    // Sendable: the engine that has made it calls it under its owner's lock, and gives it to nobody but its handlers.
    private let loop = HeldLoop()
    private let closePromise: EventLoopPromise<Void>
    private var kept: ChannelPipeline?
    private var unflushed: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var flushed: [ByteBuffer] = []
    private(set) var isActive = false
    private(set) var isOpen = true

    let allocator = ByteBufferAllocator()
    let localAddress: SocketAddress? = nil
    let remoteAddress: SocketAddress? = nil
    let parent: (any Channel)? = nil
    let isWritable = true

    init() {
        closePromise = loop.makePromise()
        kept = ChannelPipeline(channel: self)
    }

    deinit {
        closePromise.succeed(())
    }

    var eventLoop: any EventLoop { loop }

    var pipeline: ChannelPipeline {
        guard let kept else { preconditionFailure("a channel has its pipeline until it is given up") }
        return kept
    }

    var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }

    var _channelCore: any ChannelCore { self }

    // MARK: For the owner

    /// Begins, with the handlers that are there.
    func activate() {
        isActive = true
        pipeline.syncOperations.fireChannelActive()
        loop.run()
    }

    /// Hands bytes in, as if they had come from a network.
    func receive(_ bytes: ByteBuffer) {
        guard isOpen else { return }
        pipeline.syncOperations.fireChannelRead(NIOAny(bytes))
        if isOpen { pipeline.syncOperations.fireChannelReadComplete() }
        loop.run()
    }

    /// Sends bytes through the handlers.
    func send(_ bytes: ByteBuffer) {
        guard isOpen else { return }
        pipeline.syncOperations.writeAndFlush(NIOAny(bytes), promise: nil)
        loop.run()
    }

    /// Has the handlers send what ends their part of the conversation.
    func endSending() {
        guard isOpen else { return }
        pipeline.syncOperations.close(mode: .output, promise: nil)
        loop.run()
    }

    /// What would have gone to the network since the last call.
    func takeFlushed() -> [ByteBuffer] {
        defer { flushed = [] }
        return flushed
    }

    /// Takes the handlers away: they and the channel hold each other.
    func giveUp() {
        if isOpen { close0(error: ChannelError.alreadyClosed, mode: .all, promise: nil) }
        loop.run()
        kept = nil
    }

    // MARK: For the handlers

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        unflushed.append((unwrapData(data, as: ByteBuffer.self), promise))
    }

    func flush0() {
        for (bytes, promise) in unflushed {
            flushed.append(bytes)
            promise?.succeed(())
        }
        unflushed = []
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, isOpen else {
            promise?.succeed(())
            return
        }
        (isOpen, isActive) = (false, false)
        promise?.succeed(())
        // After whoever has called for it: it is still in the pipeline.
        loop.execute { [self] in
            guard let kept else { return }
            kept.syncOperations.fireChannelInactive()
            removeHandlers(pipeline: kept)
        }
    }

    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }

    func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }

    func register0(promise: EventLoopPromise<Void>?) { promise?.succeed(()) }

    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { promise?.succeed(()) }

    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }

    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func read0() {}

    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func channelRead0(_ data: NIOAny) {}

    func errorCaught0(error: any Error) {}

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        loop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        do {
            return loop.makeSucceededFuture(try Options().getOption(option))
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    var syncOptions: (any NIOSynchronousChannelOptions)? { Options() }

    /// The two that a handler for TLS asks for are on: who is told that nothing more comes may still send, and all that comes is read.
    private struct Options: NIOSynchronousChannelOptions {
        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
            throw ChannelError.operationUnsupported
        }

        func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            let isOn =
                option is ChannelOptions.Types.AllowRemoteHalfClosureOption
                || option is ChannelOptions.Types.AutoReadOption
            guard isOn, let value = true as? Option.Value else { throw ChannelError.operationUnsupported }
            return value
        }
    }
}

/// The loop of whoever holds a ``MemoryChannel``: what it is given runs before the owner's call returns, on the same thread.
private final class HeldLoop: EventLoop, @unchecked Sendable {
    // Sendable: as its channel.
    private var tasks: [@Sendable () -> Void] = []

    /// Whoever calls holds the owner's lock, and with it the loop.
    let inEventLoop = true

    func execute(_ task: @escaping @Sendable () -> Void) {
        tasks.append(task)
    }

    /// Runs all tasks, and those that they add.
    func run() {
        while !tasks.isEmpty {
            let due = tasks
            tasks = []
            for task in due { task() }
        }
    }

    /// Nothing comes later: who waits for a peer keeps the time itself.
    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        promise.fail(EventLoopError.cancelled)
        return Scheduled(promise: promise, cancellationTask: {})
    }

    func scheduleTask<T>(in: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: .distantFuture, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        queue.async { callback(nil) }
    }
}
