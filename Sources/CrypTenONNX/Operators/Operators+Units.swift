internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Units of networks beyond the first ones: exponential, thresholded, gated.
    static let units: [String: OperatorEntry] = [
        "Elu": OperatorEntry([6, 22]) { operation in
            let alpha = try operation.float("alpha", default: 1)
            return try unit(operation) { $0.elu(alpha) }
        },
        "Selu": OperatorEntry([6, 22]) { operation in
            let alpha = try operation.float("alpha", default: 1.67326319217681884765625)
            let gamma = try operation.float("gamma", default: 1.05070102214813232421875)
            return try unit(operation) { $0.selu(alpha: alpha, scale: gamma) }
        },
        "Celu": OperatorEntry([12, 28]) { operation in
            let alpha = try operation.float("alpha", default: 1)
            return try unit(operation) { $0.celu(alpha) }
        },
        "PRelu": OperatorEntry([6, 7, 9, 16]) { operation in
            let (x, given) = (try operation.real(0), try operation.real(1))
            // Before version 7 a list of slopes is one for each channel.
            let isList = operation.version < 7 && given.shape.rank == 1 && given.shape.count > 1 && x.shape.rank > 1
            let slope =
                isList
                ? try given.reshaped(Shape(given.shape.dimensions + [Int](repeating: 1, count: x.shape.rank - 2)))
                : given
            return [try Value.computed([x, slope], x.type) { $0[0].prelu($0[1]) }]
        },
        "ThresholdedRelu": OperatorEntry([10, 22]) { operation in
            let alpha = try operation.float("alpha", default: 1)
            return try unit(operation) { $0.thresholdedRelu(alpha) }
        },
        "HardSwish": OperatorEntry([14, 22]) { try unit($0) { $0.hardSwish() } },
        "Mish": OperatorEntry([18, 22]) { try unit($0) { $0.mish() } },
        "Softsign": OperatorEntry([1, 22]) { try unit($0) { $0.softsign() } },
        "Swish": OperatorEntry([24]) { operation in
            let alpha = try operation.float("alpha", default: 1)
            return try unit(operation) { $0.swish(alpha) }
        },
        "SwiGLU": OperatorEntry([28]) { operation in
            let (gate, value) = (try operation.real(0), try operation.real(1))
            let alpha = try operation.float("alpha", default: 1)
            return [try Value.computed([gate, value], gate.type) { $0[0].swish(alpha) * $0[1] }]
        },
        "Shrink": OperatorEntry([9]) { operation in
            let bias = try operation.float("bias", default: 0)
            let threshold = try operation.float("lambd", default: 0.5)
            return try unit(operation) { $0.shrink(threshold, bias: bias) }
        },
        "Tan": OperatorEntry([7, 22]) { try unit($0) { $0.tan() } },
        "Sinh": OperatorEntry([9, 22]) { try unit($0) { $0.sinh() } },
        "Cosh": OperatorEntry([9, 22]) { try unit($0) { $0.cosh() } },
        "Asin": OperatorEntry([7, 22]) { try unit($0) { $0.asin() } },
        "Acos": OperatorEntry([7, 22]) { try unit($0) { $0.acos() } },
        "Atan": OperatorEntry([7, 22]) { try unit($0) { $0.atan() } },
        "Asinh": OperatorEntry([9, 22]) { try unit($0) { $0.asinh() } },
        "Acosh": OperatorEntry([9, 22]) { try unit($0) { $0.acosh() } },
        "Atanh": OperatorEntry([9, 22]) { try unit($0) { $0.atanh() } },
    ]

    private static func unit(_ operation: Operation, _ function: (CrypTensor) -> CrypTensor) throws -> [Value] {
        let value = try operation.real(0)
        return [try Value.computed([value], value.type) { function($0[0]) }]
    }
}
