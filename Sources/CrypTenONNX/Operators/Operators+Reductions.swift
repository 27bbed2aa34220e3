internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// A reduction over some axes: on doubles, on integers, and on expressions.
private struct Reduction: Sendable {
    let reals: @Sendable ([Double]) -> Double
    let integers: @Sendable ([Int64]) -> Int64
    let expression: @Sendable (CrypTensor, _ axes: [Int], _ keepDimensions: Bool) throws -> CrypTensor
}

extension OperatorTable {
    /// Sums, means and extremes along axes.
    static let reductions: [String: OperatorEntry] = [
        "ReduceSum": OperatorEntry([1, 11, 13], known: [1]) { operation in
            try reduced(
                operation,
                axesInputSince: 13,
                Reduction(
                    reals: { $0.reduce(0, +) },
                    integers: { $0.reduce(0, &+) },
                    expression: { $0.sum(axes: $1, keepDimensions: $2) }
                )
            )
        },
        "ReduceMean": OperatorEntry([1, 11, 13, 18], known: [1]) { operation in
            try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { $0.reduce(0, +) / Double($0.count) },
                    integers: { $0.reduce(0, &+) / Int64(max($0.count, 1)) },
                    expression: { x, axes, keep in
                        guard x.kind == .real else {
                            throw operation.unsupported("a mean of integers is rounded, which isn't computed here")
                        }
                        return x.mean(axes: axes, keepDimensions: keep)
                    }
                )
            )
        },
        "ReduceMax": OperatorEntry([1, 11, 12, 13, 18, 20], known: [1]) { operation in
            if try operation.input(0).type == .bool { return try anyOrAll(operation, isAll: false) }
            return try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { $0.max() ?? -.infinity },
                    integers: { $0.max() ?? .min },
                    expression: { $0.max(axes: $1, keepDimensions: $2) }
                )
            )
        },
        "ReduceMin": OperatorEntry([1, 11, 12, 13, 18, 20], known: [1]) { operation in
            if try operation.input(0).type == .bool { return try anyOrAll(operation, isAll: true) }
            return try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { $0.min() ?? .infinity },
                    integers: { $0.min() ?? .max },
                    expression: { $0.min(axes: $1, keepDimensions: $2) }
                )
            )
        },
        "ReduceProd": OperatorEntry([1, 11, 13, 18], known: [1]) { operation in
            try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { $0.reduce(1, *) },
                    integers: { $0.reduce(1, &*) },
                    expression: { $0.prod(axes: $1, keepDimensions: $2) }
                )
            )
        },
        "ReduceL1": OperatorEntry([1, 11, 13, 18], known: [1]) { operation in
            try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { $0.reduce(0) { $0 + Swift.abs($1) } },
                    integers: { $0.reduce(0) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) } },
                    expression: { $0.abs().sum(axes: $1, keepDimensions: $2) }
                )
            )
        },
        "ReduceL2": OperatorEntry([1, 11, 13, 18], known: [1]) { operation in
            try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() },
                    integers: { numbers in
                        let squares = numbers.reduce(0.0) { $0 + Double($1) * Double($1) }
                        return Int64(exactly: squares.squareRoot().rounded(.down)) ?? .max
                    },
                    expression: { x, axes, keep in
                        guard x.kind == .real else {
                            throw operation.unsupported(
                                "the root of secret integers is rounded, which isn't computed here"
                            )
                        }
                        return x.norm(2, axes: axes, keepDimensions: keep)
                    }
                )
            )
        },
        "ReduceSumSquare": OperatorEntry([1, 11, 13, 18], known: [1]) { operation in
            try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { $0.reduce(0) { $0 + $1 * $1 } },
                    integers: { $0.reduce(0) { $0 &+ $1 &* $1 } },
                    expression: { $0.square().sum(axes: $1, keepDimensions: $2) }
                )
            )
        },
        "ReduceLogSum": OperatorEntry([1, 11, 13, 18, 28], known: [1]) { operation in
            _ = try operation.real(0)
            return try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { PortableFunctions.log($0.reduce(0, +)) },
                    integers: { $0.reduce(0, &+) },
                    expression: { $0.sum(axes: $1, keepDimensions: $2).log() }
                )
            )
        },
        "ReduceLogSumExp": OperatorEntry([1, 11, 13, 18, 28], known: [1]) { operation in
            _ = try operation.real(0)
            return try reduced(
                operation,
                axesInputSince: 18,
                Reduction(
                    reals: { numbers in
                        let largest = numbers.max() ?? -.infinity
                        guard largest.isFinite else { return largest }
                        return largest
                            + PortableFunctions.log(numbers.reduce(0) { $0 + PortableFunctions.exp($1 - largest) })
                    },
                    integers: { $0.reduce(0, &+) },
                    expression: { logSumExp($0, axes: $1, keepDimensions: $2) }
                )
            )
        },
        "ArgMax": OperatorEntry([1, 11, 12, 13]) { try indexed($0) { $0.argmax(axis: $1, keepDimensions: $2) } },
        "ArgMin": OperatorEntry([1, 11, 12, 13]) { try indexed($0) { $0.argmin(axis: $1, keepDimensions: $2) } },
    ]

    private static func reduced(
        _ operation: Operation,
        axesInputSince since: Int,
        _ reduction: Reduction
    ) throws -> [Value] {
        let value = try operation.number(0)
        let given = try operation.axes(inputSince: since) ?? []
        let keeps = try operation.flag("keepdims", default: true)
        if given.isEmpty, try operation.flag("noop_with_empty_axes", default: false) { return [value] }
        let rank = value.shape.rank
        let axes = given.isEmpty ? Array(0..<rank) : try operation.axes(given, rank: rank).sorted()
        let target = value.shape.reducing(axes, keepDimensions: keeps)
        guard let plain = try Value.plain([value], target) else {
            return [Value(value.type, try checked(try reduction.expression(try value.expression(), axes, keeps)))]
        }
        // The axes that go become the last, so that every result is made of a run of elements.
        let kept = (0..<rank).filter { !axes.contains($0) }
        let moved = try value.permuted(kept + axes)
        let length = axes.reduce(1) { $0 * value.shape[$1] }
        func runs<Element>(_ elements: [Element], _ function: ([Element]) -> Element) -> [Element] {
            (0..<target.count).map { function(Array(elements[$0 * length..<($0 + 1) * length])) }
        }
        return [
            plain.value(value.type, target) { _ in
                guard let tensor = moved.numbers else { preconditionFailure("only who has the numbers computes") }
                return value.type.kind == .real
                    ? Tensor(runs(tensor.doubles, reduction.reals), shape: target)
                    : Tensor(runs(wholeNumbers(tensor), reduction.integers), shape: target)
            }
        ]
    }

    /// The index of an extreme along an axis; of several equal ones the first, or the last where the attribute says so.
    private static func indexed(
        _ operation: Operation,
        _ function: (CrypTensor, _ axis: Int, _ keepDimensions: Bool) -> CrypTensor
    ) throws -> [Value] {
        let value = try operation.number(0)
        let axis = try operation.axis(try operation.int("axis", default: 0), rank: value.shape.rank)
        let keeps = try operation.flag("keepdims", default: true)
        let expression = try value.expression()
        guard try operation.version >= 12 && operation.flag("select_last_index", default: false) else {
            return [Value(.int64, try checked(function(expression, axis, keeps)))]
        }
        let fromTheEnd = function(expression.flip(axes: [axis]), axis, keeps)
        return [Value(.int64, try checked((value.shape[axis] - 1) - fromTheEnd))]
    }

    /// The logarithm of a sum of exponentials over several axes: they are moved together and become one.
    private static func logSumExp(_ x: CrypTensor, axes: [Int], keepDimensions: Bool) -> CrypTensor {
        if axes.isEmpty { return x }
        let kept = (0..<x.rank).filter { !axes.contains($0) }
        let target = x.shape.reducing(axes, keepDimensions: keepDimensions)
        let rows = x.permuted(kept + axes).reshape(
            Shape(kept.map { x.shape[$0] } + [axes.reduce(1) { $0 * x.shape[$1] }])
        )
        return rows.logSumExp(axis: -1).reshape(target)
    }

    /// Whether all bits along axes are 1, or any is: how many are, compared with how many there are.
    private static func anyOrAll(_ operation: Operation, isAll: Bool) throws -> [Value] {
        guard operation.version >= 20 else { throw operation.malformed("its input is bool") }
        let value = try operation.input(0)
        let given = try operation.axes(inputSince: 18) ?? []
        let keeps = try operation.flag("keepdims", default: true)
        if given.isEmpty, try operation.flag("noop_with_empty_axes", default: false) { return [value] }
        let axes = given.isEmpty ? Array(0..<value.shape.rank) : try operation.axes(given, rank: value.shape.rank)
        let extent = axes.reduce(1) { $0 * value.shape[$1] }
        return [
            try Value.computed([value], .bool) { operands in
                let ones = operands[0].sum(axes: axes, keepDimensions: keeps)
                return isAll ? ones .== extent : ones .!= 0
            }
        ]
    }
}
