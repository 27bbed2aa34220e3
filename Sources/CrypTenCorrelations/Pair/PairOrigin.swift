import CrypTenGates
import CrypTenRing

/// A wire of a run, by whose name the mask goes whose bits are read in the place of its own.
///
/// r is fresh for each wire: under one r for two wires, d would show the difference of their masks, and of a wire and its multiple the mask. What only
/// moves elements takes the r of what it moves, so that all that read a wire share its dither: its bits move as the elements do. r is drawn when
/// bits are first read, slab by slab.
final class PairOrigin {
    enum Kind {
        /// A wire of its own, whose seed words are fresh, or as they were in an earlier run.
        case own(Later<RingTensor>?)
        /// What moves the elements of others.
        case moved(LinearOperation, [PairMask])
        /// A wire truncated in place: its mask is the high bits of another one's r, and its own r.
        case truncated(PairOrigin, Range<Int>, shift: Int)
    }

    let count: Int
    let kind: Kind
    private let run: PairRun
    /// The stream of its seed words, once one is needed.
    private var number: UInt64?
    private var moved: Later<RingTensor>?
    private var pieces: [Range<Int>: BitwiseMask] = [:]

    init(count: Int, _ kind: Kind, _ run: PairRun) {
        (self.count, self.kind, self.run) = (count, kind, run)
    }

    /// This party's seed words of some elements: the bits of its part of r.
    func seeds(_ range: Range<Int>) -> Later<RingTensor> {
        switch kind {
        case .own(let known?): return range.count == count ? known : known.map { $0.flat(range) }
        case .own(nil):
            let number = number ?? run.nextSeedStream()
            self.number = number
            let (kernels, key) = (run.pair.kernels, run.seeds)
            return Later(at: 0) {
                kernels.expand(key, number: number, from: range.lowerBound, shape: [range.count])
            }
        case .moved(let operation, let masks):
            if moved == nil {
                let kernels = run.pair.kernels
                let all = masks.map { ($0.origin.seeds($0.range), $0.shape) }
                moved = Later(at: 0) {
                    operation.apply(try all.map { try $0.0.value().reshaped(to: $0.1) }, kernels)
                }
            }
            let moved = moved!
            return moved.map { $0.flat(range) }
        case .truncated: preconditionFailure("a truncation read in place has the mask that it is of")
        }
    }

    /// This party's seed words of r, if any were drawn: of all elements, or of some.
    func drawnSeeds(_ range: Range<Int>? = nil) throws -> RingTensor? {
        isDrawn ? try seeds(range ?? 0..<count).value() : nil
    }

    /// Whether bits were read of this wire, or of one that it moves the elements of.
    private var isDrawn: Bool {
        switch kind {
        case .own(let known): known != nil || number != nil
        case .moved(_, let masks): !pieces.isEmpty || masks.contains { $0.origin.isDrawn }
        case .truncated: false
        }
    }

    /// Elements in the pieces that they are read in: slabs, where they are whole ones.
    ///
    /// What is put together of others is one piece up to one and a half slabs, which the differences of a maximum's slab take.
    func ranges(_ range: Range<Int>) -> [Range<Int>] {
        if case .moved = kind, range == 0..<count, 2 * count <= 3 * run.slabs.size { return [range] }
        let slabs = run.slabs.of(count).filter { $0.overlaps(range) }
        let isWhole = slabs.first?.lowerBound == range.lowerBound && slabs.last?.upperBound == range.upperBound
        return isWhole ? slabs : [range]
    }

    /// r of a piece of the wire's elements.
    func piece(_ range: Range<Int>) -> BitwiseMask {
        if let piece = pieces[range] { return piece }
        let piece = BitwiseMask(run.pair, count: range.count, seeds: seeds(range))
        pieces[range] = piece
        return piece
    }

    /// The masks that some elements of a truncation read in place are high bits of, and by how many bits they were shifted.
    func untruncated(_ range: Range<Int>) -> (pieces: [BitwiseMask], shift: Int) {
        guard case .truncated(let origin, let place, let shift) = kind else {
            preconditionFailure("a wire with two masks is a truncation")
        }
        let elements = place.lowerBound + range.lowerBound..<place.lowerBound + range.upperBound
        return (origin.ranges(elements).map { origin.piece($0) }, shift)
    }
}
