import CrypTenBase
package import CrypTenRing
private import Synchronization

/// A queue of an OpenCL device, with memory that host and device name by the same addresses.
///
/// Safety of `@unchecked Sendable`: the handles are constants, and OpenCL's functions may be called from any thread, those of one kernel from
/// one at a time: kernels and the pool are touched under the lock alone.
package final class OpenCLQueue: DeviceQueue, @unchecked Sendable {
    package let device: OpenCLDevice
    fileprivate let library: OpenCLLibrary
    private let context, queue, program: OpenCLLibrary.Handle
    private let staging: OpenCLStaging
    private let state: Mutex<State>

    package var name: String {
        "opencl"
    }

    package var deviceName: String {
        device.name
    }

    package var memoryBytes: Int {
        device.memoryBytes
    }

    /// Safety of `@unchecked Sendable`: it's the lock's.
    private struct State: @unchecked Sendable {
        struct Kernel {
            let handle: OpenCLLibrary.Handle
            /// Which blocks were named to it: those of this generation of the pool.
            var generation = 0
        }

        var kernels: [String: Kernel] = [:]
        var pool: DevicePool
        var failure: CrypTenError?
    }

    /// Makes a queue of a device, and compiles the kernels for it.
    ///
    /// - Parameters:
    ///   - device: One of `OpenCLDevice.all()`.
    ///   - source: What is compiled.
    ///   - keptBytes: How much of what was freed is kept for later calls, at most.
    /// - Throws: `.deviceUnavailable`, with what the compiler says.
    package init(_ device: OpenCLDevice, source: String = KernelSource.text, keptBytes: Int = 512 << 20) throws {
        if let obstacle = device.obstacle { throw CrypTenError(.deviceUnavailable, obstacle) }
        let library = try OpenCLLibrary.shared()
        func checked(
            _ handle: OpenCLLibrary.Handle?,
            _ code: OpenCLLibrary.Code,
            _ what: String
        ) throws
            -> OpenCLLibrary.Handle
        {
            guard let handle, code == 0 else {
                throw CrypTenError(.deviceUnavailable, "\(device.name) gives no \(what): error \(code)")
            }
            return handle
        }
        var code: OpenCLLibrary.Code = 0
        var devices: OpenCLLibrary.Handle? = device.handle
        let context = try checked(library.createContext(nil, 1, &devices, nil, nil, &code), code, "context")
        do {
            let queue = try checked(library.createQueue(context, device.handle, nil, &code), code, "queue")
            do {
                let program = try Self.build(source, context, device, library)
                (self.context, self.queue, self.program) = (context, queue, program)
            } catch {
                _ = library.releaseQueue(queue)
                throw error
            }
        } catch {
            _ = library.releaseContext(context)
            throw error
        }
        self.device = device
        self.library = library
        staging = OpenCLStaging(library, mostBytes: 64 << 20)
        state = Mutex(State(pool: DevicePool(limit: keptBytes)))
    }

    private static func build(
        _ source: String,
        _ context: OpenCLLibrary.Handle,
        _ device: OpenCLDevice,
        _ library: OpenCLLibrary
    ) throws -> OpenCLLibrary.Handle {
        var code: OpenCLLibrary.Code = 0
        let program = source.withCString { text in
            var text: UnsafePointer<CChar>? = text
            return library.createProgram(context, 1, &text, nil, &code)
        }
        guard let program, code == 0 else {
            throw CrypTenError(.deviceUnavailable, "\(device.name) makes no program: error \(code)")
        }
        // Processors compile unrolled loops for minutes.
        let options = "-cl-std=CL2.0" + (device.isProcessor ? " -DPLAIN_LOOPS" : "")
        var devices: OpenCLLibrary.Handle? = device.handle
        code = library.buildProgram(program, 1, &devices, options, nil, nil)
        guard code == 0 else {
            var length = 0
            _ = library.getBuildInfo(program, device.handle, OpenCLConstants.buildLog, 0, nil, &length)
            var log = [UInt8](repeating: 0, count: length)
            _ = library.getBuildInfo(program, device.handle, OpenCLConstants.buildLog, length, &log, nil)
            _ = library.releaseProgram(program)
            let text = String(decoding: log.prefix { $0 != 0 }.prefix(4096), as: UTF8.self)
            throw CrypTenError(
                .deviceUnavailable,
                "\(device.name) doesn't compile the kernels (error \(code)):\n\(text)"
            )
        }
        return program
    }

    deinit {
        _ = staging.empty()
        let (blocks, kernels) = state.withLock { state in
            (state.pool.takeKept(), state.kernels.values.map(\.handle))
        }
        release(blocks)
        for kernel in kernels { _ = library.releaseKernel(kernel) }
        _ = library.releaseProgram(program)
        _ = library.releaseQueue(queue)
        _ = library.releaseContext(context)
    }

    // MARK: Memory

    package func allocate(bytes: Int) throws -> DeviceBlock {
        let bytes = DevicePool.rounded(bytes)
        if let block = try state.withLock({ state in
            if let failure = state.failure { throw failure }
            return state.pool.take(bytes: bytes)
        }) {
            return block
        }
        if let block = allocateOnDevice(bytes) { return block }
        // What is kept in other sizes may be in the way.
        release(state.withLock { $0.pool.takeKept() })
        if let block = allocateOnDevice(bytes) { return block }
        throw CrypTenError(
            .notEnoughDeviceMemory,
            "\(device.name) has no room for \(bytes) bytes more: run fewer rows at a time, or without the device"
        )
    }

    /// How much memory of the device it has, in use or kept.
    package var heldBytes: Int {
        state.withLock { $0.pool.heldBytes }
    }

    private func allocateOnDevice(_ bytes: Int) -> DeviceBlock? {
        guard let memory = library.allocate(context, OpenCLConstants.readWrite, bytes, 0) else { return nil }
        let block = DeviceBlock(address: DeviceAddress(UInt(bitPattern: memory)), bytes: bytes)
        state.withLock { $0.pool.add(block) }
        return block
    }

    package func free(_ block: DeviceBlock) {
        release(state.withLock { $0.pool.giveBack(block) })
    }

    /// Overwrites blocks and gives them to the driver.
    private func release(_ blocks: [DeviceBlock]) {
        guard !blocks.isEmpty else { return }
        for block in blocks { _ = fill(block.address, block.bytes) }
        // Nothing of what is freed may be in use.
        _ = library.finish(queue)
        for block in blocks { library.free(context, pointer(block.address)) }
    }

    private func pointer(_ address: DeviceAddress) -> UnsafeMutableRawPointer {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
            preconditionFailure("no device has memory at address 0")
        }
        return pointer
    }

    // MARK: What is queued

    package func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws {
        guard bytes > 0 else { return }
        try check()
        let code = staging.upload(from, bytes: bytes) {
            library.enqueueCopy(queue, 0, pointer(address), $0, bytes, 0, nil, &$1)
        }
        try succeed(
            code ?? library.enqueueCopy(queue, 1, pointer(address), from, bytes, 0, nil, nil),
            "copying to it"
        )
    }

    package func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws {
        guard bytes > 0 else { return }
        try check()
        try succeed(library.enqueueCopy(queue, 1, to, pointer(address), bytes, 0, nil, nil), "copying from it")
    }

    package func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer {
        try check()
        let transfer = OpenCLTransfer(self, bytes: bytes)
        guard bytes > 0 else { return transfer }
        try succeed(
            library.enqueueCopy(queue, 0, transfer.memory, pointer(address), bytes, 0, nil, &transfer.event),
            "copying from it"
        )
        // Else a driver may let it lie until somebody waits.
        try succeed(library.flush(queue), "copying from it")
        return transfer
    }

    package func launch(
        _ kernel: String,
        groups: DeviceGroups,
        threads: Int,
        arguments: UnsafeRawBufferPointer
    ) throws {
        guard !groups.isEmpty else { return }
        let code: OpenCLLibrary.Code = try state.withLock { state in
            if let failure = state.failure { throw failure }
            var code: OpenCLLibrary.Code = 0
            guard var entry = state.kernels[kernel] ?? make(kernel, &code) else { return code }
            if entry.generation != state.pool.generation {
                // Addresses stand in a struct, and in memory, where the driver doesn't see them: it is told of all blocks.
                let blocks = state.pool.addresses
                code = blocks.withUnsafeBytes {
                    library.setExecutionInfo(entry.handle, OpenCLConstants.namedBlocks, $0.count, $0.baseAddress!)
                }
                entry.generation = state.pool.generation
            }
            state.kernels[kernel] = entry
            guard code == 0 else { return code }
            code = library.setArgument(entry.handle, 0, arguments.count, arguments.baseAddress)
            guard code == 0 else { return code }
            let global = [groups.x * threads, groups.y, groups.z]
            return library.enqueueKernel(queue, entry.handle, 3, nil, global, [threads, 1, 1], 0, nil, nil)
        }
        try succeed(code, "starting its kernel \(kernel)")
    }

    private func make(_ kernel: String, _ code: inout OpenCLLibrary.Code) -> State.Kernel? {
        library.createKernel(program, kernel, &code).map { State.Kernel(handle: $0) }
    }

    package func finish() throws {
        try check()
        try succeed(library.finish(queue), "waiting for it")
    }

    package func wipeKept() throws {
        // Under the lock, so that a block's next owner is behind in the queue.
        let code: OpenCLLibrary.Code = try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.pool.takeUsed().lazy.map { self.fill($0.address, $0.bytes) }.first { $0 != 0 } ?? 0
        }
        try succeed(code, "overwriting memory")
        try succeed(staging.empty(), "copying to it")
    }

    package func wipe(_ address: DeviceAddress, bytes: Int) throws {
        guard bytes > 0 else { return }
        try check()
        try succeed(fill(address, bytes), "overwriting memory")
    }

    private func fill(_ address: DeviceAddress, _ bytes: Int) -> OpenCLLibrary.Code {
        var zero: UInt64 = 0
        return library.enqueueFill(queue, pointer(address), &zero, 8, bytes, 0, nil, nil)
    }

    package func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    fileprivate func succeed(_ code: OpenCLLibrary.Code, _ what: String) throws {
        guard code != 0 else { return }
        let failure = CrypTenError(.deviceFailed, "\(device.name) failed, \(what): error \(code)")
        throw state.withLock { state in
            state.failure = state.failure ?? failure
            return state.failure ?? failure
        }
    }
}

/// A copy that an OpenCL queue makes.
///
/// Safety of `@unchecked Sendable`: nothing changes after it was queued, but the memory, which is read when the event has come.
private final class OpenCLTransfer: DeviceTransfer, @unchecked Sendable {
    private let queue: OpenCLQueue
    private let block: StoragePool.Block
    private let bytes: Int
    fileprivate(set) var event: OpenCLLibrary.Handle?

    init(_ queue: OpenCLQueue, bytes: Int) {
        self.queue = queue
        self.bytes = bytes
        block = StoragePool.shared.take(words: (bytes + 7) / 8)
    }

    var memory: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(block.words)
    }

    func wait() throws -> UnsafeRawBufferPointer {
        try queue.check()
        var handle = event
        if handle != nil { try queue.succeed(queue.library.waitForEvents(1, &handle), "copying from it") }
        return UnsafeRawBufferPointer(start: block.words, count: bytes)
    }

    deinit {
        // Nobody may write to memory that is somebody else's.
        var handle = event
        if let event {
            _ = queue.library.waitForEvents(1, &handle)
            _ = queue.library.releaseEvent(event)
        }
        StoragePool.shared.giveBack(block)
    }
}
