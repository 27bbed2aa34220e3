package import CrypTenGates
package import CrypTenRing

/// A gate's `deal` at one of two parties without a dealer: what is asked for is written down, and made with the other party when there is enough of it.
///
/// What this party has of a mask is a share of it, or will be; what is linear it does to that. How requests are answered stands in the files
/// named after it.
package final class PairStage: DealStage {
    package let run: PairRun
    package let inputs: [PairValue]
    package let memory: MaskMemory<PairMask, PairPlanes>
    package private(set) var outputs: [PairValue] = []
    let numbers: StreamNumbers

    package init(
        _ run: PairRun,
        inputs: [PairValue],
        memory: MaskMemory<PairMask, PairPlanes>,
        numbers: StreamNumbers
    ) {
        self.run = run
        self.inputs = inputs
        self.memory = memory
        self.numbers = numbers
    }

    package var slabs: Slabs { run.slabs }
    var pair: Pair { run.pair }
    var kernels: any Kernels { run.pair.kernels }

    package func yield(_ value: PairValue) {
        outputs.append(value)
    }

    // MARK: Masks of openings

    /// A number of this party's masks, as words.
    func ownWords(_ number: UInt64, _ shape: Shape) -> Later<RingTensor> {
        let (kernels, key) = (kernels, run.keys.masks)
        return Later(at: 0) { kernels.expand(key, number: number, from: 0, shape: shape) }
    }

    package func openMask(_ shape: Shape, absorbing products: [MaskProduct<PairMask>]) throws -> PairMask {
        let kernels = kernels
        var words = PairWords(count: shape.count, part: ownWords(numbers.mask(), shape))
        for product in products {
            let absorbed = try run.products.product(product.form, flat(product.left), flat(product.right), in: run)
            words = words.with(absorbed) { kernels.subtract($0, $1.reshaped(to: $0.shape)) }
        }
        return run.mask(shape, words)
    }

    package func openBitMask(planes: Int, count: Int) -> PairPlanes {
        let (kernels, key, number) = (kernels, run.keys.bitMasks, numbers.bitMask())
        return PairPlanes(
            PairBits(
                planes: planes,
                count: count,
                part: Later(at: 0) {
                    kernels.expandBits(key, number: number, fromPlane: 0, planes: planes, count: count)
                }
            )
        )
    }

    package func publishMask(owner: Int, shape: Shape) -> PairMask {
        let number = numbers.mask()
        let own = owner == pair.party ? ownWords(number, shape) : Later(at: 0) { RingTensor(zeros: shape) }
        return run.mask(shape, PairWords(count: shape.count, part: own, knownTo: owner))
    }

    // MARK: Linear operations

    package func zeros(_ shape: Shape) -> PairMask {
        run.mask(shape, PairWords(count: shape.count, part: Later(at: 0) { RingTensor(zeros: shape) }))
    }

    package func zeroBits(planes: Int, count: Int) -> PairPlanes {
        PairPlanes(
            PairBits(planes: planes, count: count, part: Later(at: 0) { BitPlanes(zeros: planes, count: count) })
        )
    }

    package func slab(_ words: PairMask, _ range: Range<Int>) -> PairMask {
        let start = words.range.lowerBound
        return PairMask(
            [range.count],
            words.held?.flat(range),
            words.origin,
            start + range.lowerBound..<start + range.upperBound
        )
    }

    package func slab(_ bits: PairPlanes, _ range: Range<Int>) -> PairPlanes {
        bits.slab(range, kernels)
    }

    package func planes(_ bits: PairPlanes, _ range: Range<Int>) -> PairPlanes {
        bits[range]
    }

    package func subtract(_ a: PairMask, _ b: PairMask) -> PairMask {
        let kernels = kernels
        return run.mask(a.shape, a.words(kernels).with(b.words(kernels)) { kernels.subtract($0, $1) })
    }

    package func apply(_ operation: LinearOperation, to words: [PairMask]) -> PairMask {
        let kernels = kernels
        let shapes = words.map(\.shape)
        let shape = output(of: operation, shapes)
        let operands = words.map { $0.words(kernels) }
        let parts = operands.map(\.part)
        let known = operands.allSatisfy { $0.knownTo == operands[0].knownTo } ? operands[0].knownTo : nil
        let result = PairWords(
            count: shape.count,
            part: Later(at: parts.map(\.moment).max() ?? 0) {
                operation.apply(try zip(parts, shapes).map { try $0.value().reshaped(to: $1) }, kernels)
            },
            knownTo: known
        )
        if case .reshape = operation { return PairMask(shape, result, words[0].origin, words[0].range) }
        return PairMask(shape, result, .result(of: operation, words, count: shape.count, run))
    }

    package func apply(_ operation: LinearOperation, to bits: [PairPlanes], shapes: [Shape]) -> PairPlanes {
        if case .reshape = operation { return bits[0] }
        let kernels = kernels
        let parts = bits.map(\.part)
        return PairPlanes(
            PairBits(
                planes: 1,
                count: output(of: operation, shapes).count,
                part: Later(at: parts.map(\.moment).max() ?? 0) {
                    operation.apply(try parts.map { try $0.value() }, shapes: shapes, kernels)
                }
            )
        )
    }

    /// The shape of what a plan's operation makes, which was checked when the plan was read.
    private func output(of operation: LinearOperation, _ shapes: [Shape]) -> Shape {
        guard let shape = try? operation.checkedOutput(shapes) else {
            preconditionFailure("\(operation.name) of \(shapes): plans are checked when they are read")
        }
        return shape
    }

    package func join(_ slabs: [PairPlanes], count: Int) -> PairPlanes {
        PairPlanes(PairBits.joining(slabs, count: count, kernels))
    }

    package func xor(_ bits: [PairPlanes], count: Int) -> PairPlanes {
        let kernels = kernels
        guard bits.count != 1 else { return bits[0] }
        let parts = bits.map(\.part)
        return PairPlanes(
            PairBits(
                planes: 1,
                count: count,
                part: Later(at: parts.map(\.moment).max() ?? 0) {
                    try parts.reduce(into: BitPlanes(zeros: 1, count: count)) {
                        kernels.accumulate(&$0, xor: try $1.value())
                    }
                }
            )
        )
    }
}

/// What a party of a pair has in a slot.
package typealias PairValue = MaskValue<PairMask, PairPlanes>
