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
            try reduced(
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
            try reduced(
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
                Reduction(reals: { $0.reduce(1, *) }, integers: { $0.reduce(1, &*) }) { _, _, _ in
                    throw operation.unsupported("products along an axis are computed on the model's own constants only")
                }
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
}
