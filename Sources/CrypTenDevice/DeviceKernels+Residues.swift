import CrypTenRing

/// Which products go by residues: 18 products of signed bytes in place of one of words, to the same bits.
package enum ResidueUse: Sendable {
    /// None.
    case never
    /// Those that take 2^22 multiplications or more, 64 or more for each element.
    case large
    /// All: for tests.
    case always

    /// Whether a product of so many multiplications, each element a sum of `inner` of them, goes by residues.
    func takes(multiplyAccumulates: Int, inner: Int) -> Bool {
        switch self {
        case .never: false
        case .large: multiplyAccumulates >= 1 << 22 && inner >= 64
        case .always: true
        }
    }
}

/// The numbers that the kernels in residues.c agree upon.
enum Residues {
    /// The moduli.
    static let count = 18
    /// How many products a sum may have: see Kernels/residues.c.
    static let inner = 8192
    /// Rows and columns of a group's tile.
    static let tile = 128
    /// The number of groups along the third axis, at most, divided by that of the moduli.
    static let batches = 65_535 / count

    /// A number of bytes, in whole chunks of 16.
    static func padded(_ count: Int) -> Int {
        (count + 15) / 16 * 16
    }
}

/// `residues`, `residue_product` and `reconstruct`: products of matrices on tiles of signed bytes.
extension DeviceCall {
    /// `c ± a·b` for a batch of matrices by residues, in blocks that fit into `residueBytes`.
    ///
    /// - Returns: Whether it does that: there must be room, and `residues` must take it.
    func accumulateByResidues(
        _ product: DeviceProduct,
        to c: DeviceAddress,
        _ a: DeviceAddress,
        _ b: DeviceAddress
    ) throws -> Bool {
        let work = product.batches * product.rows * product.columns * product.inner
        guard residues.takes(multiplyAccumulates: work, inner: product.inner),
            let blocks = ResidueBlocks(product, bytes: residueBytes)
        else { return false }
        try withRoom(bytes: blocks.bytes) { room in
            for batch in stride(from: 0, to: product.batches, by: blocks.batches) {
                for inner in stride(from: 0, to: product.inner, by: blocks.inner) {
                    for row in stride(from: 0, to: product.rows, by: blocks.rows) {
                        var part = product
                        part.batches = min(blocks.batches, product.batches - batch)
                        part.inner = min(blocks.inner, product.inner - inner)
                        part.rows = min(blocks.rows, product.rows - row)
                        let start = product.aBatch * batch + product.aRow * row + product.aInner * inner
                        let left = ResidueMatrix(leftOf: part)
                        try makeResidues(left, of: a.advanced(words: start), to: room)
                        for column in stride(from: 0, to: product.columns, by: blocks.columns) {
                            part.columns = min(blocks.columns, product.columns - column)
                            let start = product.bBatch * batch + product.bInner * inner + product.bColumn * column
                            let right = ResidueMatrix(rightOf: part)
                            try makeResidues(right, of: b.advanced(words: start), to: room + left.bytes)
                            let place = product.cBatch * batch + product.columns * row + column
                            try multiply(
                                part,
                                left,
                                right,
                                at: room,
                                to: c.advanced(words: place),
                                rowStep: product.columns
                            )
                        }
                    }
                }
            }
        }
        return true
    }

    /// Products of residues that lie at `room`, the left factor's first, and what they stand for.
    private func multiply(
        _ product: DeviceProduct,
        _ left: ResidueMatrix,
        _ right: ResidueMatrix,
        at room: DeviceAddress,
        to c: DeviceAddress,
        rowStep: Int
    ) throws {
        let columns = UInt32(product.columns)
        let arguments = ResidueProductArguments(
            to: room + left.bytes + right.bytes,
            a: room,
            b: room + left.bytes,
            aPlane: left.plane,
            bPlane: right.plane,
            aBatch: product.aBatch == 0 ? 0 : left.plane / UInt64(product.batches),
            bBatch: product.bBatch == 0 ? 0 : right.plane / UInt64(product.batches),
            batches: UInt32(product.batches),
            rows: UInt32(product.rows),
            columns: columns,
            padded: UInt32(Residues.padded(product.columns)),
            firstPixel: 0,
            tapChunks: UInt32(left.padded / 16),
            imageChunks: 0,
            height: 1,
            width: columns,
            kernelHeight: 1,
            kernelWidth: 1,
            outPlane: columns,
            outWidth: columns,
            strideY: 1,
            strideX: 1,
            paddingY: 0,
            paddingX: 0,
            dilationY: 1,
            dilationX: 1
        )
        try accumulate(
            arguments,
            to: c,
            batchStep: product.cBatch,
            rowStep: rowStep,
            imageStep: 0,
            subtracting: product.subtracting
        )
    }

