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
        var hasRefused = false
        /// Bytes of the host's memory in which copies are.
        var transferBytes = 0
        var largestTransfer = 0
    }

    private let counting: CountingQueue
    private let failingCall: Int?
    private let refusingCall: Int?
    private let state = Mutex(State())
    private let failed: @Sendable () -> Void

    /// - Parameters:
    ///   - failingCall: The call that fails, counted from 0; nil: none.
    ///   - refusingCall: From this call on, the first one that asks for memory is told that there is none: it isn't a failure that stays.
    ///   - memoryBytes: What it says that it has.
    ///   - failed: Called when it fails for the first time.
    init(
        failingAt failingCall: Int? = nil,
        refusingAt refusingCall: Int? = nil,
        memoryBytes: Int = 1 << 40,
        failed: @escaping @Sendable () -> Void = {}
    ) {
        self.failingCall = failingCall
        self.refusingCall = refusingCall
        counting = CountingQueue(name: "scripted", memoryBytes: memoryBytes)
        self.failed = failed
    }

    var name: String { counting.name }
    var deviceName: String { counting.deviceName }
    var memoryBytes: Int { counting.memoryBytes }
    var counts: DeviceCounts { counting.counts }
    var calls: Int { state.withLock { $0.calls } }
    var failedWiping: Bool { state.withLock { $0.failedWiping } }
    var transferBytes: Int { state.withLock { $0.transferBytes } }
    var largestTransfer: Int { state.withLock { $0.largestTransfer } }

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
        let isRefused = state.withLock { state in
            guard let refusingCall, !state.hasRefused, state.calls >= refusingCall else { return false }
            state.hasRefused = true
            return true
        }
        if isRefused { throw CrypTenError(.notEnoughDeviceMemory, "\(deviceName) has no room, as it should") }
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
        state.withLock { state in
            state.transferBytes += bytes
            state.largestTransfer = max(state.largestTransfer, bytes)
        }
        return Transfer(self, try counting.beginDownload(address, bytes: bytes), bytes)
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
        private let bytes: Int

        init(_ queue: ScriptedQueue, _ transfer: any DeviceTransfer, _ bytes: Int) {
            (self.queue, self.transfer, self.bytes) = (queue, transfer, bytes)
        }

        deinit {
            queue.state.withLock { $0.transferBytes -= bytes }
        }

        func wait() throws -> UnsafeRawBufferPointer {
            try queue.count()
            return try transfer.wait()
        }
    }
}
