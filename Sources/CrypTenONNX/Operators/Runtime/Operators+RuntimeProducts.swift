internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Products of matrices of onnxruntime's own: transposed, scaled, with a function after them.
    static let runtimeProducts: [String: OperatorEntry] = [
        "com.microsoft.FusedMatMul": OperatorEntry([1]) { [try scaledProduct($0)] },
        "com.microsoft.TransposeMatMul": OperatorEntry([1]) { [try scaledProduct($0)] },
        "com.microsoft.FusedMatMulActivation": OperatorEntry([1]) { operation in
            [try FusedActivation(operation).applied(to: try scaledProduct(operation), of: operation)]
        },
        "com.microsoft.FusedGemm": OperatorEntry([1]) { operation in
            let sum = try operation.result(of: "Gemm", [.input(0), .input(1), .input(2)])
            return [try FusedActivation(operation).applied(to: sum, of: operation)]
        },
        "com.microsoft.GemmFastGelu": OperatorEntry([1]) { operation in
            let product = try operation.result(of: "MatMul", [.input(0), .input(1)])
            return [try gelu(operation, try operation.sum(product, input: 2), "tanh")]
        },
        "com.microsoft.CDist": OperatorEntry([1], distances),
    ]

    /// `alpha · A · B`, each of them with its axes in the order that attributes say.
    ///
    /// A factor of weights has been multiplied into them by the owner before any node is imported.
    private static func scaledProduct(_ operation: Operation) throws -> Value {
        func matrix(_ position: Int, _ letter: String) throws -> Value {
            var value = try operation.real(position)
            let rank = value.shape.rank
            guard rank >= 1 else { throw operation.mismatch("input \(position) is one number") }
            if try operation.flag("transBatch\(letter)", default: false), rank > 2 {
                // The rows stand before the batches.
                value = try value.permuted(Array(1..<rank - 1) + [0, rank - 1])
            }
            if try operation.flag("trans\(letter)", default: false), rank > 1 {
                value = try value.permuted(Array(0..<rank - 2) + [rank - 1, rank - 2])
            }
            return value
        }
        let product = try operation.result(
            of: "MatMul",
            [.made(try matrix(0, "A")), .made(try matrix(1, "B"))]
        )
        let alpha = try operation.float("alpha", default: 1)
        return alpha == 1
            ? product : try Value.combined(product, Value(product.type, known: Tensor(alpha)), .multiply)
    }

    /// Distances of all rows of one matrix to all rows of another: `|a|² − 2ab + |b|²`, and its root.
    private static func distances(_ operation: Operation) throws -> [Value] {
        let (a, b) = (try operation.real(0), try operation.real(1))
        let metric = try operation.string("metric", default: "sqeuclidean")
        guard a.shape.rank == 2, b.shape.rank == 2, a.shape[1] == b.shape[1] else {
            throw operation.mismatch("shapes \(a.shape) and \(b.shape) aren't two lists of points")
        }
        guard ["euclidean", "sqeuclidean"].contains(metric) else {
            throw operation.unsupported("its metric \(onOneLine(metric)) isn't euclidean or sqeuclidean")
        }
        return [
            try Value.computed([a, b], a.type) { operands in
                let (x, y) = (operands[0], operands[1])
                let squares = x.square().sum(axis: 1, keepDimensions: true) + y.square().sum(axis: 1)
                let result = (squares - x.matmul(y.transposed(0, 1)) * 2).relu()
                return metric == "euclidean" ? result.sqrt() : result
            }
        ]
    }
}
