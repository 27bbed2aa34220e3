import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Synchronization

/// A queue without a device that counts, and fails when it's told to.
final class ScriptedQueue: DeviceQueue {
    private struct State {
        /// Of everything that can fail.
        var calls = 0
        var failure: CrypTenError?
        /// Whether what failed had only to overwrite what nobody needs any more.
        var failedWiping = false
    }

    private let counting: CrypTenDevice.CountingQueue
    private let failingCall: Int?
    private let state = Mutex(State())
    private let failed: @Sendable () -> Void

    /// - Parameters:
    ///   - failingCall: The call that fails, counted from 0; nil: none.
    ///   - memoryBytes: What it says that it has.
    ///   - failed: Called when it fails for the first time.
    init(failingAt failingCall: Int? = nil, memoryBytes: Int = 1 << 40, failed: @escaping @Sendable () -> Void = {}) {
        self.failingCall = failingCall
        counting = CrypTenDevice.CountingQueue(name: "scripted", memoryBytes: memoryBytes)
        self.failed = failed
    }

    var name: String { counting.name }
    var deviceName: String { counting.deviceName }
    var memoryBytes: Int { counting.memoryBytes }
    var counts: DeviceCounts { counting.counts }
    var calls: Int { state.withLock { $0.calls } }
    var failedWiping: Bool { state.withLock { $0.failedWiping } }

    private func count(isWiping: Bool = false) throws {
        var isFirst = false
        defer { if isFirst { failed() } }
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            if state.calls == failingCall {
                let failure = CrypTenError(.deviceFailed, "\(deviceName) failed, as it should")
                state.failure = failure
                state.failedWiping = isWiping
                isFirst = true
                throw failure
            }
            state.calls += 1
        }
    }

    func allocate(bytes: Int) throws -> DeviceBlock {
        try count()
        return try counting.allocate(bytes: bytes)
    }

    func free(_ block: DeviceBlock) {
        counting.free(block)
    }

    func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws {
        try count()
        try counting.upload(from, bytes: bytes, to: address)
    }

    func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws {
        try count()
        try counting.download(address, bytes: bytes, to: to)
    }

    func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer {
        try count()
        return Transfer(self, try counting.beginDownload(address, bytes: bytes))
    }

    func launch(_ kernel: String, groups: DeviceGroups, threads: Int, arguments: UnsafeRawBufferPointer) throws {
        try count()
        try counting.launch(kernel, groups: groups, threads: threads, arguments: arguments)
    }

    func wipe(_ address: DeviceAddress, bytes: Int) throws {
        try count(isWiping: true)
    }

    func finish() throws {
        try count()
    }

    func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    func wipeKept() throws {
        try count(isWiping: true)
    }

    private final class Transfer: DeviceTransfer {
        private let queue: ScriptedQueue
        private let transfer: any DeviceTransfer

        init(_ queue: ScriptedQueue, _ transfer: any DeviceTransfer) {
            (self.queue, self.transfer) = (queue, transfer)
        }

        func wait() throws -> UnsafeRawBufferPointer {
            try queue.count()
            return try transfer.wait()
        }
    }
}
