package import CrypTenRing

/// `accumulate(operation)`: broadcast elements, and products of matrices, by residues or by `ring_product`.
extension DeviceKernels {
    package func accumulate(
        _ sum: inout RingTensor,
        _ operation: BilinearOperation,
        _ a: RingTensor,
        _ b: RingTensor,
        subtracting: Bool
    ) {
        let out = try? operation.outputShape(a.shape, b.shape)
        precondition(out == sum.shape, "\(operation.name) of \(a.shape) and \(b.shape) into \(sum.shape)")
        guard sum.count > 0, a.count > 0, b.count > 0 else { return }
        let shape = sum.shape
        if areOnHost([sum, a, b], fewerThan: settings.hostWords)
            || operation.multiplyAccumulates(a.shape, b.shape) < settings.hostProducts
                && areOnHost([sum, a, b], fewerThan: .max)
        {
            return host.accumulate(&sum, operation, a, b, subtracting: subtracting)
        }
        if operation == .multiply {
            let (left, right) = (broadcast(a, to: shape), broadcast(b, to: shape))
            return subtracting
                ? accumulate(&sum, subtractingProductOf: left, right) : accumulate(&sum, addingProductOf: left, right)
        }
        onDevice(()) { call in
            let (left, right) = (try call.place(of: a), try call.place(of: b))
            try call.update(&sum) { to in
                try call.apply(
                    operation,
                    to: to,
                    shape,
                    (left, a.shape),
                    (right, b.shape),
                    subtracting: subtracting
                )
            }
        }
    }
}

extension DeviceCall {
    /// `to ± operation(a, b)`, for what isn't done element by element.
    fileprivate func apply(
        _ operation: BilinearOperation,
        to: DeviceAddress,
        _ shape: Shape,
        _ a: (place: DeviceAddress, shape: Shape),
        _ b: (place: DeviceAddress, shape: Shape),
        subtracting: Bool
    ) throws {
        switch operation {
        case .multiply:
            preconditionFailure("elements are multiplied by a kernel of their own")
        case .matmul(let transposeLeft, let transposeRight):
            let (m, n) = (shape[-2], shape[-1])
            let k = transposeLeft ? a.shape[-2] : a.shape[-1]
            let product = DeviceProduct(
                rows: m,
                columns: n,
                inner: k,
                aRow: transposeLeft ? 1 : k,
                aInner: transposeLeft ? m : 1,
                bInner: transposeRight ? 1 : n,
                bColumn: transposeRight ? k : 1,
                subtracting: subtracting
            )
            for run in MatrixRun.all(of: shape, a.shape, b.shape) {
                try accumulate(
                    product.times(run.count, a: run.leftStep, b: run.rightStep, c: m * n),
                    to: to.advanced(words: run.first.sum),
                    a.place.advanced(words: run.first.left),
                    b.place.advanced(words: run.first.right)
                )
            }
        case .convolution(let geometry):
            let extents = ConvolutionExtents(geometry, input: a.shape, kernel: b.shape)!
            try convolve(DeviceConvolution(extents, subtracting), to, image: a.place, kernel: b.place)
        case .convolutionInputGradient(let geometry, _, _):
            let extents = ConvolutionExtents(geometry, input: shape, kernel: b.shape)!
            try accumulateInputGradient(to, extents, of: a.place, kernel: b.place, subtracting)
        case .convolutionKernelGradient(let geometry, _, _):
            let extents = ConvolutionExtents(geometry, input: a.shape, kernel: shape)!
            let convolution = DeviceConvolution(extents, subtracting)
            try accumulateKernelGradient(convolution, to, image: a.place, of: b.place)
        }
    }
}

