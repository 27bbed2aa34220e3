internal import CrypTenBase
internal import CrypTenExpressions

extension OperatorTable {
    /// Functions of one number, element by element.
    static let activations: [String: OperatorEntry] = [
        "Relu": OperatorEntry([6, 13, 14]) { operation in
            [
                try operation.number(0).mapped(
                    reals: { Swift.max($0, 0) },
                    integers: { Swift.max($0, 0) },
                    expression: { $0.relu() }
                )
            ]
        },
        "LeakyRelu": OperatorEntry([6, 16]) { operation in
            let slope = try operation.float("alpha", default: 0.01)
            return [
                try operation.real(0).mapped(
                    reals: { $0 < 0 ? slope * $0 : $0 },
                    integers: { $0 },
                    expression: { $0.leakyRelu(slope) }
                )
            ]
        },
        "Clip": OperatorEntry([6, 11, 12, 13], known: [1, 2], clip),
        "HardSigmoid": OperatorEntry([6, 22]) { operation in
            let (slope, shift) = (try operation.float("alpha", default: 0.2), try operation.float("beta", default: 0.5))
            return [
                try operation.real(0).mapped(
                    reals: { Swift.min(Swift.max(slope * $0 + shift, 0), 1) },
                    integers: { $0 }
                ) {
                    ($0 * slope + shift).clamp(min: 0, max: 1)
                }
            ]
        },
        "Sigmoid": OperatorEntry([6, 13]) { try smooth($0) { $0.sigmoid() } },
        "Tanh": OperatorEntry([6, 13]) { try smooth($0) { $0.tanh() } },
        "Erf": OperatorEntry([9, 13]) { try smooth($0) { $0.erf() } },
        "Softplus": OperatorEntry([1, 22]) { try smooth($0) { $0.softplus() } },
        "Sin": OperatorEntry([7, 22]) { try smooth($0) { $0.sin() } },
        "Cos": OperatorEntry([7, 22]) { try smooth($0) { $0.cos() } },
        "Gelu": OperatorEntry([20]) { operation in
            switch try operation.string("approximate", default: "none") {
            case "none": return try smooth(operation) { $0.gelu() }
            case "tanh": return try smooth(operation) { $0.geluTanh() }
            case let other: throw operation.malformed("approximate '\(other)' isn't known")
            }
        },
    ]

    private static func smooth(_ operation: Operation, _ function: (CrypTensor) -> CrypTensor) throws -> [Value] {
        let value = try operation.real(0)
        return [Value(value.type, try checked(function(try value.expression())))]
    }

    /// x between two bounds, which are attributes before version 11 and inputs from then on.
    private static func clip(_ operation: Operation) throws -> [Value] {
        let value = try operation.number(0)
        let isInput = operation.version >= 11
        var low = isInput ? try operation.knownScalar(1) : try operation.float("min")
        let high = isInput ? try operation.knownScalar(2) : try operation.float("max")
        // Where the bounds cross, the upper one holds. What no encoded number reaches is no bound.
        if let bottom = low, let top = high, bottom > top { low = top }
        let reach: Double = value.type.kind == .real ? 0x1p46 : 0x1p62
        let lower = low.flatMap { $0 <= -reach ? nil : $0 }
        let upper = high.flatMap { $0 >= reach ? nil : $0 }
        guard (lower ?? 0) < reach, (upper ?? 0) > -reach else {
            throw operation.unsupported("its bounds \(low ?? 0) and \(high ?? 0) are beyond every encoded number")
        }
        return [
            try value.mapped(
                reals: { Swift.min(Swift.max($0, low ?? $0), high ?? .infinity) },
                integers: { number in
                    let raised = lower.map { Swift.max(number, Int64($0)) } ?? number
                    return upper.map { Swift.min(raised, Int64($0)) } ?? raised
                },
                expression: { lower == nil && upper == nil ? $0 : $0.clamp(min: lower, max: upper) }
            )
        ]
    }
}
