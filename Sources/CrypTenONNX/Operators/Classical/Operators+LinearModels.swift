internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Classical models that are sums of weighted features.
    static let linearModels: [String: OperatorEntry] = [
        OperatorDomain.classical.operation("Scaler"): OperatorEntry([1], scale),
        OperatorDomain.classical.operation("LinearRegressor"): OperatorEntry([1]) { operation in
            let x = try operation.samples(0)
            let targets = try operation.int("targets", default: 1)
            let transform = try operation.postTransform()
            guard targets > 1 || transform == .none else {
                throw operation.unsupported("its one result is transformed, which isn't computed here")
            }
            let scores = try operation.linear(x, rows: targets, weights: 1, addends: 2)
            return [Value(.float, try checked(transform.applied(to: scores)))]
        },
        OperatorDomain.classical.operation("LinearClassifier"): OperatorEntry([1], classify),
    ]

    /// `(x − offset) · scale`, each of which is one number or one for each feature.
    private static func scale(_ operation: Operation) throws -> [Value] {
        let x = try operation.number(0)
        guard let features = x.shape.dimensions.last else { throw operation.mismatch("its input has no axes") }
        func weight(_ position: Int) throws -> CrypTensor? {
            guard let value = operation.optional(position) else { return nil }
            guard value.type.kind == .real, value.shape.rank <= 1, [1, features].contains(value.shape.count) else {
                throw operation.mismatch("its numbers of shape \(value.shape) don't fit \(features) features")
            }
            return try value.expression()
        }
        var result = try x.expression().toReal()
        if let offset = try weight(1) { result = result - offset }
        if let scale = try weight(2) { result = result * scale }
        return [Value(.float, try checked(result))]
    }

    /// The class of the largest score, the first of several, and all scores; of one score the second class where it is positive.
    private static func classify(_ operation: Operation) throws -> [Value] {
        let x = try operation.samples(0)
        let labels = try ClassLabels(operation)
        let transform = try operation.postTransform()
        let rows = operation.optional(2)?.shape.count ?? labels.count
        guard rows == labels.count && rows > 1 || rows == 1 && labels.count == 2 else {
            throw operation.malformed("it has \(labels.count) labels and \(rows) rows of coefficients")
        }
        let scores = try operation.linear(x, rows: rows, weights: 1, addends: 2)
        if rows == 1 {
            let isSecond = (scores .> 0).toInteger().reshape([x.shape[0]])
            return [
                try labels.picked(at: isSecond), Value(.float, try checked(transform.applied(toOne: scores))),
            ]
        }
        return [
            try labels.picked(at: scores.argmax(axis: 1)), Value(.float, try checked(transform.applied(to: scores))),
        ]
    }
}

extension Operation {
    /// An input of samples, a row each; one axis is one sample.
    func samples(_ position: Int) throws -> CrypTensor {
        let value = try number(position)
        guard (1...2).contains(value.shape.rank) else {
            throw mismatch("its input of shape \(value.shape) isn't a matrix with a row for each sample")
        }
        let rows = value.shape.rank == 1 ? try value.reshaped([1, value.shape.count]) : value
        return try rows.expression().toReal()
    }

    /// A list of floats as a matrix of rows.
    func matrix(_ position: Int, rows: Int, columns: Int, _ what: String) throws -> CrypTensor {
        let value = try real(position)
        let (count, overflows) = rows.multipliedReportingOverflow(by: columns)
        guard rows > 0, !overflows, value.shape.count == count else {
            throw mismatch(
                "its \(value.shape.count) \(what) aren't \(rows) rows of \(columns) numbers"
            )
        }
        return try value.reshaped([rows, columns]).expression()
    }

    /// `x · weightsᵀ + addends`.
    func linear(_ x: CrypTensor, rows: Int, weights: Int, addends: Int) throws -> CrypTensor {
        let matrix = try matrix(weights, rows: rows, columns: x.shape[1], "coefficients")
        let product = x.linear(matrix)
        guard let added = optional(addends) else { return try checked(product) }
        guard added.type.kind == .real, added.shape.count == rows else {
            throw mismatch("its \(added.shape.count) intercepts aren't \(rows)")
        }
        return try checked(product + (try added.reshaped([rows]).expression()))
    }
}