extension DeviceCall {
    /// `c ± a·b` for a batch of matrices.
    func accumulate(
        _ product: DeviceProduct,
        to c: DeviceAddress,
        _ a: DeviceAddress,
        _ b: DeviceAddress
    ) throws {
        let (tile, most) = (64, 65_535)
        guard product.inner > 0 else { return }
        if try accumulateByResidues(product, to: c, a, b) { return }
        func number(_ extent: Int) -> UInt32 {
            precondition(extent <= Int32.max, "a product of \(product.rows) × \(product.inner) × \(product.columns)")
            return UInt32(extent)
        }
        // Of a grid no more than so many groups stand along the second and the third axis.
        for firstBatch in stride(from: 0, to: product.batches, by: most) {
            for firstRow in stride(from: 0, to: product.rows, by: most * tile) {
                let rows = min(product.rows - firstRow, most * tile)
                let start = product.cBatch * firstBatch + firstRow * product.columns
                let arguments = ProductArguments(
                    c: c.advanced(words: start),
                    a: a.advanced(words: product.aBatch * firstBatch + firstRow * product.aRow),
                    b: b.advanced(words: product.bBatch * firstBatch),
                    aRow: UInt64(product.aRow),
                    aInner: UInt64(product.aInner),
                    bInner: UInt64(product.bInner),
                    bColumn: UInt64(product.bColumn),
                    aBatch: UInt64(product.aBatch),
                    bBatch: UInt64(product.bBatch),
                    cBatch: UInt64(product.cBatch),
                    rows: number(rows),
                    columns: number(product.columns),
                    inner: number(product.inner),
                    subtract: product.subtracting ? 1 : 0
                )
                let groups = DeviceGroups(
                    (product.columns + tile - 1) / tile,
                    (rows + tile - 1) / tile,
                    min(product.batches - firstBatch, most)
                )
                try launch("ring_product", groups: groups, arguments)
            }
        }
    }
}

/// A batch of products of matrices: their extents, and how far steps lead.
///
/// The sums lie row by row without gaps.
struct DeviceProduct {
    var rows, columns, inner: Int
    var aRow, aInner: Int
    var bInner, bColumn: Int
    var subtracting: Bool
    var batches = 1
    var (aBatch, bBatch, cBatch) = (0, 0, 0)

    init(
        rows: Int,
        columns: Int,
        inner: Int,
        aRow: Int,
        aInner: Int,
        bInner: Int,
        bColumn: Int,
        subtracting: Bool
    ) {
        (self.rows, self.columns, self.inner) = (rows, columns, inner)
        (self.aRow, self.aInner, self.bInner, self.bColumn) = (aRow, aInner, bInner, bColumn)
        self.subtracting = subtracting
    }

    /// The same, so many times, with steps from each product to the next.
    func times(_ batches: Int, a: Int, b: Int, c: Int) -> DeviceProduct {
        var product = self
        product.batches = batches
        (product.aBatch, product.bBatch, product.cBatch) = (a, b, c)
        return product
    }
}

/// Products of a batch, one after the other, whose factors lie equally far apart: one launch.
struct MatrixRun {
    let first: MatrixBatch
    private(set) var count = 1
    private(set) var (leftStep, rightStep) = (0, 0)

    private init(_ first: MatrixBatch) {
        self.first = first
    }

    static func all(of sum: Shape, _ left: Shape, _ right: Shape) -> [MatrixRun] {
        var runs: [MatrixRun] = []
        for batch in MatrixBatch.all(of: sum, left, right) {
            if runs.isEmpty || !runs[runs.count - 1].take(batch) { runs.append(MatrixRun(batch)) }
        }
        return runs
    }

    /// Takes the next product, if it is as far from the last one as that from the one before.
    private mutating func take(_ next: MatrixBatch) -> Bool {
        let (left, right) = (next.left - first.left, next.right - first.right)
        if count == 1 {
            // Steps go forward: one that goes back begins another run.
            guard left >= 0, right >= 0 else { return false }
            (leftStep, rightStep) = (left, right)
        } else {
            guard left == count * leftStep, right == count * rightStep else { return false }
        }
        count += 1
        return true
    }
}
