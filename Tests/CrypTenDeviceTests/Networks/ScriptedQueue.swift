import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Synchronization

/// A queue without a device: it counts what it is asked for, computes nothing, and fails when it's told to.
///
/// What is downloaded is zeros, so that numbers mean nothing; openings, and what is asked for, don't depend on them.
final class ScriptedQueue: DeviceQueue {
    struct Counts: Equatable, Sendable {
        /// Of everything that can fail.
        var calls = 0
        var launches: [String: Int] = [:]
        var uploads = 0
        var downloads = 0
        var downloadedBytes = 0
        /// Bytes that have an owner.
        var usedBytes = 0
        /// Bytes of the host's memory in which copies are, and the most that they were at once.
        var transferBytes = 0
        var mostTransferBytes = 0
        var largestTransfer = 0
        var blocks = 0

        var allLaunches: Int {
            launches.values.reduce(0, +)
        }
    }

    private struct State {
        var counts = Counts()
        var next: DeviceAddress = 1 << 40
        var used: Set<DeviceAddress> = []
        var failure: CrypTenError?
        /// Whether what failed had only to overwrite what nobody needs any more.
        var failedWiping = false
        var hasRefused = false
    }

    var failedWiping: Bool {
        state.withLock { $0.failedWiping }
    }

    let name = "scripted"
    let deviceName = "a device that is none"
    let memoryBytes: Int
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
        self.memoryBytes = memoryBytes
        self.failed = failed
    }

    var counts: Counts {
        state.withLock { $0.counts }
    }

    private func count(isWiping: Bool = false, _ body: (inout State) -> Void = { _ in }) throws {
        var isFirst = false
        defer { if isFirst { failed() } }
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            if state.counts.calls == failingCall {
                let failure = CrypTenError(.deviceFailed, "\(deviceName) failed, as it should")
                state.failure = failure
                state.failedWiping = isWiping
                isFirst = true
                throw failure
            }
            state.counts.calls += 1
            body(&state)
        }
    }

    func allocate(bytes: Int) throws -> DeviceBlock {
        let bytes = max(bytes, 1)
        let isRefused = state.withLock { state in
            guard let refusingCall, !state.hasRefused, state.counts.calls >= refusingCall else { return false }
            state.hasRefused = true
            return true
        }
        if isRefused { throw CrypTenError(.notEnoughDeviceMemory, "\(deviceName) has no room, as it should") }
        var address: DeviceAddress = 0
        try count { state in
            address = state.next
            state.next += DeviceAddress((bytes + 511) / 512 * 512)
            state.used.insert(address)
            state.counts.usedBytes += bytes
            state.counts.blocks += 1
        }
        return DeviceBlock(address: address, bytes: bytes)
    }

    func free(_ block: DeviceBlock) {
        state.withLock { state in
            precondition(state.used.remove(block.address) != nil, "a block is given back once")
            state.counts.usedBytes -= block.bytes
        }
    }

    func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws {
        try count {
            $0.counts.uploads += 1
        }
    }

    func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws {
        try count {
            $0.counts.downloads += 1
            $0.counts.downloadedBytes += bytes
        }
        to.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer {
        try count {
            $0.counts.downloads += 1
            $0.counts.downloadedBytes += bytes
        }
        state.withLock { state in
            state.counts.transferBytes += bytes
            state.counts.mostTransferBytes = max(state.counts.mostTransferBytes, state.counts.transferBytes)
            state.counts.largestTransfer = max(state.counts.largestTransfer, bytes)
        }
        return Transfer(self, bytes)
    }

    func launch(_ kernel: String, groups: DeviceGroups, threads: Int, arguments: UnsafeRawBufferPointer) throws {
        try count { $0.counts.launches[kernel, default: 0] += 1 }
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
        private let words: RingTensor
        private let bytes: Int

        init(_ queue: ScriptedQueue, _ bytes: Int) {
            self.queue = queue
            self.bytes = bytes
            words = RingTensor(zeros: [(bytes + 7) / 8])
        }

        deinit {
            queue.state.withLock { $0.counts.transferBytes -= bytes }
        }

        func wait() throws -> UnsafeRawBufferPointer {
            try queue.count()
            return words.withWords { UnsafeRawBufferPointer(start: $0, count: bytes) }
        }
    }
}
