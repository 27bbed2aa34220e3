internal import CCrypTenKernels

extension NativeKernels {
    package func accumulate(
        _ sum: inout RingTensor,
        _ operation: BilinearOperation,
        _ a: RingTensor,
        _ b: RingTensor,
        subtracting: Bool
    ) {
        let shape = sum.shape
        let out = try? operation.outputShape(a.shape, b.shape)
        precondition(out == shape, "\(operation.name) of \(a.shape) and \(b.shape) into \(shape)")
        if case .multiply = operation {
            let (a, b) = (broadcast(a, to: shape), broadcast(b, to: shape))
            if subtracting {
                accumulate(&sum, subtractingProductOf: a, b)
            } else {
                accumulate(&sum, addingProductOf: a, b)
            }
            return
        }
        // `a` and `b` are read while `sum` is written; a tensor that shares their storage is copied by `withMutableWords`.
        a.withWords { aWords in
            b.withWords { bWords in
                sum.withMutableWords { sum in
                    let call = ProductCall(sum: sum, a: aWords, b: bWords, subtract: subtracting ? 1 : 0)
                    switch operation {
                    case .multiply:
                        break
                    case .matmul(let transposeLeft, let transposeRight):
                        multiplyMatrices(call, shape, a.shape, b.shape, transposeLeft, transposeRight)
                    case .convolution(let geometry):
                        convolve(call, ConvolutionExtents(geometry, input: a.shape, kernel: b.shape)!)
                    case .convolutionInputGradient(let geometry, _, _):
                        let extents = ConvolutionExtents(geometry, input: shape, kernel: b.shape)!
                        accumulateInputGradient(call, extents, kernel: b)
                    case .convolutionKernelGradient(let geometry, _, _):
                        accumulateKernelGradient(call, ConvolutionExtents(geometry, input: a.shape, kernel: shape)!)
                    }
                }
            }
        }
    }

    private func multiplyMatrices(
        _ call: ProductCall,
        _ out: Shape,
        _ left: Shape,
        _ right: Shape,
        _ transposeLeft: Bool,
        _ transposeRight: Bool
    ) {
        guard out.count > 0 else { return }
        var (m, n) = (out[-2], out[-1])
        let k = transposeLeft ? left[-2] : left[-1]
        let (aRow, aInner) = transposeLeft ? (1, m) : (k, 1)
        let (bInner, bColumn) = transposeRight ? (1, k) : (n, 1)
        var batches = MatrixBatch.all(of: out, left, right)
        // One matrix on the right of all: the batch is more rows of one product.
        if !transposeLeft, left.count == batches.count * m * k, batches.allSatisfy({ $0.right == batches[0].right }) {
            m *= batches.count
            batches = [batches[0]]
        }
        let tiles = ProductTiles(self, products: batches.count, rows: m, columns: n, inner: k)
        run(tiles) { product, rows, columns, scratch in
            let batch = batches[product]
            let sum = call.sum + batch.sum + rows.lowerBound * n + columns.lowerBound
            let a = call.a + batch.left + rows.lowerBound * aRow
            let b = call.b + batch.right + columns.lowerBound * bColumn
            if n == 1 {
                cct_vector_accumulate(set, sum, rows.count, k, b, a, aInner, aRow, call.subtract)
            } else {
                cct_matrix_accumulate(
                    set,
                    sum,
                    n,
                    rows.count,
                    columns.count,
                    k,
                    a,
                    aRow,
                    aInner,
                    b,
                    bInner,
                    bColumn,
                    call.subtract,
                    scratch
                )
            }
        }
    }

    /// Runs every tile of every product, each thread with scratch memory of its own.
    func run(
        _ tiles: ProductTiles,
        _ body: (_ product: Int, _ rows: Range<Int>, _ columns: Range<Int>, _ scratch: MutableWords) -> Void
    ) {
        split(tiles.count, work: tiles.work, unit: 1) { range in
            let scratch = Storage(uninitialized: cct_matrix_scratch_words(tiles.columns, tiles.inner))
            for tile in range {
                let (product, rows, columns) = tiles[tile]
                if !rows.isEmpty && !columns.isEmpty { body(product, rows, columns, scratch.words) }
            }
        }
    }
}

/// What all products of one call have in common.
struct ProductCall {
    let sum: UnsafeMutablePointer<UInt64>
    let a, b: UnsafePointer<UInt64>
    let subtract: Int32
}

/// Equal products, cut into pieces that keep the threads busy.
struct ProductTiles {
    let products, rows, columns, inner: Int
    private let pieces: Int
    private let cutsColumns: Bool

    init(_ kernels: NativeKernels, products: Int, rows: Int, columns: Int, inner: Int) {
        (self.products, self.rows, self.columns, self.inner) = (products, rows, columns, inner)
        // With few products each is cut for all threads, so that none has one more than another.
        pieces = products >= 4 * kernels.threads ? 1 : kernels.threads
        // Columns are packed by the thread that has them, rows are read in place; so columns are cut while there are many.
        cutsColumns = columns >= 96 * pieces || columns >= rows
    }

    var count: Int { products * pieces }

    /// In elements added: a multiplication by vector tiles takes about half as long as an addition in memory.
    var work: Int { max(1, rows * columns * inner / pieces / 8) }

    subscript(tile: Int) -> (product: Int, rows: Range<Int>, columns: Range<Int>) {
        let (product, piece) = tile.quotientAndRemainder(dividingBy: pieces)
        func part(_ count: Int, _ unit: Int) -> Range<Int> {
            let size = ((count + pieces - 1) / pieces + unit - 1) / unit * unit
            return min(count, piece * size)..<min(count, (piece + 1) * size)
        }
        return cutsColumns ? (product, 0..<rows, part(columns, 24)) : (product, part(rows, 8), 0..<columns)
    }
}
