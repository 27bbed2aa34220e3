import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import NIOCore

/// Words of no meaning, read as those that two parties have made before a run and keep in memory: what reading them takes is what it takes in a session.
///
/// > Note: a difference is read for every reading of bits, though one of what is truncated in place has none.
final class MadeUpCorrelations: CorrelationSource {
    private let kernels: any Kernels
    private let clock: WorkClock
    private var reader = WordReader()
    /// The next one last; each has its own memory, which no processor's cache has when it is read.
    private var chunks: [ByteBuffer]

    /// - Parameter bytes: How many are stored.
    init(bytes: Int, _ kernels: any Kernels, clock: WorkClock) {
        (self.kernels, self.clock) = (kernels, clock)
        let frames = (bytes + Framing.wire.chunkBytes - 1) / Framing.wire.chunkBytes
        chunks = (0..<frames).map { _ in MadeUpCorrelations.chunk() }
    }

    private static func chunk() -> ByteBuffer {
        ByteBuffer(repeating: 0x5A, count: Framing.wire.chunkBytes)
    }

    func words(_ words: Int, number: UInt64) throws -> RingTensor {
        try read(words)
    }

    func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
        try read(count)
    }

    private func read(_ count: Int) throws -> RingTensor {
        try clock.measure(.copying) {
            try reader.read(count, kernels) { WordChunk(chunks.popLast() ?? MadeUpCorrelations.chunk()) }
        }
    }
}
