internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// The same elements in another arrangement.
    static let structure: [String: OperatorEntry] = [
        "Identity": OperatorEntry([1, 13, 14, 16, 19, 21, 23, 24, 25], takesLists: true) { [try $0.input(0)] },
        "Flatten": OperatorEntry([1, 9, 11, 13, 21, 23, 24, 25]) { operation in
            let input = try operation.input(0)
            let axis = try operation.int("axis", default: 1)
            // An axis equal to the rank is allowed: everything becomes one column of rows.
            let first = axis == input.shape.rank ? axis : try operation.axis(axis, rank: input.shape.rank)
            let rows = input.shape.dimensions.prefix(first).reduce(1, *)
            let columns = input.shape.dimensions.dropFirst(first).reduce(1, *)
            return [try input.reshaped([rows, columns])]
        },
        "Reshape": OperatorEntry([5, 13, 14, 19, 21, 23, 24, 25], known: [1], reshape),
        "Transpose": OperatorEntry([1, 13, 21, 23, 24, 25]) { operation in
            let input = try operation.input(0)
            return [try input.permuted(try operation.ints("perm") ?? Array((0..<input.shape.rank).reversed()))]
        },
        "Squeeze": OperatorEntry([1, 11, 13, 21, 23, 24, 25], known: [1]) { operation in
            let input = try operation.input(0)
            let rank = input.shape.rank
            let axes =
                try operation.axes(inputSince: 13).map { try operation.axes($0, rank: rank) }
                ?? (0..<rank).filter { input.shape[$0] == 1 }
            guard axes.allSatisfy({ input.shape[$0] == 1 }) else {
                throw operation.mismatch("axes \(axes) of shape \(input.shape) don't all have extent 1")
            }
            return [try input.reshaped(input.shape.reducing(axes, keepDimensions: false))]
        },
        "Unsqueeze": OperatorEntry([1, 11, 13, 21, 23, 24, 25], known: [1]) { operation in
            let input = try operation.input(0)
            guard let given = try operation.axes(inputSince: 13) else {
                throw operation.malformed("its axes are missing")
            }
            guard given.count <= Shape.largestRank - input.shape.rank else {
                throw operation.mismatch("\(input.shape.rank + given.count) axes are more than \(Shape.largestRank)")
            }
            let axes = try operation.axes(given, rank: input.shape.rank + given.count).sorted()
            var dimensions = input.shape.dimensions
            for axis in axes { dimensions.insert(1, at: axis) }
            return [try input.reshaped(try Shape(checking: dimensions))]
        },
        "Concat": OperatorEntry([4, 11, 13]) { operation in
            let values = try operation.allInputs()
            guard let given = try operation.int("axis") else { throw operation.malformed("its axis is missing") }
            return [try Value.concatenated(values, axis: try operation.axis(given, rank: values[0].shape.rank))]
        },
        "Expand": OperatorEntry([8, 13], known: [1]) { operation in
            let input = try operation.input(0)
            guard let extents = try operation.knownIntegers(1) else {
                throw operation.malformed("its shape is missing")
            }
            guard let target = Shape.broadcast(input.shape, try Shape(checking: extents)) else {
                throw operation.mismatch("shape \(input.shape) can't be expanded to \(extents)")
            }
            return [try input.broadcast(to: target)]
        },
        "Tile": OperatorEntry([6, 13], known: [1]) { operation in
            let input = try operation.input(0)
            guard let repeats = try operation.knownIntegers(1), repeats.count == input.shape.rank,
                repeats.allSatisfy({ (0...Shape.largestCount).contains($0) })
            else { throw operation.malformed("its repeats must be \(input.shape.rank) numbers from 0 on") }
            // A new axis in front of each, repeated, and then the two as one.
            let pairs = zip(repeats, input.shape.dimensions)
            _ = try Shape(checking: repeats)
            let spread = try input.reshaped(try Shape(checking: input.shape.dimensions.flatMap { [1, $0] }))
            let repeated = try spread.broadcast(to: try Shape(checking: pairs.flatMap { [$0, $1] }))
            return [try repeated.reshaped(Shape(pairs.map { $0 * $1 }))]
        },
    ]

    /// 0 stands for the input's own extent (unless `allowzero`), and −1 for what is left.
    private static func reshape(_ operation: Operation) throws -> [Value] {
        let input = try operation.input(0)
        guard var extents = try operation.knownIntegers(1) else { throw operation.malformed("its shape is missing") }
        let keepsZeros = try operation.version >= 14 && operation.flag("allowzero", default: false)
        if !keepsZeros {
            for axis in extents.indices where extents[axis] == 0 {
                guard axis < input.shape.rank else {
                    throw operation.mismatch("shape \(input.shape) has no axis \(axis) to keep")
                }
                extents[axis] = input.shape[axis]
            }
        }
        let open = extents.indices.filter { extents[$0] == -1 }
        guard open.count <= 1 else { throw operation.malformed("its shape \(extents) has more than one −1") }
        if let axis = open.first {
            extents[axis] = 1
            let rest = try Shape(checking: extents).count
            guard rest > 0, input.shape.count % rest == 0 else {
                throw operation.mismatch(
                    "shape \(input.shape) can't become \(extents): \(input.shape.count) elements don't divide by \(rest)"
                )
            }
            extents[axis] = input.shape.count / rest
        }
        return [try input.reshaped(try Shape(checking: extents))]
    }
}
