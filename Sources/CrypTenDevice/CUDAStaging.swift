import CrypTenBase
import CrypTenRing
private import Synchronization

/// What is on its way to the device: a ring of pinned blocks, through which uploads go one behind the other.
///
/// An upload is copied into a block, so its caller may change its memory at once, and the device copies it from there in its own time. A full
/// block is used again when an event says that the device has read it; only when all are full does an upload wait.
final class CUDAStaging: Sendable {
    private let context: CUDAContext
    private let pinned: CUDAPinnedMemory
    private let blockBytes, mostBlocks: Int
    private let state: Mutex<State>

    private struct State {
        /// The block that is being filled, and how much of it is.
        var block: DeviceBlock?
        var used = 0
        /// Full ones that the device may still read, the oldest first.
        var full: [Full] = []
        var idle: [DeviceBlock] = []
    }

    /// Safety of `@unchecked Sendable`: an event that the holder of the lock alone asks for.
    private struct Full: @unchecked Sendable {
        let block: DeviceBlock
        let event: CUDAContext.Handle
    }

    init(_ context: CUDAContext, _ pinned: CUDAPinnedMemory, blockBytes: Int, mostBlocks: Int) {
        self.context = context
        self.pinned = pinned
        self.blockBytes = blockBytes
        self.mostBlocks = mostBlocks
        state = Mutex(State())
    }

    deinit {
        // Nobody may write to memory that the device still reads.
        context.giveBack { $0.synchronize(context.work) }
        state.withLock { state in
            for full in state.full { context.giveBack(full.event) }
            for block in state.full.map(\.block) + state.idle + [state.block].compactMap({ $0 }) {
                pinned.giveBack(block)
            }
        }
    }

    /// Queues a copy to the device on the stream of work.
    func upload(_ from: UnsafeRawPointer, bytes: Int, to address: DeviceAddress) throws {
        var done = 0
        while done < bytes {
            // Others get their turn between two blocks.
            done += try state.withLock { state in
                let block = try self.block(&state)
                let count = min(bytes - done, blockBytes - state.used)
                let place = block.hostMemory + state.used
                place.copyMemory(from: from + done, byteCount: count)
                try context.call("copying to it") {
                    $0.copyToDevice(address + UInt64(done), place, count, context.work)
                }
                state.used += (count + 63) / 64 * 64
                return count
            }
        }
    }

    /// Overwrites what was uploaded, when the device has read it.
    func wipe() throws {
        try state.withLock { state in
            try retire(&state)
            while !state.full.isEmpty {
                let block = try firstRead(&state)
                block.hostMemory.initializeMemory(as: UInt8.self, repeating: 0, count: block.bytes)
                state.idle.append(block)
            }
        }
    }

    /// A block with room.
    private func block(_ state: inout State) throws -> DeviceBlock {
        if state.used < blockBytes, let block = state.block { return block }
        try retire(&state)
        let block = try state.idle.popLast() ?? next(&state)
        state.block = block
        return block
    }

    private func next(_ state: inout State) throws -> DeviceBlock {
        if let first = state.full.first {
            if try state.full.count >= mostBlocks || context.hasCome(first.event) { return try firstRead(&state) }
        }
        return try pinned.take(bytes: blockBytes)
    }

    /// Counts the block that is being filled among the full ones.
    private func retire(_ state: inout State) throws {
        guard let block = state.block else { return }
        state.full.append(Full(block: block, event: try context.event(after: context.work)))
        (state.block, state.used) = (nil, 0)
    }

    /// Waits until the device has read the oldest full block.
    private func firstRead(_ state: inout State) throws -> DeviceBlock {
        try context.wait(for: state.full[0].event)
        let first = state.full.removeFirst()
        context.giveBack(first.event)
        return first.block
    }
}
