extension PlainKernels {
    package func accumulate(
        _ sum: inout RingTensor,
        _ operation: BilinearOperation,
        _ a: RingTensor,
        _ b: RingTensor,
        subtracting: Bool
    ) {
        let out = try? operation.outputShape(a.shape, b.shape)
        precondition(out == sum.shape, "\(operation.name) of \(a.shape) and \(b.shape) into \(sum.shape)")
        // Subtracting a product is adding it with a factor's sign turned.
        let a = subtracting ? negate(a) : a
        switch operation {
        case .multiply:
            accumulate(&sum, addingProductOf: broadcast(a, to: sum.shape), broadcast(b, to: sum.shape))
        case .matmul(let transposeLeft, let transposeRight):
            addMatrixProduct(&sum, a, b, transposeLeft, transposeRight)
        case .convolution(let geometry):
            let extents = ConvolutionExtents(geometry, input: a.shape, kernel: b.shape)!
            addProducts(to: &sum, of: a, b) { accumulate in
                extents.forEachTap { input, kernel, output in accumulate(output, input, kernel) }
            }
        case .convolutionInputGradient(let geometry, _, _):
            let extents = ConvolutionExtents(geometry, input: sum.shape, kernel: b.shape)!
            addProducts(to: &sum, of: a, b) { accumulate in
                extents.forEachTap { input, kernel, output in accumulate(input, output, kernel) }
            }
        case .convolutionKernelGradient(let geometry, _, _):
            let extents = ConvolutionExtents(geometry, input: a.shape, kernel: sum.shape)!
            addProducts(to: &sum, of: a, b) { accumulate in
                extents.forEachTap { input, kernel, output in accumulate(kernel, input, output) }
            }
        }
    }

    /// `sum[s] += a[i] · b[j]` for every triple of positions that `positions` names.
    private func addProducts(
        to sum: inout RingTensor,
        of a: RingTensor,
        _ b: RingTensor,
        _ positions: ((_ s: Int, _ i: Int, _ j: Int) -> Void) -> Void
    ) {
        a.withWords { a in
            b.withWords { b in
                sum.withMutableWords { sum in
                    positions { s, i, j in sum[s] &+= a[i] &* b[j] }
                }
            }
        }
    }

    private func addMatrixProduct(
        _ sum: inout RingTensor,
        _ a: RingTensor,
        _ b: RingTensor,
        _ transposeLeft: Bool,
        _ transposeRight: Bool
    ) {
        let (m, n) = (sum.shape[-2], sum.shape[-1])
        let k = transposeLeft ? a.shape[-2] : a.shape[-1]
        // How far to move for one step along a row's index, and along the inner one.
        let (aRow, aInner) = transposeLeft ? (1, m) : (k, 1)
        let (bInner, bColumn) = transposeRight ? (1, k) : (n, 1)
        let batches = MatrixBatch.all(of: sum.shape, a.shape, b.shape)
        addProducts(to: &sum, of: a, b) { accumulate in
            for batch in batches {
                for row in 0..<m {
                    for inner in 0..<k {
                        for column in 0..<n {
                            accumulate(
                                batch.sum + row * n + column,
                                batch.left + row * aRow + inner * aInner,
                                batch.right + inner * bInner + column * bColumn
                            )
                        }
                    }
                }
            }
        }
    }
}

/// Where the matrices of one product begin, in a batch whose leading axes broadcast.
package struct MatrixBatch: Sendable {
    package let sum, left, right: Int

    /// The products of a batch in row-major order of its leading axes.
    package static func all(of sum: Shape, _ left: Shape, _ right: Shape) -> [MatrixBatch] {
        let batch = Shape(Array(sum.dimensions.dropLast(2)))
        func starts(_ operand: Shape) -> [Int] {
            let matrix = operand[-2] * operand[-1]
            let leading = Shape(Array(operand.dimensions.dropLast(2)))
            var positions: [Int] = []
            StridedView.broadcasting(leading, to: batch).forEachPosition { positions.append($0 * matrix) }
            return positions
        }
        let matrix = sum[-2] * sum[-1]
        return zip(starts(left), starts(right)).enumerated().map { index, starts in
            MatrixBatch(sum: index * matrix, left: starts.0, right: starts.1)
        }
    }
}

extension ConvolutionExtents {
    /// Every multiplication of the convolution: the positions of the input, the kernel and the output that it joins.
    fileprivate func forEachTap(_ body: (_ input: Int, _ kernel: Int, _ output: Int) -> Void) {
        var output = 0
        for image in 0..<batch {
            for outputChannel in 0..<outputs {
                let firstChannel = outputChannel / groupOutputs * groupChannels
                for row in 0..<outputHeight {
                    for column in 0..<outputWidth {
                        for channel in 0..<groupChannels {
                            let plane = (image * channels + firstChannel + channel) * height * width
                            let kernelPlane = (outputChannel * groupChannels + channel) * kernelHeight * kernelWidth
                            for ky in 0..<kernelHeight {
                                let y = row * geometry.strides[0] - geometry.padding[0] + ky * geometry.dilations[0]
                                guard (0..<height).contains(y) else { continue }
                                for kx in 0..<kernelWidth {
                                    let x =
                                        column * geometry.strides[1] - geometry.padding[1] + kx * geometry.dilations[1]
                                    guard (0..<width).contains(x) else { continue }
                                    body(plane + y * width + x, kernelPlane + ky * kernelWidth + kx, output)
                                }
                            }
                        }
                        output += 1
                    }
                }
            }
        }
    }
}
