package import CrypTenRing

/// A bilinear operation as products of polynomials in which one operand's rows are lanes, the fine exponent.
///
/// Both operands are seen as `[group, row, channel, position]`, the result as `[group, left row, right row, position]`, each with a map of
/// elements. A matrix product has one position: rows of the left factor, columns of the right one, channels that are summed. A convolution has
/// tiles of the image with their halo as one side's rows and output channels as the other's. With a block of c channels and o rows of the side
/// that isn't in lanes, element (lane i, channel k, position) of the side in lanes lies at
///
///     X^(i + lanes · (k · area + offset)),
///
/// that of the other side's row j at X^(lanes · ((c − 1 − k) · area + j · c · area + offset)), and the result (i, j, position) is the coefficient of
/// X^(i + lanes · ((c − 1) · area + j · c · area + offset)): the sum over channels and over all pairs of positions whose offsets add up to it.
/// What wraps around, past c · o · area, lies below the first result.
package struct LatticeForm: Hashable, Sendable {
    /// How the operands are seen.
    package enum Layout: Hashable, Sendable {
        /// One position: a matrix product, of gathered patches where the operation is a convolution.
        case matrix
        /// Tiles of that many rows and columns of results: convolutions, and their gradients with respect to the input.
        case tiles(height: Int, width: Int)
    }

    /// One operand: how many rows, and where its positions lie.
    package struct Side: Hashable, Sendable {
        package var rows: Int
        package var offsets: [Int]
    }

    /// A side of an operation.
    package enum Operand: Hashable, Sendable, CaseIterable {
        case left, right

        package var other: Operand { self == .left ? .right : .left }
    }

    package let operation: BilinearOperation
    package let leftShape, rightShape, outputShape: Shape
    package let layout: Layout
    package let groups, channels: Int
    /// The exponents of one channel.
    package let area: Int
    package let left, right: Side
    package let resultOffsets: [Int]

    package subscript(operand: Operand) -> Side { operand == .left ? left : right }

    package func shape(of operand: Operand) -> Shape { operand == .left ? leftShape : rightShape }

    init(
        _ operation: BilinearOperation,
        _ shapes: (left: Shape, right: Shape, output: Shape),
        _ layout: Layout,
        groups: Int,
        channels: Int,
        area: Int,
        left: Side,
        right: Side,
        resultOffsets: [Int]
    ) {
        self.operation = operation
        (leftShape, rightShape, outputShape) = shapes
        self.layout = layout
        (self.groups, self.channels, self.area) = (groups, channels, area)
        (self.left, self.right, self.resultOffsets) = (left, right, resultOffsets)
    }

    /// Whether nothing is to be computed: no result, or sums of nothing.
    package var isEmpty: Bool {
        groups == 0 || channels == 0 || left.rows == 0 || right.rows == 0
    }

    /// The elements of an operand by [group, row, channel, position]; −1 is a zero.
    package func map(of operand: Operand) -> [Int32] {
        switch layout {
        case .matrix: MatrixMaps(self).map(of: operand)
        case .tiles(let height, let width): TileMaps(self, height, width).map(of: operand)
        }
    }

    /// The elements of the result by [group, left row, right row, position]; −1 is none.
    package func resultMap() -> [Int32] {
        switch layout {
        case .matrix: MatrixMaps(self).resultMap()
        case .tiles(let height, let width): TileMaps(self, height, width).resultMap()
        }
    }
}
