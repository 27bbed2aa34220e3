import CrypTenBase
import CrypTenRing
private import Synchronization

/// The host's memory that a device reads and writes by itself, at the bus's full speed: blocks of it, kept when they are given back.
///
/// It's bounded: beyond, and where the system gives no more, blocks are ordinary memory, with which a copy waits for what is queued before. A
/// block holds nothing when it is taken: it is overwritten when it's given back.
final class CUDAPinnedMemory: Sendable {
    private let context: CUDAContext
    private let mostBytes: Int
    private let state: Mutex<State>

    private struct State {
        var pool: DevicePool
        /// Bytes that are being allocated.
        var asked = 0
        /// Blocks of ordinary memory that are in use.
        var ordinary: [DeviceAddress: StoragePool.Block] = [:]
    }

    /// - Parameters:
    ///   - context: The device's.
    ///   - mostBytes: How much is pinned at most, in use or kept.
    init(_ context: CUDAContext, mostBytes: Int) {
        self.context = context
        self.mostBytes = mostBytes
        state = Mutex(State(pool: DevicePool(limit: mostBytes)))
    }

    deinit {
        release(state.withLock { $0.pool.takeKept() })
    }

    /// - Throws: `.deviceFailed`.
    func take(bytes: Int) throws -> DeviceBlock {
        // By pages, at least.
        let bytes = DevicePool.rounded(max(bytes, 4096))
        let (kept, isPinned, surplus) = state.withLock { state -> (DeviceBlock?, Bool, [DeviceBlock]) in
            if let block = state.pool.take(bytes: bytes) { return (block, true, []) }
            // What is kept in other sizes may be in the way.
            let surplus = state.pool.heldBytes + state.asked + bytes > mostBytes ? state.pool.takeKept() : []
            let isPinned = state.pool.heldBytes + state.asked + bytes <= mostBytes
            if isPinned { state.asked += bytes }
            return (nil, isPinned, surplus)
        }
        release(surplus)
        if let kept { return kept }
        guard isPinned else { return ordinary(bytes) }
        defer { state.withLock { $0.asked -= bytes } }
        guard let memory = try allocate(bytes) else { return ordinary(bytes) }
        let block = DeviceBlock(address: DeviceAddress(UInt(bitPattern: memory)), bytes: bytes)
        state.withLock { $0.pool.add(block) }
        return block
    }

    /// Pinned memory, or nil where there is no more.
    private func allocate(_ bytes: Int) throws -> UnsafeMutableRawPointer? {
        var memory: UnsafeMutableRawPointer?
        var code = try context.code { $0.allocatePinned(&memory, bytes, 0) }
        if code == CUDAConstants.outOfMemory {
            release(state.withLock { $0.pool.takeKept() })
            code = try context.code { $0.allocatePinned(&memory, bytes, 0) }
        }
        if code == CUDAConstants.outOfMemory { return nil }
        try context.succeed(code, "allocating \(bytes) bytes of the host's memory that it can reach")
        guard let memory else { preconditionFailure("memory that was allocated at no address") }
        return memory
    }

    private func ordinary(_ bytes: Int) -> DeviceBlock {
        let memory = StoragePool.shared.take(words: (bytes + 7) / 8)
        let block = DeviceBlock(address: DeviceAddress(UInt(bitPattern: memory.words)), bytes: bytes)
        block.hostMemory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        state.withLock { $0.ordinary[block.address] = memory }
        return block
    }

    /// Overwrites a block that the device doesn't use any more, and takes it back.
    func giveBack(_ block: DeviceBlock) {
        block.hostMemory.initializeMemory(as: UInt8.self, repeating: 0, count: block.bytes)
        let (ordinary, released) = state.withLock { state -> (StoragePool.Block?, [DeviceBlock]) in
            if let memory = state.ordinary.removeValue(forKey: block.address) { return (memory, []) }
            return (nil, state.pool.giveBack(block))
        }
        if let ordinary { StoragePool.shared.giveBack(ordinary) }
        release(released)
    }

    private func release(_ blocks: [DeviceBlock]) {
        for block in blocks { context.giveBack { $0.freePinned(block.hostMemory) } }
    }

    /// How much is pinned, in use or kept.
    var heldBytes: Int {
        state.withLock { $0.pool.heldBytes }
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
