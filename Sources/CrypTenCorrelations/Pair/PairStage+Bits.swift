import CrypTenBase
package import CrypTenGates
import CrypTenRing

// Functions of shared bits; random numbers.
extension PairStage {
    package func dealBits(_ bits: PairPlanes) throws {
        try run.deal(bits.part.map(\.asWords))
    }

    package func dealSubsetProducts(of planes: PairPlanes, starts: [Int], size: Int) throws {
        // A group's two highest bits are multiplied first, and so are the two lowest.
        func isHigh(_ plane: Int) -> Bool {
            let start = starts.last { $0 <= plane }!
            return plane - start >= size - 2
        }
        let products = (1..<1 << size).flatMap { subset in
            starts.map { start in (0..<size).filter { subset >> $0 & 1 == 1 }.map { start + $0 } }
        }
        let made = pair.products(of: [planes], products) { planes in
            let (high, low) = (planes.filter(isHigh), planes.filter { !isHigh($0) })
            return (high, low)
        }
        // A mask's other groups follow, and a slab's bits go together.
        try run.deal(made.part.map(\.asWords), isLast: false)
    }

    package func dealProducts(_ products: BitProducts, of blocks: [PairPlanes]) throws {
        let firsts = products.blocks.indices.map { products.blocks[..<$0].reduce(0, +) }
        let planes = products.products.map { places in places.map { firsts[$0.block] + $0.plane } }
        let made = pair.products(of: blocks, planes, split: PairStage.split(planes))
        try run.deal(made.part.map(\.asWords))
    }

    /// The two parts of a product of more than two planes: of four the highest two and the lowest; of three two that are such a part already, so that
    /// their choices serve both.
    private static func split(_ products: [[Int]]) -> ([Int]) -> (high: [Int], low: [Int]) {
        func halves(_ planes: [Int]) -> (high: [Int], low: [Int]) {
            (Array(planes.suffix(2)), Array(planes.dropLast(2)))
        }
        let parts = Set(products.filter { $0.count == 4 }.flatMap { [halves($0).high, halves($0).low] })
        return { planes in
            guard planes.count == 3, !parts.contains(Array(planes.suffix(2))) else { return halves(planes) }
            if parts.contains(Array(planes.prefix(2))) { return ([planes[2]], Array(planes.prefix(2))) }
            if parts.contains([planes[0], planes[2]]) { return ([planes[0], planes[2]], [planes[1]]) }
            return halves(planes)
        }
    }

    package func dealNumber(of bits: PairPlanes) throws {
        try run.deal(pair.number(of: bits.source, plane: bits.range.lowerBound, width: 64).part)
    }

    package func dealSelection(_ bits: PairPlanes, of wire: WireMask<PairMask>) throws {
        let plane = bits.range.lowerBound
        try run.deal(pair.select(bits.source, plane: plane, [flat(wire.mask)])[0].part)
        guard let alternative = wire.alternative else { return }
        let selected = pair.select(
            bits.source,
            plane: plane,
            [top(of: wire, alternative.shift)],
            width: alternative.shift
        )
        try dealNegated(selected[0], bits: alternative.shift)
    }

    // MARK: Random numbers

    /// Bits of a number of this party's masks, as planes: with the other's, XOR shares of bits that nobody knows.
    private func randomBits(_ planes: Int, count: Int) -> PairBits {
        let kernels = kernels
        return PairBits(
            planes: planes,
            count: count,
            part: ownWords(numbers.mask(), [count]).map { kernels.planes(of: $0, from: 0, count: planes) }
        )
    }

    package func dealLowBits(_ bits: Int, count: Int) throws {
        try run.deal(pair.number(ofRandom: randomBits(bits, count: count)).part)
    }

    package func dealRows(of masks: [PairMask], inOrderOf party: Int, rows: Int) throws {
        guard rows <= PairStage.mostOrderedRows else {
            throw CrypTenError(
                .invalidArgument,
                "an order of \(rows) rows that one party draws takes rows² products without a dealer: at most "
                    + "\(PairStage.mostOrderedRows) are put in order; shuffle before the data are shared, or run with a dealer"
            )
        }
        let (kernels, key, number) = (kernels, run.keys.orders, numbers.order())
        // The order as a matrix, which its party alone knows.
        let isOwn = party == pair.party
        let matrix = PairWords(
            count: rows * rows,
            part: Later(at: 0) {
                guard isOwn else { return RingTensor(zeros: [rows * rows]) }
                var keys = kernels.expand(key, number: number, from: 0, shape: [rows, RowOrder.wordsOfKey])
                defer { keys.wipe() }
                var unit = [UInt64](repeating: 0, count: rows * rows)
                for row in 0..<rows { unit[row * rows + row] = 1 }
                return kernels.rows(of: RingTensor(unit, shape: [rows, rows]), sortedBy: keys).reshaped(to: [
                    rows * rows
                ])
            },
            knownTo: party
        )
        for mask in masks {
            let form = MaskedProduct(
                operation: .matmul(transposeLeft: false, transposeRight: false),
                left: [rows, rows],
                right: [rows, mask.shape.count / rows],
                leftZeroExcept: party
            )
            try run.deal(try run.products.product(form, matrix, flat(mask), in: run).part)
        }
    }

    /// More would be a product of matrices that takes longer than all else.
    private static let mostOrderedRows = 4096

    package func dealEvent(numerator: UInt64, bits: Int, count: Int) throws -> PairPlanes {
        let event = pair.isLess(randomBits(bits, count: count), than: numerator)
        try run.deal(event.part.map(\.asWords))
        return event
    }
}
