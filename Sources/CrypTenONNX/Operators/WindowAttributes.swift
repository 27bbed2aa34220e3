internal import CrypTenBase
internal import CrypTenRing

/// The attributes that convolutions and poolings share, for one or two axes; those of one axis become the second of two.
struct WindowAttributes {
    /// Rows and columns.
    var kernel: [Int]
    var strides: [Int]
    var dilations: [Int]
    /// Top, left, bottom, right.
    var padding: [Int]

    /// Reads and checks a node's attributes.
    ///
    /// - Parameters:
    ///   - operation: The node.
    ///   - shape: `[N, C, L]` or `[N, C, H, W]`.
    ///   - given: The kernel's extents, where the weights say them; poolings have an attribute.
    /// - Throws: `.unsupportedOperator` for other shapes; `.malformedFile` for numbers that make no sense.
    init(_ operation: Operation, shape: Shape, kernel given: [Int]?) throws {
        let axes = shape.rank - 2
        guard axes == 1 || axes == 2 else {
            throw operation.unsupported("its input has shape \(shape); [N, C, L] and [N, C, H, W] are computed here")
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
        let strides = try list("strides", count: axes, default: 1, least: 1)
        let dilations = try list("dilations", count: axes, default: 1, least: 1)

        let mode = try operation.string("auto_pad", default: "NOTSET")
        var (before, after) = ([Int](repeating: 0, count: axes), [Int](repeating: 0, count: axes))
        switch mode {
        case "NOTSET":
            let pads = try list("pads", count: 2 * axes, default: 0, least: 0)
            (before, after) = (Array(pads.prefix(axes)), Array(pads.suffix(axes)))
        case "VALID":
            break
        case "SAME_UPPER", "SAME_LOWER":
            for axis in 0..<axes {
                let extent = shape[axis + 2]
                let outputs = (extent + strides[axis] - 1) / strides[axis]
                let total = max(0, (outputs - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1 - extent)
                before[axis] = mode == "SAME_UPPER" ? total / 2 : total - total / 2
                after[axis] = total - before[axis]
            }
        default:
            throw operation.malformed("auto_pad '\(mode)' isn't known")
        }
        let single = axes == 1
        self.kernel = single ? [1] + kernel : kernel
        self.strides = single ? [1] + strides : strides
        self.dilations = single ? [1] + dilations : dilations
        padding = single ? [0, before[0], 0, after[0]] : before + after
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
