import CrypTenBase
import CrypTenRing
private import Synchronization

/// A copy to pinned memory that a CUDA queue makes.
///
/// Safety of `@unchecked Sendable`: once it has begun nothing changes but the memory, which is read when the event has come, and what the lock
/// guards.
final class CUDATransfer: DeviceTransfer, @unchecked Sendable {
    private let queue: CUDAQueue
    private let context: CUDAContext
    private let pinned: CUDAPinnedMemory
    private var block: DeviceBlock?
    private var bytes = 0
    private var event: CUDAContext.Handle?
    /// A block of the device that is read from beside the kernels, until it has been.
    private let copied = Mutex<DeviceBlock?>(nil)

    init(_ queue: CUDAQueue, _ context: CUDAContext, _ pinned: CUDAPinnedMemory) {
        self.queue = queue
        self.context = context
        self.pinned = pinned
    }

    /// Queues the copy among the kernels.
    func begin(_ address: DeviceAddress, bytes: Int) throws {
        let memory = try take(bytes)
        try context.call("copying from it") { $0.copyFromDevice(memory, address, bytes, context.work) }
        event = try context.event(after: context.work)
    }

    /// Queues the copy beside the kernels: they wait only until it's copied on the device, which has a hundred times the bus's speed.
    func beginApart(_ address: DeviceAddress, bytes: Int) throws {
        let copy: DeviceBlock
        do {
            copy = try queue.allocate(bytes: bytes)
        } catch let error as CrypTenError where error.code == .notEnoughDeviceMemory {
            return try begin(address, bytes: bytes)
        }
        copied.withLock { $0 = copy }
        let memory = try take(bytes)
        try context.call("copying on it") { $0.copyOnDevice(copy.address, address, bytes, context.work) }
        let ready = try context.event(after: context.work)
        // The stream waits for what the event stands for now, whatever it is used for next.
        defer { context.giveBack(ready) }
        try context.call("copying from it") { $0.streamWait(context.copies, ready, 0) }
        try context.call("copying from it") { $0.copyFromDevice(memory, copy.address, bytes, context.copies) }
        event = try context.event(after: context.copies)
    }

    private func take(_ bytes: Int) throws -> UnsafeMutableRawPointer {
        let block = try pinned.take(bytes: bytes)
        (self.block, self.bytes) = (block, bytes)
        return block.hostMemory
    }

    func wait() throws -> UnsafeRawBufferPointer {
        if let failure = context.failure { throw failure }
        guard let event, let block else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        try context.wait(for: event)
        freeCopied()
        return UnsafeRawBufferPointer(start: block.hostMemory, count: bytes)
    }

    private func freeCopied() {
        if let copy = copied.withLock({ $0.take() }) { queue.free(copy) }
    }

    deinit {
        // Nobody may read or write memory that is somebody else's.
        if let event {
            context.giveBack { $0.waitForEvent(event) }
            context.giveBack(event)
        } else if block != nil {
            context.giveBack { $0.synchronize(context.work) }
            context.giveBack { $0.synchronize(context.copies) }
        }
        freeCopied()
        if let block { pinned.giveBack(block) }
    }
}
