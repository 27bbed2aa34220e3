public import CrypTenRing

/// A plain tensor: what a party puts in and what a reveal gives back.
///
/// Row-major.
public struct Tensor: Hashable, Sendable {
    /// The numbers, in the type that they came in.
    public enum Elements: Hashable, Sendable {
        case float([Float])
        case double([Double])
        case int32([Int32])
        case int64([Int64])
        case bool([Bool])

        /// How many there are.
        public var count: Int {
            switch self {
            case .float(let values): values.count
            case .double(let values): values.count
            case .int32(let values): values.count
            case .int64(let values): values.count
            case .bool(let values): values.count
            }
        }
    }

    /// The extents, outermost first.
    public let shape: Shape
    /// The numbers in row-major order.
    public let elements: Elements

    /// A tensor of numbers in row-major order; there must be as many as the shape has elements.
    public init(_ elements: Elements, shape: Shape) {
        precondition(elements.count == shape.count, "\(elements.count) elements can't have shape \(shape)")
        self.shape = shape
        self.elements = elements
    }

    /// A tensor of numbers in row-major order; there must be as many as the shape has elements.
    public init(_ values: [Double], shape: Shape) {
        self.init(.double(values), shape: shape)
    }

    /// A tensor of numbers in row-major order; there must be as many as the shape has elements.
    public init(_ values: [Int64], shape: Shape) {
        self.init(.int64(values), shape: shape)
    }

    /// A tensor of whole numbers; also what a literal without decimal points gives: `Tensor([1, 2], shape: [2])`.
    public init(_ values: [Int], shape: Shape) {
        self.init(.int64(values.map(Int64.init)), shape: shape)
    }

    /// A scalar.
    public init(_ value: Double) {
        self.init([value], shape: [])
    }

    /// How these numbers are encoded when they become an expression: floats as reals, whole numbers as integers.
    public var kind: ElementKind {
        switch elements {
        case .float, .double: .real
        case .int32, .int64: .integer
        case .bool: .bit
        }
    }

    /// The numbers as doubles; a 64-bit integer beyond 2^53 is rounded.
    public var doubles: [Double] {
        switch elements {
        case .float(let values): values.map(Double.init)
        case .double(let values): values
        case .int32(let values): values.map(Double.init)
        case .int64(let values): values.map(Double.init)
        case .bool(let values): values.map { $0 ? 1 : 0 }
        }
    }

    /// The numbers as 64-bit integers; reals must be whole and in range, or the result is nil.
    public var integers: [Int64]? {
        switch elements {
        case .int64(let values): return values
        case .int32(let values): return values.map(Int64.init)
        case .bool(let values): return values.map { $0 ? 1 : 0 }
        case .float, .double:
            var out: [Int64] = []
            out.reserveCapacity(elements.count)
            for value in doubles {
                guard let whole = Int64(exactly: value) else { return nil }
                out.append(whole)
            }
            return out
        }
    }
}
