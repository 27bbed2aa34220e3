internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Products of matrices.
    static let products: [String: OperatorEntry] = [
        "MatMul": OperatorEntry([1, 9, 13], multiplyMatrices),
        "Gemm": OperatorEntry([6, 7, 9, 11, 13], multiplyAndAdd),
    ]

    private static func multiplyMatrices(_ operation: Operation) throws -> [Value] {
        let (a, b) = (try operation.number(0), try operation.number(1))
        guard a.type.kind == b.type.kind else { throw operation.malformed("its inputs have different types") }
        if let product = try plainProduct(a, b) { return [product] }
        return [Value(a.type, try checked(try a.expression().matmul(try b.expression())))]
    }

    /// The product of two matrices of weights or known reals, or nil where they aren't that.
    private static func plainProduct(_ a: Value, _ b: Value) throws -> Value? {
        guard a.type.kind == .real, a.shape.rank == 2, b.shape.rank == 2, a.shape[1] == b.shape[0] else { return nil }
        let (rows, inner, columns) = (a.shape[0], a.shape[1], b.shape[1])
        let shape = try Shape(checking: [rows, columns])
        guard let plain = try Value.plain([a, b], shape) else { return nil }
        return try plain.value(a.type, shape) { tensors in
            // A multiply-accumulate here takes a fraction of what making an element does.
            let (work, overflows) = shape.count.multipliedReportingOverflow(by: inner)
            try ImportBudget.spend(0, work: overflows ? .max : work / 64, for: "a product of shape \(shape)")
            let (x, y) = (tensors[0].doubles, tensors[1].doubles)
            var out = [Double](repeating: 0, count: rows * columns)
            for i in 0..<rows {
                for k in 0..<inner {
                    let factor = x[i * inner + k]
                    for j in 0..<columns { out[i * columns + j] += factor * y[k * columns + j] }
                }
            }
            return Tensor(out, shape: shape)
        }
    }

    /// `alpha · A · B + beta · C`, each of A and B transposed where its attribute says so.
    ///
    /// Factors of weights have been multiplied into them by the owner before any node is imported.
    static func multiplyAndAdd(_ operation: Operation) throws -> [Value] {
        let (a, b) = (try operation.number(0), try operation.number(1))
        let transposeA = try operation.flag("transA", default: false)
        let transposeB = try operation.flag("transB", default: false)
        guard a.shape.rank == 2, b.shape.rank == 2 else {
            throw operation.mismatch("shapes \(a.shape) and \(b.shape) aren't two matrices")
        }
        let (alpha, beta) = (try operation.float("alpha", default: 1), try operation.float("beta", default: 1))
        let product = BilinearOperation.matmul(transposeLeft: transposeA, transposeRight: transposeB)
        var result = try checked(try a.expression().applying(.bilinear(product), try b.expression()))
        if alpha != 1 { result = try checked(result * alpha) }
        if let c = operation.optional(2) {
            guard c.type.kind == a.type.kind || c.type.kind == b.type.kind else {
                throw operation.malformed("its inputs have different types")
            }
            guard Shape.broadcast(c.shape, result.shape) == result.shape else {
                throw operation.mismatch("C of shape \(c.shape) can't be added to the product of shape \(result.shape)")
            }
            let addend = try c.expression()
            result = try checked(result + (beta == 1 ? addend : addend * beta))
        }
        return [Value(a.type.kind == .real ? a.type : b.type, result)]
    }
}
