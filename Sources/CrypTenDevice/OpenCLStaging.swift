import CrypTenRing
private import Synchronization

/// What is on its way to a device: copies of what was uploaded, each until the device has read it.
///
/// An upload's caller may change its memory at once, and waits for nothing, unless too much is on its way.
final class OpenCLStaging: Sendable {
    private let library: OpenCLLibrary
    private let mostBytes: Int
    private let state = Mutex(State())
    private static let mostCopies = 256

    private struct State {
        /// The oldest first.
        var copies: [Copy] = []
        var bytes = 0
    }

    /// Safety of `@unchecked Sendable`: an event, and memory, that the holder of the lock alone touches.
    private struct Copy: @unchecked Sendable {
        let block: StoragePool.Block
        let bytes: Int
        let event: OpenCLLibrary.Handle
    }

    /// - Parameter mostBytes: How much is on its way at most.
    init(_ library: OpenCLLibrary, mostBytes: Int) {
        self.library = library
        self.mostBytes = mostBytes
    }

    /// Copies bytes, and has them copied to the device from there.
    ///
    /// - Parameter enqueue: Queues a copy that doesn't wait, and says which event tells that it's done.
    /// - Returns: the driver's code; nil where the bytes are more than may be on their way at all.
    func upload(
        _ from: UnsafeRawPointer,
        bytes: Int,
        _ enqueue: (UnsafeRawPointer, inout OpenCLLibrary.Handle?) -> OpenCLLibrary.Code
    ) -> OpenCLLibrary.Code? {
        guard bytes <= mostBytes else { return nil }
        return state.withLock { state in
            while state.bytes + bytes > mostBytes || state.copies.count == Self.mostCopies {
                let code = retireOldest(&state)
                guard code == 0 else { return code }
            }
            let block = StoragePool.shared.take(words: (bytes + 7) / 8)
            UnsafeMutableRawPointer(block.words).copyMemory(from: from, byteCount: bytes)
            var event: OpenCLLibrary.Handle?
            let code = enqueue(block.words, &event)
            guard code == 0 else {
                StoragePool.shared.giveBack(block)
                return code
            }
            guard let event else { preconditionFailure("a copy that was queued has an event") }
            state.copies.append(Copy(block: block, bytes: bytes, event: event))
            state.bytes += bytes
            return 0
        }
    }

    /// Waits until the device has read all, and overwrites it.
    ///
    /// - Returns: the driver's first code that isn't 0.
    func empty() -> OpenCLLibrary.Code {
        state.withLock { state in
            var first: OpenCLLibrary.Code = 0
            while !state.copies.isEmpty {
                let code = retireOldest(&state)
                if first == 0 { first = code }
            }
            return first
        }
    }

    private func retireOldest(_ state: inout State) -> OpenCLLibrary.Code {
        let oldest = state.copies.removeFirst()
        state.bytes -= oldest.bytes
        var event: OpenCLLibrary.Handle? = oldest.event
        let code = library.waitForEvents(1, &event)
        _ = library.releaseEvent(oldest.event)
        UnsafeMutableRawPointer(oldest.block.words).initializeMemory(as: UInt8.self, repeating: 0, count: oldest.bytes)
        StoragePool.shared.giveBack(oldest.block)
        return code
    }
}
