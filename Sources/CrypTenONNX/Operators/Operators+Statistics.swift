internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Normalisations by statistics of the input itself.
    static let statistics: [String: OperatorEntry] = [
        // Version 1, and the simplified one, are onnxruntime's, which writes them in the standard's domain.
        "LayerNormalization": OperatorEntry([1, 17], normalizeLayer),
        "SimplifiedLayerNormalization": OperatorEntry([1], normalizeByRoot),
        "RMSNormalization": OperatorEntry([23], normalizeByRoot),
        "GroupNormalization": OperatorEntry([18, 21]) { operation in
            let (x, scale, bias) = (try operation.real(0), try operation.real(1), try operation.real(2))
            guard let groups = try operation.int("num_groups"), groups >= 1, x.shape.rank >= 2, x.shape[1] % groups == 0
            else { throw operation.malformed("its num_groups must divide the channels of shape \(x.shape)") }
            let epsilon = try operation.float("epsilon", default: 1e-5)
            // Before version 21 one scale and bias for each group.
            func perChannel(_ value: Value) throws -> CrypTensor {
                let list = try value.expression()
                return operation.version < 21 ? list.repeated(x.shape[1] / groups, axis: 0) : list
            }
            let normal = try x.expression().groupNorm(
                groups: groups,
                weight: try perChannel(scale),
                bias: try perChannel(bias),
                epsilon: epsilon
            )
            return [Value(x.type, try checked(normal))]
        },
        "InstanceNormalization": OperatorEntry([6, 22]) { operation in
            let (x, scale, bias) = (try operation.real(0), try operation.real(1), try operation.real(2))
            let epsilon = try operation.float("epsilon", default: 1e-5)
            let normal = try x.expression().instanceNorm(
                weight: try scale.expression(),
                bias: try bias.expression(),
                epsilon: epsilon
            )
            return [Value(x.type, try checked(normal))]
        },
        "MeanVarianceNormalization": OperatorEntry([9, 13]) { operation in
            let x = try operation.real(0)
            let axes = try operation.axes(try operation.ints("axes") ?? [0, 2, 3], rank: x.shape.rank)
            let kept = (0..<x.shape.rank).filter { !axes.contains($0) }
            let order = kept + axes
            let moved = try x.permuted(order)
            let rows = try flattened(moved, from: kept.count)
            let normal = try rows.expression().layerNorm(epsilon: 0).reshape(moved.shape)
            let back = (0..<order.count).compactMap { order.firstIndex(of: $0) }
            return [Value(x.type, try checked(normal.permuted(back)))]
        },
        "LpNormalization": OperatorEntry([1, 22]) { operation in
            let x = try operation.real(0)
            let axis = try operation.axis(try operation.int("axis", default: -1), rank: x.shape.rank)
            let expression = try x.expression()
            switch try operation.int("p", default: 2) {
            case 1:
                let total = expression.abs().sum(axis: axis, keepDimensions: true)
                return [
                    Value(x.type, try checked(expression.divided(by: total, range: 0x1p-10...0x1p20, isSigned: false)))
                ]
            case 2:
                let total = expression.square().sum(axis: axis, keepDimensions: true)
                return [Value(x.type, try checked(expression * total.inverseSquareRoot()))]
            case let other: throw operation.malformed("its norm \(other) isn't 1 or 2")
            }
        },
        "LRN": OperatorEntry([1, 13], normalizeLocally),
    ]

    /// The axes from one on as the last.
    private static func flattened(_ value: Value, from axis: Int) throws -> Value {
        let lead = Array(value.shape.dimensions.prefix(axis))
        return try value.reshaped(Shape(lead + [value.shape.dimensions.dropFirst(axis).reduce(1, *)]))
    }

    /// `x / √(mean of x² + ε) · scale`, and what it is divided by.
    private static func normalizeByRoot(_ operation: Operation) throws -> [Value] {
        let (x, scale) = (try operation.real(0), try operation.real(1))
        let first = try operation.axis(try operation.int("axis", default: -1), rank: x.shape.rank)
        let epsilon = try operation.float("epsilon", default: 1e-5)
        let rows = try flattened(x, from: first).expression()
        let normal = rows.rmsNorm(epsilon: epsilon).reshape(x.shape)
        let result = Value(x.type, try checked(normal * (try scale.expression())))
        guard operation.isRead(output: 1) else { return [result] }
        let kept = Shape(x.shape.dimensions.prefix(first) + [Int](repeating: 1, count: x.shape.rank - first))
        let deviation = (rows.square().mean(axis: -1, keepDimensions: true) + epsilon).inverseSquareRoot()
        return [result, Value(x.type, try checked(deviation.reshape(kept)))]
    }

    private static func normalizeLayer(_ operation: Operation) throws -> [Value] {
        let (x, scale) = (try operation.real(0), try operation.real(1))
        let first = try operation.axis(try operation.int("axis", default: -1), rank: x.shape.rank)
        let epsilon = try operation.float("epsilon", default: 1e-5)
        let bias = try operation.optional(2).map { try $0.expression() }
        let rows = try flattened(x, from: first).expression()
        let scaled = rows.layerNorm(epsilon: epsilon).reshape(x.shape) * (try scale.expression())
        let result = Value(x.type, try checked(bias.map { scaled + $0 } ?? scaled))
        guard operation.isRead(output: 1) || operation.isRead(output: 2) else { return [result] }
        let kept = Shape(x.shape.dimensions.prefix(first) + [Int](repeating: 1, count: x.shape.rank - first))
        let mean = rows.mean(axis: -1, keepDimensions: true)
        let variance = rows.variance(axes: [-1], keepDimensions: true)
        let deviation = (variance + epsilon).inverseSquareRoot()
        return [
            result, Value(x.type, try checked(mean.reshape(kept))), Value(x.type, try checked(deviation.reshape(kept))),
        ]
    }

    /// `x / (bias + alpha / size · Σ x²)^beta`, the sum over neighbouring channels.
    private static func normalizeLocally(_ operation: Operation) throws -> [Value] {
        let x = try operation.real(0)
        guard let size = try operation.int("size"), (1...1 << 12).contains(size), x.shape.rank >= 3 else {
            throw operation.malformed("it takes [N, C, …] and a size from 1 on")
        }
        let alpha = try operation.float("alpha", default: 1e-4)
        let (beta, bias) = (try operation.float("beta", default: 0.75), try operation.float("bias", default: 1))
        let channels = x.shape[1]
        let expression = try x.expression()
        let before = (size - 1) / 2
        let sums = expression.square().cumsum(axis: 1)
        // The sum of channels from c − before to c + size − 1 − before: a difference of two running sums.
        func upTo(_ last: (Int) -> Int) -> CrypTensor {
            let (pads, none) = (x.shape.dimensions.indices.map { $0 == 1 ? 1 : 0 }, x.shape.dimensions.map { _ in 0 })
            return sums.pad(before: pads, after: none)
                .take((0..<channels).map { min(max(last($0), -1), channels - 1) + 1 }, axis: 1)
        }
        let window = upTo { $0 + size - 1 - before } - upTo { $0 - before - 1 }
        let base = window * (alpha / Double(size)) + bias
        let factor = beta == 0.5 ? base.inverseSquareRoot() : beta == 1 ? base.reciprocal() : base.pow(-beta)
        return [Value(x.type, try checked(expression * factor))]
    }
}
