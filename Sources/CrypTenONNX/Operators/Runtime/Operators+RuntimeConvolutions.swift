internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Convolutions of onnxruntime's own: with a sum and a function after them, and of images whose channels are the last axis.
    static let runtimeConvolutions: [String: OperatorEntry] = [
        "com.microsoft.FusedConv": OperatorEntry([1]) {
            [try convolved($0, try $0.real(0), try $0.real(1), sum: $0.optional(3))]
        },
        "com.microsoft.NhwcFusedConv": OperatorEntry([1]) { operation in
            [
                try channelsLast(
                    try convolved(
                        operation,
                        try channelsFirst(operation, try operation.real(0)),
                        try operation.real(1),
                        sum: try operation.optional(3).map { try channelsFirst(operation, $0) }
                    )
                )
            ]
        },
        "com.microsoft.NhwcConv": OperatorEntry([1]) { operation in
            let image = try channelsFirst(operation, try operation.real(0))
            let kernel = try operation.real(1)
            let group = try operation.int("group", default: 1)
            guard kernel.shape.rank == image.shape.rank, group >= 1, image.shape[1] % group == 0 else {
                throw operation.mismatch(
                    "kernel \(kernel.shape) doesn't fit an image \(image.shape) of \(group) groups"
                )
            }
            // The tool that writes it puts the kernel's channels last, too; the operator's definition doesn't.
            let isLast = kernel.shape[-1] == image.shape[1] / group
            return [
                try channelsLast(
                    try convolved(operation, image, isLast ? try channelsFirst(operation, kernel) : kernel, sum: nil)
                )
            ]
        },
        "com.microsoft.NhwcMaxPool": OperatorEntry([1]) { operation in
            let image = try channelsFirst(operation, try operation.number(0))
            return [try channelsLast(try operation.result(of: "MaxPool", [.made(image)]))]
        },
        "com.microsoft.ConvTransposeWithDynamicPads": OperatorEntry([1], known: [2]) { operation in
            var attributes = operation.node.attributes
            if let pads = try operation.knownIntegers(2) { attributes["pads"] = .ints(pads) }
            return [try operation.result(of: "ConvTranspose", [.input(0), .input(1), .input(3)], attributes)]
        },
    ]

    private static func convolved(_ operation: Operation, _ image: Value, _ kernel: Value, sum: Value?) throws -> Value
    {
        var result = try operation.result(of: "Conv", [.made(image), .made(kernel), .input(2)])
        if let sum {
            guard sum.shape == result.shape else {
                throw operation.mismatch(
                    "Z of shape \(sum.shape) can't be added to a convolution of shape \(result.shape)"
                )
            }
            result = try operation.sum(result, sum)
        }
        return try FusedActivation(operation).applied(to: result, of: operation)
    }

    /// `[N, C, …]` of `[N, …, C]`.
    static func channelsFirst(_ operation: Operation, _ value: Value) throws -> Value {
        let rank = value.shape.rank
        guard rank >= 3 else { throw operation.mismatch("shape \(value.shape) isn't [N, …, C]") }
        return try value.permuted([0, rank - 1] + Array(1..<rank - 1))
    }

    /// `[N, …, C]` of `[N, C, …]`.
    static func channelsLast(_ value: Value) throws -> Value {
        try value.permuted([0] + Array(2..<value.shape.rank) + [1])
    }
}
