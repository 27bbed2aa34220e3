internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Triangles, blocks moved between axes, crops, and running sums.
    static let arrangement: [String: OperatorEntry] = [
        "Trilu": OperatorEntry([14], known: [1]) { operation in
            let value = try operation.input(0)
            guard let diagonal = Int(exactly: try operation.knownScalar(1) ?? 0) else {
                throw operation.malformed("its diagonal must be a whole number")
            }
            let spare = value.shape.rank >= 2 ? value.shape[-1] * value.shape[-2] : 0
            try ImportBudget.spend(spare, for: "a triangle of \(spare) places")
            let isUpper = try operation.flag("upper", default: true)
            return [
                try Value.computed([value], value.type) { isUpper ? $0[0].triu(diagonal) : $0[0].tril(diagonal) }
            ]
        },
        "EyeLike": OperatorEntry([9, 22]) { operation in
            let value = try operation.input(0)
            guard value.shape.rank == 2 else { throw operation.mismatch("shape \(value.shape) isn't a matrix") }
            let type = try operation.int("dtype").map { try elementType($0, of: operation) } ?? value.type
            let offset = try operation.int("k", default: 0)
            let (rows, columns) = (value.shape[0], value.shape[1])
            try ImportBudget.spend(rows * columns, for: "a diagonal matrix of shape \(value.shape)")
            let ones = (0..<rows).flatMap { row in (0..<columns).map { $0 - row == offset } }
            switch type.kind {
            case .bit: return [Value(type, known: Tensor(.bool(ones), shape: value.shape))]
            case .integer: return [Value(type, known: Tensor(ones.map { $0 ? Int64(1) : 0 }, shape: value.shape))]
            case .real: return [Value(type, known: Tensor(ones.map { $0 ? 1.0 : 0 }, shape: value.shape))]
            }
        },
        "SpaceToDepth": OperatorEntry([1, 13, 28]) { operation in
            let (value, size) = try blocks(operation)
            let dimensions = value.shape.dimensions
            guard dimensions[2] % size == 0, dimensions[3] % size == 0 else {
                throw operation.mismatch("shape \(value.shape) can't be cut into blocks of \(size)")
            }
            let (high, wide) = (dimensions[2] / size, dimensions[3] / size)
            let isColumnFirst = try operation.string("mode", default: "DCR") == "CRD"
            return [
                try value.reshaped([dimensions[0], dimensions[1], high, size, wide, size])
                    .permuted(isColumnFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4])
                    .reshaped(try Shape(checking: [dimensions[0], dimensions[1] * size * size, high, wide]))
            ]
        },
        "DepthToSpace": OperatorEntry([1, 11, 13, 28]) { operation in
            let (value, size) = try blocks(operation)
            let dimensions = value.shape.dimensions
            guard dimensions[1] % (size * size) == 0 else {
                throw operation.mismatch("\(dimensions[1]) channels can't make blocks of \(size)")
            }
            let channels = dimensions[1] / (size * size)
            let isColumnFirst = try operation.string("mode", default: "DCR") == "CRD"
            let apart: Shape =
                isColumnFirst
                ? [dimensions[0], channels, size, size, dimensions[2], dimensions[3]]
                : [dimensions[0], size, size, channels, dimensions[2], dimensions[3]]
            return [
                try value.reshaped(apart).permuted(isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2])
                    .reshaped(
                        try Shape(checking: [dimensions[0], channels, dimensions[2] * size, dimensions[3] * size])
                    )
            ]
        },
        "CenterCropPad": OperatorEntry([18], known: [1], cropped),
        "CumSum": OperatorEntry([11, 14], known: [1]) { operation in
            try scanned(operation) { $0.cumsum(axis: $1, exclusive: $2, reverse: $3) }
        },
        "CumProd": OperatorEntry([26], known: [1]) { operation in
            try scanned(operation) { $0.cumprod(axis: $1, exclusive: $2, reverse: $3) }
        },
        "Einsum": OperatorEntry([12, 28]) { operation in
            let values = try operation.allInputs()
            let equation = try operation.string("equation", default: "")
            return [try Value.computed(values, values[0].type) { einsum(equation, $0) }]
        },
        "Det": OperatorEntry([11, 22]) { operation in
            let value = try operation.real(0)
            return [try Value.computed([value], value.type) { $0[0].determinant() }]
        },
    ]

    /// The element type of the standard's number.
    static func elementType(_ number: Int, of operation: Operation) throws -> ONNXElementType {
        guard let short = Int32(exactly: number), let type = ONNXElementType(standardNumber: short) else {
            throw operation.unsupported(
                "it makes elements of type \(number) of the standard, which isn't computed here"
            )
        }
        return type
    }

    private static func blocks(_ operation: Operation) throws -> (Value, Int) {
        let value = try operation.input(0)
        guard value.shape.rank == 4, let size = try operation.int("blocksize"), (1...1 << 10).contains(size) else {
            throw operation.malformed("it takes [N, C, H, W] and blocks of 1 or more, not shape \(value.shape)")
        }
        return (value, size)
    }

    private static func scanned(
        _ operation: Operation,
        _ function: (CrypTensor, _ axis: Int, _ exclusive: Bool, _ reverse: Bool) -> CrypTensor
    ) throws -> [Value] {
        let value = try operation.number(0)
        guard let given = try operation.knownScalar(1).flatMap({ Int(exactly: $0) }) else {
            throw operation.malformed("its axis must be one whole number")
        }
        let axis = try operation.axis(given, rank: value.shape.rank)
        let exclusive = try operation.flag("exclusive", default: false)
        let reverse = try operation.flag("reverse", default: false)
        return [try Value.computed([value], value.type) { function($0[0], axis, exclusive, reverse) }]
    }

    /// The middle of a tensor, or zeros around it, to the extents that are asked for.
    private static func cropped(_ operation: Operation) throws -> [Value] {
        let value = try operation.input(0)
        let rank = value.shape.rank
        let axes = try operation.axes(try operation.ints("axes") ?? Array(0..<rank), rank: rank)
        guard let extents = try operation.knownIntegers(1), extents.count == axes.count,
            extents.allSatisfy({ (0...Shape.largestCount).contains($0) })
        else { throw operation.malformed("its shape must be one extent for each of \(axes.count) axes") }
        var (starts, kept) = ([Int](repeating: 0, count: rank), value.shape.dimensions)
        var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        for (axis, extent) in zip(axes, extents) {
            let change = extent - value.shape[axis]
            if change < 0 {
                (starts[axis], kept[axis]) = (-change / 2, extent)
            } else {
                (before[axis], after[axis]) = (change / 2, change - change / 2)
            }
        }
        let inner = try value.sliced(
            starts: zip(starts, kept).map { $1 == 0 ? 0 : $0 },
            steps: [Int](repeating: 1, count: rank),
            shape: Shape(kept)
        )
        return [try inner.padded(before: before, after: after)]
    }
}
