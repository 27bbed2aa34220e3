import CrypTenBase
import CrypTenRing
private import Synchronization

/// The host's memory that a device reads and writes by itself, at the bus's full speed: blocks of it, kept when they are given back.
///
/// A block holds nothing when it is taken: it is overwritten when it's given back.
final class CUDAPinnedMemory: Sendable {
    private let context: CUDAContext
    private let pool: Mutex<DevicePool>

    /// - Parameters:
    ///   - context: The device's.
    ///   - keptBytes: How much of what was given back is kept, at most.
    init(_ context: CUDAContext, keptBytes: Int) {
        self.context = context
        pool = Mutex(DevicePool(limit: keptBytes))
    }

    deinit {
        release(pool.withLock { $0.takeKept() })
    }

    /// - Throws: `.deviceFailed`, also where the driver has no such memory.
    func take(bytes: Int) throws -> DeviceBlock {
        // By pages, at least.
        let bytes = DevicePool.rounded(max(bytes, 4096))
        if let block = pool.withLock({ $0.take(bytes: bytes) }) { return block }
        var memory: UnsafeMutableRawPointer?
        var code = try context.code { $0.allocatePinned(&memory, bytes, 0) }
        if code == CUDAConstants.outOfMemory {
            // What is kept in other sizes may be in the way.
            release(pool.withLock { $0.takeKept() })
            code = try context.code { $0.allocatePinned(&memory, bytes, 0) }
        }
        try context.succeed(code, "allocating \(bytes) bytes of the host's memory that it can reach")
        guard let memory else { preconditionFailure("memory that was allocated at no address") }
        let block = DeviceBlock(address: DeviceAddress(UInt(bitPattern: memory)), bytes: bytes)
        pool.withLock { $0.add(block) }
        return block
    }

    /// Overwrites a block that the device doesn't use any more, and takes it back.
    func giveBack(_ block: DeviceBlock) {
        block.hostMemory.initializeMemory(as: UInt8.self, repeating: 0, count: block.bytes)
        release(pool.withLock { $0.giveBack(block) })
    }

    private func release(_ blocks: [DeviceBlock]) {
        for block in blocks { context.giveBack { $0.freePinned(block.hostMemory) } }
    }

    /// How much there is, in use or kept.
    var heldBytes: Int {
        pool.withLock { $0.heldBytes }
    }
}

extension DeviceBlock {
    /// The place of a block of the host's memory.
    var hostMemory: UnsafeMutableRawPointer {
        guard let memory = UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
            preconditionFailure("no memory is at address 0")
        }
        return memory
    }
}
