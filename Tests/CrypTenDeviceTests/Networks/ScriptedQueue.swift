import CrypTenBase
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
        /// Bytes that have an owner.
        var usedBytes = 0
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
        var log: [String] = []
    }

    var log: [String] { state.withLock { $0.log } }

    let name = "scripted"
    let deviceName = "a device that is none"
    private let failingCall: Int?
    private let state = Mutex(State())
    /// Told when it fails for the first time.
    private let failed: @Sendable () -> Void

    /// - Parameters:
    ///   - failingCall: The call that fails, counted from 0; nil: none.
    init(failingAt failingCall: Int? = nil, failed: @escaping @Sendable () -> Void = {}) {
        self.failingCall = failingCall
        self.failed = failed
    }

    var counts: Counts {
        state.withLock { $0.counts }
    }

    private func count(_ body: (inout State) -> Void = { _ in }) throws {
        var isFirst = false
        defer { if isFirst { failed() } }
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            if state.counts.calls == failingCall {
                let failure = CrypTenError(.deviceFailed, "\(deviceName) failed, as it should")
                state.failure = failure
                isFirst = true
                throw failure
            }
            state.counts.calls += 1
            body(&state)
        }
    }

    func allocate(bytes: Int) throws -> DeviceBlock {
        let bytes = max(bytes, 1)
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
            $0.log.append("UP \(bytes)")
        }
    }

    func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws {
        try count { $0.counts.downloads += 1 }
        to.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer {
        try count {
            $0.counts.downloads += 1
            $0.log.append("DOWN \(bytes)")
        }
        return Transfer(self, bytes)
    }

    func launch(_ kernel: String, groups: DeviceGroups, threads: Int, arguments: UnsafeRawBufferPointer) throws {
        try count {
            $0.counts.launches[kernel, default: 0] += 1
            $0.log.append(kernel + " \(groups.x)")
        }
    }

    func wipe(_ address: DeviceAddress, bytes: Int) throws {
        try count()
    }

    func finish() throws {
        try count()
    }

    func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    func wipeKept() throws {
        try count()
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

        func wait() throws -> UnsafeRawBufferPointer {
            try queue.count()
            return words.withWords { UnsafeRawBufferPointer(start: $0, count: bytes) }
        }
    }
}
