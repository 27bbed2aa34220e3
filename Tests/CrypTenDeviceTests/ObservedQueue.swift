import CrypTenDevice
import CrypTenRing
import Synchronization

/// A queue that passes on what it is asked for, and remembers kernels and room.
final class ObservedQueue: DeviceQueue {
    struct Seen: Equatable {
        var launches: [String: Int] = [:]
        /// Words of blocks that were allocated.
        var words = 0
    }

    private let queue: any DeviceQueue
    private let state = Mutex((seen: Seen(), largest: 0))

    init(_ queue: any DeviceQueue) {
        self.queue = queue
    }

    /// The kernels that it was asked for.
    var launches: [String: Int] { state.withLock { $0.seen.launches } }
    /// The bytes of the largest block that it was asked for.
    var largest: Int { state.withLock { $0.largest } }

    /// What a body asks for.
    func seen(_ body: () throws -> Void) rethrows -> Seen {
        state.withLock { $0.seen = Seen() }
        try body()
        return state.withLock { $0.seen }
    }

    var name: String { queue.name }
    var deviceName: String { queue.deviceName }
    var memoryBytes: Int { queue.memoryBytes }

    func allocate(bytes: Int) throws -> DeviceBlock {
        state.withLock { state in
            state.seen.words += bytes / 8
            state.largest = max(state.largest, bytes)
        }
        return try queue.allocate(bytes: bytes)
    }

    func launch(
        _ kernel: String,
        groups: DeviceGroups,
        threads: Int,
        arguments: UnsafeRawBufferPointer
    ) throws {
        state.withLock { $0.seen.launches[kernel, default: 0] += 1 }
        try queue.launch(kernel, groups: groups, threads: threads, arguments: arguments)
    }

    func free(_ block: DeviceBlock) {
        queue.free(block)
    }

    func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws {
        try queue.upload(from, bytes: bytes, to: address)
    }

    func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws {
        try queue.download(address, bytes: bytes, to: to)
    }

    func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer {
        try queue.beginDownload(address, bytes: bytes)
    }

    func wipe(_ address: DeviceAddress, bytes: Int) throws {
        try queue.wipe(address, bytes: bytes)
    }

    func finish() throws {
        try queue.finish()
    }

    func check() throws {
        try queue.check()
    }

    func wipeKept() throws {
        try queue.wipeKept()
    }
}
