import CrypTenBase

/// Numbers of one kind with a shape, in row-major order; the first axis is the rows.
public struct ClientTensor: Hashable, Sendable {
    /// The numbers.
    public enum Values: Hashable, Sendable {
        case doubles([Double])
        case integers([Int64])
        case booleans([Bool])

        /// How many there are.
        public var count: Int {
            switch self {
            case .doubles(let values): values.count
            case .integers(let values): values.count
            case .booleans(let values): values.count
            }
        }
    }

    /// The shape; the first axis is the rows.
    public let shape: [Int]
    /// The numbers, in row-major order.
    public let values: Values

    /// A tensor.
    ///
    /// - Throws: `.shapeMismatch` where there aren't as many numbers as the shape says, or where it has no axis or no row.
    public init(shape: [Int], _ values: Values) throws {
        let count = shape.reduce(1) { count, extent -> Int? in
            guard let count, extent >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            return overflow ? nil : product
        }
        guard let rows = shape.first, rows >= 1, count == values.count else {
            throw CrypTenError(
                .shapeMismatch,
                "\(values.count) numbers don't make a tensor of shape \(shape): its first axis is the rows, one at least"
            )
        }
        self.shape = shape
        self.values = values
    }

    /// A tensor of reals.
    ///
    /// - Throws: as ``init(shape:_:)`` does.
    public init(shape: [Int], doubles: [Double]) throws {
        try self.init(shape: shape, .doubles(doubles))
    }

    /// A tensor of whole numbers.
    ///
    /// - Throws: as ``init(shape:_:)`` does.
    public init(shape: [Int], integers: [Int64]) throws {
        try self.init(shape: shape, .integers(integers))
    }

    /// A tensor of booleans.
    ///
    /// - Throws: as ``init(shape:_:)`` does.
    public init(shape: [Int], booleans: [Bool]) throws {
        try self.init(shape: shape, .booleans(booleans))
    }

    /// How many rows there are.
    public var rows: Int { shape[0] }

    /// The reals; nil where it has others.
    public var doubles: [Double]? {
        if case .doubles(let values) = values { values } else { nil }
    }

    /// The whole numbers; nil where it has others.
    public var integers: [Int64]? {
        if case .integers(let values) = values { values } else { nil }
    }

    /// The booleans; nil where it has others.
    public var booleans: [Bool]? {
        if case .booleans(let values) = values { values } else { nil }
    }
}
