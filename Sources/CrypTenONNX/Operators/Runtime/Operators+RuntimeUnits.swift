internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Units of onnxruntime's own: GELU and its kin with a bias, softmax with a mask.
    static let runtimeUnits: [String: OperatorEntry] = [
        "com.microsoft.Gelu": OperatorEntry([1]) { [try gelu($0, try $0.real(0))] },
        "com.microsoft.BiasGelu": OperatorEntry([1]) { [try gelu($0, try $0.sum(try $0.real(0), try $0.real(1)))] },
        "com.microsoft.FastGelu": OperatorEntry([1]) { operation in
            [try gelu(operation, try operation.sum(try operation.real(0), input: 1), "tanh")]
        },
        "com.microsoft.QuickGelu": OperatorEntry([1]) { operation in
            let alpha = try operation.float("alpha", default: 1.702)
            return [try operation.result(of: "Swish", [.input(0)], ["alpha": .float(Float(alpha))])]
        },
        "com.microsoft.BiasSplitGelu": OperatorEntry([1]) { operation in
            let x = try operation.sum(try operation.real(0), try operation.real(1))
            guard x.shape.rank >= 1, x.shape[-1] % 2 == 0 else {
                throw operation.mismatch("the last axis of shape \(x.shape) can't be split in two")
            }
            let halves = try operation.results(
                of: "Split",
                version: 11,
                [.made(x)],
                ["axis": .int(-1)],
                outputs: ["left", "right"]
            )
            return [try Value.combined(halves[0], try gelu(operation, halves[1]), .multiply)]
        },
        "com.microsoft.BiasAdd": OperatorEntry([1]) { operation in
            let x = try operation.sum(try operation.real(0), try operation.real(1))
            return [try operation.sum(x, try operation.real(2))]
        },
        "com.microsoft.BiasSoftmax": OperatorEntry([1]) { operation in
            let (data, bias) = (try operation.real(0), try operation.real(1))
            let sum = try operation.sum(data, bias)
            guard sum.shape == data.shape else {
                throw operation.mismatch("a bias of shape \(bias.shape) can't be added to shape \(data.shape)")
            }
            // All axes from one on are a row.
            return [try operation.result(of: "Softmax", version: 11, [.made(sum)])]
        },
    ]

    /// GELU as the standard has it.
    static func gelu(_ operation: Operation, _ x: Value, _ approximate: String = "none") throws -> Value {
        try operation.result(of: "Gelu", [.made(x)], ["approximate": .string(approximate)])
    }
}
