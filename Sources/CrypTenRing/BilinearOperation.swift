import CrypTenBase

/// The window arithmetic of a two-dimensional convolution; one-dimensional ones have height 1.
public struct ConvolutionGeometry: Hashable, Sendable, Codable {
    /// Steps between windows, rows then columns.
    public var strides: [Int]
    /// Zeros before the first and after the last row and column: top, left, bottom, right.
    public var padding: [Int]
    /// Steps between a window's elements, rows then columns.
    public var dilations: [Int]
    /// Channels are split into this many groups that don't mix.
    public var groups: Int

    public init(strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], dilations: [Int] = [1, 1], groups: Int = 1) {
        self.strides = strides
        self.padding = padding
        self.dilations = dilations
        self.groups = groups
    }

    /// How many windows fit along one axis (0: rows, 1: columns).
    public func outputExtent(axis: Int, input: Int, kernel: Int) -> Int {
        let span = dilations[axis] * (kernel - 1) + 1
        let room = input + padding[axis] + padding[axis + 2] - span
        return room < 0 ? 0 : room / strides[axis] + 1
    }

    /// Whether the numbers make sense; files and peers are asked, code of ours isn't.
    public var isValid: Bool {
        strides.count == 2 && dilations.count == 2 && padding.count == 4 && (1...1 << 20).contains(groups)
            && (strides + dilations).allSatisfy { (1...1 << 20).contains($0) }
            && padding.allSatisfy { (0...1 << 20).contains($0) }
    }
}

/// An operation that is linear in each of two operands: what one gate computes on masked wires without sending a byte.
///
/// Shapes: `multiply` broadcasts by NumPy's rule. `matmul` takes `[…, m, k]` and `[…, k, n]` (each stored transposed where
/// its flag says so); leading axes broadcast. A convolution takes `[N, C, H, W]` and `[O, C / groups, KH, KW]`. Its
/// gradients are bilinear too: with respect to the input, of the output's gradient and the kernel; with respect to the
/// kernel, of the input and the output's gradient.
public enum BilinearOperation: Hashable, Sendable, Codable {
    case multiply
    case matmul(transposeLeft: Bool, transposeRight: Bool)
    case convolution(ConvolutionGeometry)
    /// `(gradient of the output, kernel) -> gradient of the input`, whose rows and columns are `height` and `width`.
    case convolutionInputGradient(ConvolutionGeometry, height: Int, width: Int)
    /// `(input, gradient of the output) -> gradient of the kernel`, whose rows and columns are `height` and `width`.
    case convolutionKernelGradient(ConvolutionGeometry, height: Int, width: Int)

    /// The result's shape.
    ///
    /// - Throws: `CrypTenError.Code.shapeMismatch` naming both shapes where they don't fit the operation.
    public func outputShape(_ left: Shape, _ right: Shape) throws -> Shape {
        func mismatch(_ rule: String) -> CrypTenError {
            CrypTenError(.shapeMismatch, "\(name) can't combine shapes \(left) and \(right): \(rule)")
        }
        switch self {
        case .multiply:
            guard let shape = Shape.broadcast(left, right) else {
                throw mismatch("extents must be equal or 1")
            }
            return shape

        case .matmul(let transposeLeft, let transposeRight):
            guard left.rank >= 2, right.rank >= 2 else { throw mismatch("both need two axes or more") }
            let (m, k) = transposeLeft ? (left[-1], left[-2]) : (left[-2], left[-1])
            let (inner, n) = transposeRight ? (right[-1], right[-2]) : (right[-2], right[-1])
            guard k == inner else { throw mismatch("inner extents \(k) and \(inner) differ") }
            guard
                let batch = Shape.broadcast(
                    Shape(Array(left.dimensions.dropLast(2))),
                    Shape(Array(right.dimensions.dropLast(2)))
                )
            else { throw mismatch("leading extents must be equal or 1") }
            return try Shape(checking: batch.dimensions + [m, n])

        case .convolution(let geometry):
            guard geometry.isValid, left.rank == 4, right.rank == 4 else {
                throw mismatch("it takes [N, C, H, W] and [O, C / groups, KH, KW]")
            }
            guard left[1] == right[1] * geometry.groups, right[0] % geometry.groups == 0 else {
                throw mismatch("\(left[1]) channels, \(geometry.groups) groups and a kernel for \(right[1]) don't fit")
            }
            let height = geometry.outputExtent(axis: 0, input: left[2], kernel: right[2])
            let width = geometry.outputExtent(axis: 1, input: left[3], kernel: right[3])
            guard height > 0, width > 0 else { throw mismatch("the kernel is larger than the padded input") }
            return try Shape(checking: [left[0], right[0], height, width])

        case .convolutionInputGradient(let geometry, let height, let width):
            guard geometry.isValid, left.rank == 4, right.rank == 4, left[1] == right[0],
                BilinearOperation.arePlausible(height, width), left[1] % geometry.groups == 0,
                geometry.outputExtent(axis: 0, input: height, kernel: right[2]) == left[2],
                geometry.outputExtent(axis: 1, input: width, kernel: right[3]) == left[3]
            else { throw mismatch("they belong to no convolution of a \(height) × \(width) input") }
            return try Shape(checking: [left[0], right[1] * geometry.groups, height, width])

        case .convolutionKernelGradient(let geometry, let height, let width):
            guard geometry.isValid, left.rank == 4, right.rank == 4, left[0] == right[0],
                BilinearOperation.arePlausible(height, width),
                left[1] % geometry.groups == 0, right[1] % geometry.groups == 0,
                geometry.outputExtent(axis: 0, input: left[2], kernel: height) == right[2],
                geometry.outputExtent(axis: 1, input: left[3], kernel: width) == right[3]
            else { throw mismatch("they belong to no convolution with a \(height) × \(width) kernel") }
            return try Shape(checking: [right[1], left[1] / geometry.groups, height, width])
        }
    }

    /// Rows and columns that a tensor can have.
    private static func arePlausible(_ height: Int, _ width: Int) -> Bool {
        [height, width].allSatisfy { (0...Shape.largestCount).contains($0) }
    }

    /// Multiply-accumulates of one product, for cost reports; the largest number where they are more than that.
    public func multiplyAccumulates(_ left: Shape, _ right: Shape) -> Int {
        guard let out = try? outputShape(left, right) else { return 0 }
        let (results, inner) =
            switch self {
            case .multiply: (out.count, 1)
            case .matmul(let transposeLeft, _): (out.count, transposeLeft ? left[-2] : left[-1])
            case .convolution: (out.count, right[1] * right[2] * right[3])
            case .convolutionInputGradient: (left.count, right[1] * right[2] * right[3])
            case .convolutionKernelGradient: (right.count, out[1] * out[2] * out[3])
            }
        let (product, overflows) = results.multipliedReportingOverflow(by: inner)
        return overflows ? .max : product
    }

    /// The field's name for it.
    public var name: String {
        switch self {
        case .multiply: "multiply"
        case .matmul: "matmul"
        case .convolution: "convolution"
        case .convolutionInputGradient: "convolution input gradient"
        case .convolutionKernelGradient: "convolution kernel gradient"
        }
    }
}