    /// Products of residues, and then what they stand for, added to words, or subtracted.
    func accumulate(
        _ product: ResidueProductArguments,
        to c: DeviceAddress,
        batchStep: Int,
        rowStep: Int,
        imageStep: Int,
        subtracting: Bool
    ) throws {
        let (rows, columns, batches) = (Int(product.rows), Int(product.columns), Int(product.batches))
        let tiles = DeviceGroups(
            (columns + Residues.tile - 1) / Residues.tile,
            (rows + Residues.tile - 1) / Residues.tile,
            Residues.count * batches
        )
        try launch("residue_product", groups: tiles, threads: 128, product)
        let sums = ReconstructArguments(
            to: c,
            from: product.to,
            batchStep: UInt64(batchStep),
            rowStep: UInt64(rowStep),
            imageStep: UInt64(imageStep),
            batches: product.batches,
            rows: product.rows,
            columns: product.columns,
            padded: product.padded,
            firstPixel: product.firstPixel,
            outPlane: product.outPlane,
            subtract: subtracting ? 1 : 0
        )
        try forEach(batches * rows * Int(product.padded), "reconstruct", sums)
    }

    func makeResidues(_ matrix: ResidueMatrix, of words: DeviceAddress, to: DeviceAddress) throws {
        let arguments = ResiduesArguments(
            to: to,
            from: words,
            outerStep: UInt64(matrix.outerStep),
            rowStep: UInt64(matrix.rowStep),
            innerStep: UInt64(matrix.innerStep),
            rows: UInt32(matrix.rows),
            split: UInt32(matrix.split),
            inner: UInt32(matrix.inner),
            padded: UInt32(matrix.padded)
        )
        let block = 32
        let groups = DeviceGroups((matrix.rows + block - 1) / block, (matrix.padded + block - 1) / block)
        try launch("residues", groups: groups, arguments)
    }

    /// Room for bytes that are nobody's after what `body` queues.
    func withRoom(bytes: Int, _ body: (DeviceAddress) throws -> Void) throws {
        let block = try queue.allocate(bytes: bytes)
        defer { queue.free(block) }
        try body(block.address)
    }
}

/// A matrix whose residues are made: rows, the inner dimension along each.
struct ResidueMatrix {
    /// Row r begins at word `r / split * outerStep + r % split * rowStep`.
    var rows, split: Int
    var outerStep, rowStep: Int
    var inner, innerStep: Int

    /// A row's residues of one modulus, in bytes.
    var padded: Int { Residues.padded(inner) }
    /// One modulus's, in bytes.
    var plane: UInt64 { UInt64(rows * padded) }
    var bytes: UInt64 { UInt64(Residues.count) * plane }

    init(rows: Int, split: Int, outerStep: Int, rowStep: Int, inner: Int, innerStep: Int) {
        (self.rows, self.split, self.inner) = (rows, split, inner)
        (self.outerStep, self.rowStep, self.innerStep) = (outerStep, rowStep, innerStep)
    }

    /// The rows of all matrices on the left; where they are one and the same, once.
    init(leftOf product: DeviceProduct) {
        self.init(
            rows: product.aBatch == 0 ? product.rows : product.batches * product.rows,
            split: product.rows,
            outerStep: product.aBatch,
            rowStep: product.aRow,
            inner: product.inner,
            innerStep: product.aInner
        )
    }

    /// The columns of all matrices on the right.
    init(rightOf product: DeviceProduct) {
        self.init(
            rows: product.bBatch == 0 ? product.columns : product.batches * product.columns,
            split: product.columns,
            outerStep: product.bBatch,
            rowStep: product.bColumn,
            inner: product.inner,
            innerStep: product.bInner
        )
    }
}

/// How a product is cut, so that the residues of both factors and the results' fit into a number of bytes.
struct ResidueBlocks {
    let batches, rows, columns, inner: Int
    let bytes: Int

    /// Nothing where not even 16 rows and columns fit.
    init?(_ product: DeviceProduct, bytes most: Int) {
        // Of one modulus; the kernels count in 32 bits.
        let most = min(most / Residues.count, 1 << 31)
        let inner = min(product.inner, Residues.inner)
        let padded = Residues.padded(inner)
        /// So many, or, where they are less than all, whole tiles or at least chunks.
        func whole(_ count: Int, of all: Int) -> Int {
            count >= all ? all : count >= Residues.tile ? count / Residues.tile * Residues.tile : count / 16 * 16
        }
        let rows = whole(most / 2 / padded, of: product.rows)
        guard rows > 0 else { return nil }
        let columns = whole((most - rows * (padded + 15)) / (padded + rows), of: product.columns)
        guard columns > 0 else { return nil }
        func size(_ batches: Int) -> Int {
            let left = (product.aBatch == 0 ? 1 : batches) * rows * padded
            let right = (product.bBatch == 0 ? 1 : batches) * columns * padded
            return left + right + batches * rows * Residues.padded(columns)
        }
        var batches = 1
        if rows == product.rows, columns == product.columns {
            let each = size(2) - size(1)
            batches = max(1, min(product.batches, Residues.batches, 1 + (most - size(1)) / each))
        }
        (self.batches, self.rows, self.columns, self.inner) = (batches, rows, columns, inner)
        bytes = Residues.count * size(batches)
    }
}
