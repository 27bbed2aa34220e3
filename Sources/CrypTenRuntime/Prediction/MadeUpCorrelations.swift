import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import NIOCore

/// Words of no meaning, read as those that two parties have made before a run and keep in memory: what reading them takes is what it takes in a session.
///
/// > Note: a difference is read for every reading of bits, though one of what is truncated in place has none; and a gate that writes into its correlation
/// > copies it first.
final class MadeUpCorrelations: CorrelationSource {
    private let kernels: any Kernels
    private let clock: WorkClock
    /// All that are stored, which no processor's cache has when they are read.
    private let stored: RingTensor
    private var used = 0

    /// - Parameter bytes: How many are stored.
    init(bytes: Int, _ kernels: any Kernels, clock: WorkClock) {
        (self.kernels, self.clock) = (kernels, clock)
        var stored = RingTensor(uninitialized: [max(1, (bytes + 7) / 8)])
        stored.withMutableWords { $0.update(repeating: 0x5A5A, count: max(1, (bytes + 7) / 8)) }
        self.stored = stored
    }

    func words(_ words: Int, number: UInt64) throws -> RingTensor {
        read(words)
    }

    func difference(_ count: Int, number: UInt64) throws -> RingTensor? {
        read(count)
    }

    private func read(_ count: Int) -> RingTensor {
        if used + count > stored.count { used = 0 }
        let range = used..<min(used + count, stored.count)
        used = range.upperBound
        guard kernels.computesAside || range.count < count else { return stored.flat(range) }
        return clock.measure(.copying) {
            let incoming = kernels.incoming(words: count)
            var missing = count
            while missing > 0 {
                let taken = min(missing, stored.count)
                stored.withWords { incoming.append(UnsafeRawBufferPointer(start: $0, count: taken * 8)) }
                missing -= taken
            }
            return incoming.finish()
        }
    }
}
