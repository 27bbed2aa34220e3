import CrypTenBase
package import CrypTenRing
private import Synchronization

/// A queue of a device of NVIDIA's.
///
/// Kernels, and the copies that they wait for, are one stream of the device: in order. Large copies to the host are another, beside the kernels:
/// they take a copy on the device, which the first stream makes, so later kernels may change what was copied. Whatever crosses the bus goes
/// through pinned memory.
package final class CUDAQueue: DeviceQueue {
    package let device: CUDADevice
    private let context: CUDAContext
    private let pinned: CUDAPinnedMemory
    private let staging: CUDAStaging
    private let state: Mutex<State>

    /// Safety of `@unchecked Sendable`: it's the lock's.
    private struct State: @unchecked Sendable {
        var kernels: [String: CUDAContext.Handle] = [:]
        var pool: DevicePool
    }

    package var name: String {
        "cuda"
    }

    package var deviceName: String {
        device.name
    }

    package var memoryBytes: Int {
        device.memoryBytes
    }

    /// What goes to the host and what comes from it is cut into pieces of so many bytes.
    package static let pieceBytes = 4 << 20
    /// So many pieces may be on their way to the device.
    private static let mostPieces = 8
    /// From so many bytes on a copy to the host is beside the kernels.
    package static let leastBytesApart = 256 << 10

    /// Makes a queue of a device, for which the driver compiles the kernels where it hasn't before.
    ///
    /// - Parameters:
    ///   - device: One of `CUDADevice.all()`.
    ///   - image: What the driver compiles.
    ///   - keptBytes: How much of what was freed is kept for later calls, at most.
    ///   - mostPinnedBytes: How much of the host's memory the device may reach at most, in use or kept; beyond, copies wait.
    /// - Throws: `.deviceUnavailable`, with what the compiler says, or `.notEnoughDeviceMemory`.
    package init(
        _ device: CUDADevice,
        image: String = KernelPTX.text,
        keptBytes: Int = 2 << 30,
        mostPinnedBytes: Int = 256 << 20
    ) throws {
        if let obstacle = device.obstacle { throw CrypTenError(.deviceUnavailable, obstacle) }
        self.device = device
        context = try CUDAContext(device, image: image)
        pinned = CUDAPinnedMemory(context, mostBytes: mostPinnedBytes)
        staging = CUDAStaging(context, pinned, blockBytes: Self.pieceBytes, mostBlocks: Self.mostPieces)
        state = Mutex(State(pool: DevicePool(limit: keptBytes)))
    }

    deinit {
        release(state.withLock { $0.pool.takeKept() })
    }

    package func check() throws {
        if let failure = context.failure { throw failure }
    }

    // MARK: Memory

    package func allocate(bytes: Int) throws -> DeviceBlock {
        try check()
        let bytes = DevicePool.rounded(bytes)
        if let block = state.withLock({ $0.pool.take(bytes: bytes) }) { return block }
        if let block = try allocateOnDevice(bytes) { return block }
        // What is kept in other sizes may be in the way.
        release(state.withLock { $0.pool.takeKept() })
        if let block = try allocateOnDevice(bytes) { return block }
        let free = (try? memory().free).map { ", of which \($0) are free" } ?? ""
        throw CrypTenError(
            .notEnoughDeviceMemory,
            "\(device.name) has no room for \(bytes) bytes more: it has \(device.memoryBytes)\(free); run fewer rows at a "
                + "time, or without the device"
        )
    }

    /// A block, or nil where there is no room.
    private func allocateOnDevice(_ bytes: Int) throws -> DeviceBlock? {
        var address: DeviceAddress = 0
        let code = try context.code { $0.allocate(&address, bytes) }
        if code == CUDAConstants.outOfMemory { return nil }
        try context.succeed(code, "allocating \(bytes) bytes")
        let block = DeviceBlock(address: address, bytes: bytes)
        state.withLock { $0.pool.add(block) }
        return block
    }

    /// How much memory of the device it has, in use or kept.
    package var heldBytes: Int {
        state.withLock { $0.pool.heldBytes }
    }

    /// How much memory of the host it has that the device reaches, in use or kept.
    package var heldPinnedBytes: Int {
        pinned.heldBytes
    }

    /// The device's memory that is anybody's to take now, and all that it has.
    ///
    /// What this queue keeps for later calls isn't free.
    package func memory() throws -> (free: Int, total: Int) {
        var (free, total) = (0, 0)
        try context.call("asking for its memory") { $0.memory(&free, &total) }
        return (free, total)
    }

    package func free(_ block: DeviceBlock) {
        release(state.withLock { $0.pool.giveBack(block) })
    }

    /// Overwrites blocks and gives them to the driver.
    private func release(_ blocks: [DeviceBlock]) {
        guard !blocks.isEmpty else { return }
        for block in blocks { context.giveBack { $0.fillBytes(block.address, 0, block.bytes, context.work) } }
        // Nothing of what is freed may be in use.
        context.giveBack { $0.synchronize(context.work) }
        for block in blocks { context.giveBack { $0.free(block.address) } }
    }

    package func wipe(_ address: DeviceAddress, bytes: Int) throws {
        guard bytes > 0 else { return }
        try context.call("overwriting memory") { $0.fillBytes(address, 0, bytes, context.work) }
    }

    package func wipeKept() throws {
        try check()
        // Under the lock, so that a block's next owner is behind in the queue.
        try state.withLock { state in
            for block in state.pool.takeUsed() { try wipe(block.address, bytes: block.bytes) }
        }
        try staging.wipe()
    }

    // MARK: Copies

    package func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws {
        try check()
        try staging.upload(from, bytes: bytes, to: address)
    }

    package func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws {
        try check()
        // While one piece is copied from pinned memory, the next is on its way there.
        var last: (transfer: CUDATransfer, to: UnsafeMutableRawPointer)?
        func take() throws {
            guard let (transfer, to) = last else { return }
            let bytes = try transfer.wait()
            if let from = bytes.baseAddress { to.copyMemory(from: from, byteCount: bytes.count) }
        }
        for start in stride(from: 0, to: bytes, by: Self.pieceBytes) {
            let piece = CUDATransfer(self, context, pinned)
            try piece.begin(address + UInt64(start), bytes: min(bytes - start, Self.pieceBytes))
            try take()
            last = (piece, to + start)
        }
        try take()
    }

    package func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer {
        try check()
        let transfer = CUDATransfer(self, context, pinned)
        if bytes >= Self.leastBytesApart {
            try transfer.beginApart(address, bytes: bytes)
        } else if bytes > 0 {
            try transfer.begin(address, bytes: bytes)
        }
        return transfer
    }

    // MARK: Kernels

    package func launch(
        _ kernel: String,
        groups: DeviceGroups,
        threads: Int,
        arguments: UnsafeRawBufferPointer
    ) throws {
        guard !groups.isEmpty else { return }
        let function = try function(kernel)
        // The driver copies the struct, of which it knows the size, before it returns.
        var arguments = UnsafeMutableRawPointer(mutating: arguments.baseAddress)
        try context.call("starting its kernel \(kernel)") {
            $0.launch(
                function,
                UInt32(clamping: groups.x),
                UInt32(clamping: groups.y),
                UInt32(clamping: groups.z),
                UInt32(threads),
                1,
                1,
                0,
                context.work,
                &arguments,
                nil
            )
        }
    }

    private func function(_ kernel: String) throws -> CUDAContext.Handle {
        try state.withLock { state in
            if let function = state.kernels[kernel] { return function }
            let function = try context.function(kernel)
            state.kernels[kernel] = function
            return function
        }
    }

    package func finish() throws {
        try context.call("waiting for it") { $0.synchronize(context.work) }
        try context.call("waiting for it") { $0.synchronize(context.copies) }
    }
}
