internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// The attributes that convolutions and poolings share, for each axis after the first two.
struct WindowAttributes {
    var kernel: [Int]
    var strides: [Int]
    var dilations: [Int]
    /// Elements added before each axis.
    var before: [Int]
    /// Elements added after each axis.
    var after: [Int]

    /// Reads and checks a node's attributes.
    ///
    /// - Parameters:
    ///   - operation: The node.
    ///   - shape: `[N, C, …]` with one to three further axes.
    ///   - given: The kernel's extents, where the weights say them; poolings have an attribute.
    /// - Throws: `.unsupportedOperator` for other shapes; `.malformedFile` for numbers that make no sense.
    init(_ operation: Operation, shape: Shape, kernel given: [Int]?) throws {
        let axes = shape.rank - 2
        guard (1...3).contains(axes) else {
            throw operation.unsupported(
                "its input has shape \(shape); [N, C, L], [N, C, H, W] and [N, C, D, H, W] are computed here"
            )
        }
        func list(_ name: String, count: Int, default standard: Int, least: Int) throws -> [Int] {
            let values = try operation.ints(name) ?? [Int](repeating: standard, count: count)
            guard values.count == count, values.allSatisfy({ (least...1 << 20).contains($0) }) else {
                throw operation.malformed("\(name) \(values) must be \(count) numbers from \(least) on")
            }
            return values
        }
        let kernelAttribute = try operation.ints("kernel_shape")
        guard let kernel = given ?? kernelAttribute, kernel.count == axes,
            kernel.allSatisfy({ (1...1 << 20).contains($0) })
        else {
            throw operation.malformed("kernel_shape must be \(axes) numbers from 1 on")
        }
        if let kernelAttribute, kernelAttribute != kernel {
            throw operation.malformed("kernel_shape \(kernelAttribute) isn't that of the weights, \(kernel)")
        }
        self.kernel = kernel
        strides = try list("strides", count: axes, default: 1, least: 1)
        dilations = try list("dilations", count: axes, default: 1, least: 1)
        (before, after) = ([Int](repeating: 0, count: axes), [Int](repeating: 0, count: axes))
        switch try operation.string("auto_pad", default: "NOTSET") {
        case "NOTSET", "":
            let pads = try list("pads", count: 2 * axes, default: 0, least: 0)
            (before, after) = (Array(pads.prefix(axes)), Array(pads.suffix(axes)))
        case "VALID":
            break
        case let mode where mode == "SAME_UPPER" || mode == "SAME_LOWER":
            for axis in 0..<axes {
                let extent = shape[axis + 2]
                let outputs = (extent + strides[axis] - 1) / strides[axis]
                let total = max(0, (outputs - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1 - extent)
                before[axis] = mode == "SAME_UPPER" ? total / 2 : total - total / 2
                after[axis] = total - before[axis]
            }
        case let mode:
            throw operation.malformed("auto_pad '\(mode)' isn't known")
        }
    }

    /// Rows and columns; of a signal, one row.
    private func pair(_ values: [Int], single: Int) -> IntOrPair {
        values.count == 1 ? IntOrPair(single, values[0]) : IntOrPair(values[0], values[1])
    }

    var kernelPair: IntOrPair { pair(kernel, single: 1) }
    var stridePair: IntOrPair { pair(strides, single: 1) }
    var dilationPair: IntOrPair { pair(dilations, single: 1) }
    var sides: Padding {
        let (first, last) = (pair(before, single: 0), pair(after, single: 0))
        return Padding(top: first.rows, left: first.columns, bottom: last.rows, right: last.columns)
    }

    var strideTriple: IntOrTriple { IntOrTriple(strides[0], strides[1], strides[2]) }
    var dilationTriple: IntOrTriple { IntOrTriple(dilations[0], dilations[1], dilations[2]) }
    var beforeTriple: IntOrTriple { IntOrTriple(before[0], before[1], before[2]) }
    var afterTriple: IntOrTriple { IntOrTriple(after[0], after[1], after[2]) }

    /// Windows along each axis.
    var windows: [CrypTensor.AxisWindow] {
        kernel.indices.map {
            CrypTensor.AxisWindow(
                kernel: kernel[$0],
                stride: strides[$0],
                before: before[$0],
                after: after[$0],
                dilation: dilations[$0]
            )
        }
    }

    /// - Throws: `.unsupportedOperator` where windows have so many elements that none list them.
    func checkCount(_ operation: Operation, _ shape: Shape) throws {
        for axis in kernel.indices {
            let outputs = (shape[axis + 2] + before[axis] + after[axis]) / strides[axis] + 1
            let (elements, overflows) = outputs.multipliedReportingOverflow(by: kernel[axis])
            guard !overflows, elements <= 1 << 18 else {
                throw operation.unsupported(
                    "its windows along axis \(axis + 2) of shape \(shape) have \(elements) elements; 2^18 are the most"
                )
            }
        }
    }
}

extension Value {
    /// A signal `[N, C, L]` as an image of height 1; images as they are.
    func asImage() throws -> Value {
        shape.rank == 3 ? try reshaped([shape[0], shape[1], 1, shape[2]]) : self
    }

    /// An image of height 1 as the signal that it was made of.
    func asSignal(_ isSignal: Bool) throws -> Value {
        isSignal ? try reshaped([shape[0], shape[1], shape[3]]) : self
    }
}
