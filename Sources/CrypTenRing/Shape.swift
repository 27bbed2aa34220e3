import CrypTenBase

/// The extents of a tensor, outermost first; `[]` is a scalar.
public struct Shape: Hashable, Sendable, Codable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// No tensor has more elements than this; a shape from a file or a peer is checked against it.
    public static let largestCount = 1 << 40

    /// No tensor has more axes than this.
    public static let largestRank = 64

    /// The extent of every axis.
    public let dimensions: [Int]

    /// A shape of extents that are known to be valid: few enough, not negative, and few enough elements.
    public init(_ dimensions: [Int]) {
        precondition(Shape.isValid(dimensions), "extents \(dimensions) aren't a shape")
        self.dimensions = dimensions
    }

    public init(arrayLiteral elements: Int...) {
        self.init(elements)
    }

    /// A shape of extents that come from outside.
    ///
    /// - Throws: `CrypTenError.Code.shapeMismatch` where an extent is negative, or there are too many of them or too many elements.
    public init(checking dimensions: [Int]) throws {
        guard Shape.isValid(dimensions) else {
            throw CrypTenError(
                .shapeMismatch,
                "extents \(dimensions) aren't a shape: at most 64, each 0 or more, and 2^40 elements in all"
            )
        }
        self.dimensions = dimensions
    }

    /// How many positions extents have together, those of 0 counted as 1: what is made of an empty shape may go by the others.
    /// The largest number where there is none for it.
    package static func positions(_ extents: [Int]) -> Int {
        extents.reduce(1) { count, extent in
            let (product, overflows) = count.multipliedReportingOverflow(by: Swift.max(extent, 1))
            return overflows ? .max : product
        }
    }

    private static func isValid(_ dimensions: [Int]) -> Bool {
        guard dimensions.count <= largestRank else { return false }
        var count = 1
        var empty = false
        for extent in dimensions {
            if extent < 0 || extent > largestCount { return false }
            if extent == 0 {
                empty = true
                continue
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            if overflow || product > largestCount { return false }
            count = product
        }
        return empty || count <= largestCount
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            try self.init(checking: container.decode([Int].self))
        } catch let error as CrypTenError {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(dimensions)
    }

    /// The number of axes.
    public var rank: Int {
        dimensions.count
    }

    /// The number of elements.
    public var count: Int {
        dimensions.reduce(1, *)
    }

    /// The extent of one axis; a negative axis counts from the last.
    ///
    /// A shape without axes has extent 1 along every axis, as where it is broadcast: what is composed of an ill-formed expression, whose
    /// node has no axes, goes on to the node that carries its error.
    public subscript(axis: Int) -> Int {
        dimensions.isEmpty ? 1 : dimensions[axis < 0 ? axis + rank : axis]
    }

    /// How many elements lie between neighbours along each axis, in row-major order.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * dimensions[axis + 1]
        }
        return strides
    }

    /// The shape that two operands have together by NumPy's rule, or nil where they can't be combined.
    public static func broadcast(_ left: Shape, _ right: Shape) -> Shape? {
        if left == right { return left }
        let rank = max(left.rank, right.rank)
        var out = [Int](repeating: 1, count: rank)
        for axis in 0..<rank {
            let a = axis < rank - left.rank ? 1 : left.dimensions[axis - rank + left.rank]
            let b = axis < rank - right.rank ? 1 : right.dimensions[axis - rank + right.rank]
            guard a == b || a == 1 || b == 1 else { return nil }
            out[axis] = a == 1 ? b : a
        }
        return isValid(out) ? Shape(out) : nil
    }

    /// The shape without the given axes, or with them kept at extent 1.
    public func reducing(_ axes: [Int], keepDimensions: Bool) -> Shape {
        let gone = Set(axes.map { $0 < 0 ? $0 + rank : $0 })
        return Shape(
            dimensions.enumerated().compactMap { axis, extent in
                gone.contains(axis) ? (keepDimensions ? 1 : nil) : extent
            }
        )
    }

    public var description: String {
        "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
    }
}
