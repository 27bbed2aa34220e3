import CrypTenBase
package import CrypTenRing
private import Synchronization

/// A queue without a device: it counts what it is asked for, and computes nothing.
///
/// What is downloaded is zeros, so that numbers mean nothing; openings, and what is asked for, don't depend on them. Tensors have addresses
/// and no memory. With a profile it says how long a device would take, too.
package final class CountingQueue: DeviceQueue {
    private struct State {
        var counts = DeviceCounts()
        var clock: DeviceClock?
        var next: DeviceAddress = 1 << 40
        /// The blocks that have an owner.
        var used: Set<DeviceAddress> = []
        /// What was uploaded that may be a program of logic, as what it is told to a kernel that runs it.
        var uploaded: [DeviceAddress: [UInt32]] = [:]
        var traffic: [DeviceAddress: LogicTraffic] = [:]

        /// Counts a copy to the host; returns when it's there.
        mutating func download(bytes: Int) -> Double {
            counts.downloads += 1
            counts.downloadedBytes += bytes
            guard let (end, seconds) = clock?.download(bytes: bytes) else { return 0 }
            counts.downloadSeconds += seconds
            return end
        }
    }

    package let name: String
    package let deviceName: String
    package let memoryBytes: Int
    private let state: Mutex<State>

    /// Programs of logic take no more bytes.
    private static let mostProgramBytes = 1 << 18

    /// A queue that counts.
    ///
    /// - Parameters:
    ///   - name: What would stand behind it: "cuda" or "opencl" decides how products are computed.
    ///   - deviceName: What the device is called.
    ///   - memoryBytes: What it says that it has.
    package init(
        name: String = "counting",
        deviceName: String = "a device that is none",
        memoryBytes: Int = 1 << 40
    ) {
        (self.name, self.deviceName, self.memoryBytes) = (name, deviceName, memoryBytes)
        state = Mutex(State())
    }

    /// A queue that counts, and says how long the device of a profile would take.
    ///
    /// - Parameter host: Seconds that the host has worked since some moment, without the driver's part.
    package init(_ profile: DeviceProfile, host: @escaping @Sendable () -> Double) {
        (name, deviceName, memoryBytes) = (profile.library, profile.device, profile.memoryBytes)
        state = Mutex(State(clock: DeviceClock(profile, host: host)))
    }

    /// What was asked for since it was made, or since `restart` was called last.
    package var counts: DeviceCounts {
        state.withLock { $0.counts }
    }

    /// The host's time, in seconds since some moment; 0 without a profile.
    ///
    /// Its own work, the driver's, and what it has waited for the device.
    package var now: Double {
        state.withLock { $0.clock?.now ?? 0 }
    }

    /// Counts from 0; blocks that have an owner keep it.
    package func restart() {
        state.withLock { state in
            var counts = DeviceCounts()
            counts.usedBytes = state.counts.usedBytes
            counts.mostUsedBytes = state.counts.usedBytes
            state.counts = counts
        }
    }

    package func allocate(bytes: Int) throws -> DeviceBlock {
        let bytes = max(bytes, 1)
        let address = state.withLock { state in
            let address = state.next
            state.next += DeviceAddress((bytes + 511) / 512 * 512)
            state.used.insert(address)
            state.counts.blocks += 1
            state.counts.usedBytes += bytes
            state.counts.mostUsedBytes = max(state.counts.mostUsedBytes, state.counts.usedBytes)
            return address
        }
        return DeviceBlock(address: address, bytes: bytes)
    }

    package func free(_ block: DeviceBlock) {
        state.withLock { state in
            precondition(state.used.remove(block.address) != nil, "a block is given back once")
            state.counts.usedBytes -= block.bytes
            state.uploaded[block.address] = nil
            state.traffic[block.address] = nil
        }
    }

    package func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws {
        state.withLock { state in
            state.counts.uploads += 1
            state.counts.uploadedBytes += bytes
            let seconds = state.clock?.upload(bytes: bytes) ?? 0
            state.counts.uploadSeconds += seconds
            guard bytes <= Self.mostProgramBytes, state.used.contains(address) else { return }
            let words = UnsafeRawBufferPointer(start: from, count: bytes / 4 * 4).bindMemory(to: UInt32.self)
            state.uploaded[address] = Array(words)
        }
    }

    package func download(_ address: DeviceAddress, bytes: Int, to: UnsafeMutableRawPointer) throws {
        state.withLock { state in
            let end = state.download(bytes: bytes)
            state.clock?.wait(until: end)
        }
        to.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    package func beginDownload(_ address: DeviceAddress, bytes: Int) throws -> any DeviceTransfer {
        Transfer(self, bytes, end: state.withLock { $0.download(bytes: bytes) })
    }

    package func launch(
        _ kernel: String,
        groups: DeviceGroups,
        threads: Int,
        arguments: UnsafeRawBufferPointer
    ) throws {
        guard let name = KernelName(rawValue: kernel) else {
            preconditionFailure("a kernel that isn't counted: \(kernel)")
        }
        try state.withLock { state in
            let work = KernelWork(name, groups: groups, arguments: arguments) { program, steps in
                if let known = state.traffic[program] { return known }
                let code = state.uploaded[program]
                let traffic = code.map { LogicTraffic(code: $0, steps: steps) } ?? .unknown
                state.traffic[program] = traffic
                return traffic
            }
            let seconds = try state.clock?.launch(name, work) ?? 0
            state.counts.kernels[name, default: DeviceCounts.Kernel()].add(work, seconds: seconds)
        }
    }

    package func wipe(_ address: DeviceAddress, bytes: Int) throws {}

    package func finish() throws {
        state.withLock { state in
            guard let end = state.clock?.end else { return }
            state.clock?.wait(until: end)
        }
    }

    package func check() throws {}

    package func wipeKept() throws {}

    fileprivate func wait(until end: Double) {
        state.withLock { $0.clock?.wait(until: end) }
    }

    private final class Transfer: DeviceTransfer {
        private let queue: CountingQueue
        private let words: RingTensor
        private let bytes: Int
        private let end: Double

        init(_ queue: CountingQueue, _ bytes: Int, end: Double) {
            (self.queue, self.bytes, self.end) = (queue, bytes, end)
            words = RingTensor(zeros: [(bytes + 7) / 8])
        }

        func wait() throws -> UnsafeRawBufferPointer {
            queue.wait(until: end)
            return words.withWords { UnsafeRawBufferPointer(start: $0, count: bytes) }
        }
    }
}
