internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import Foundation

extension BinaryFunction {
    static let add = BinaryFunction(reals: { $0 + $1 }, integers: { $0 &+ $1 }, expressions: { $0 + $1 })
    static let subtract = BinaryFunction(reals: { $0 - $1 }, integers: { $0 &- $1 }, expressions: { $0 - $1 })
    static let multiply = BinaryFunction(reals: { $0 * $1 }, integers: { $0 &* $1 }, expressions: product)
    static let maximum = BinaryFunction(
        reals: { Swift.max($0, $1) },
        integers: { Swift.max($0, $1) },
        expressions: { $0.maximum($1) }
    )
    static let minimum = BinaryFunction(
        reals: { Swift.min($0, $1) },
        integers: { Swift.min($0, $1) },
        expressions: { $0.minimum($1) }
    )

    /// The product; a single public number is a factor, which costs nothing where it is whole.
    private static func product(_ a: CrypTensor, _ b: CrypTensor) -> CrypTensor {
        let shape = Shape.broadcast(a.shape, b.shape)
        if let number = b.constantValue, number.shape.count == 1, shape == a.shape {
            return a * Tensor(number.elements, shape: [])
        }
        if let number = a.constantValue, number.shape.count == 1, shape == b.shape {
            return Tensor(number.elements, shape: []) * b
        }
        return a * b
    }
}

extension OperatorTable {
    /// Sums, products and what is made of them, element by element.
    static let arithmetic: [String: OperatorEntry] = [
        "Add": OperatorEntry([6, 7, 13, 14]) { try pairwise($0, .add) },
        "Sub": OperatorEntry([6, 7, 13, 14]) { try pairwise($0, .subtract) },
        "Mul": OperatorEntry([6, 7, 13, 14]) { try pairwise($0, .multiply) },
        "Div": OperatorEntry([6, 7, 13, 14], divide),
        "Sum": OperatorEntry([6, 8, 13]) { [try accumulated($0, .add).wrapped()] },
        "Mean": OperatorEntry([6, 8, 13]) { operation in
            let total = try accumulated(operation, .add)
            return [
                try Value.combined(
                    total,
                    Value(total.type, known: Tensor(1 / Double(operation.inputs.count))),
                    .multiply
                )
            ]
        },
        "Max": OperatorEntry([6, 8, 12, 13]) { [try accumulated($0, .maximum)] },
        "Min": OperatorEntry([6, 8, 12, 13]) { [try accumulated($0, .minimum)] },
        "Neg": OperatorEntry([6, 13]) {
            [try $0.number(0).mapped(reals: { -$0 }, integers: { 0 &- $0 }, expression: { -$0 }).wrapped()]
        },
        "Abs": OperatorEntry([6, 13]) { operation in
            [
                try operation.number(0).mapped(
                    reals: { Swift.abs($0) },
                    integers: { $0 < 0 ? 0 &- $0 : $0 },
                    expression: { $0.abs() }
                ).wrapped()
            ]
        },
        "Sign": OperatorEntry([9, 13]) { operation in
            [
                try operation.number(0).mapped(
                    reals: { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 },
                    integers: { $0.signum() },
                    expression: { x in
                        let sign = (x .> 0).toInteger() - (x .< 0).toInteger()
                        return x.kind == .real ? sign.toReal() : sign
                    }
                )
            ]
        },
    ]

    private static func pairwise(_ operation: Operation, _ function: BinaryFunction) throws -> [Value] {
        _ = (try operation.number(0), try operation.number(1))
        let (a, b) = try operation.alignedPair()
        return [try Value.combined(a, b, function).wrapped()]
    }

    private static func accumulated(_ operation: Operation, _ function: BinaryFunction) throws -> Value {
        let values = try operation.allInputs()
        guard values[0].type.kind != .bit else {
            throw operation.unsupported("its inputs are bool; floats and integers are computed here")
        }
        return try values.dropFirst().reduce(values[0]) { try Value.combined($0, $1, function) }
    }

    /// The quotient.
    ///
    /// A public divisor becomes a factor; one that is a secret constant has become a reciprocal that the owner
    /// computed, before any node is imported, unless it divides data; another one is divided by as `/` does; quotients of
    /// integers, which are truncated, are exact up to 2⁸.
    private static func divide(_ operation: Operation) throws -> [Value] {
        let (a, b) = try operation.alignedPair()
        let quotient = BinaryFunction(
            reals: { $0 / $1 },
            integers: { a, b in
                let (quotient, overflow) = a.dividedReportingOverflow(by: b)
                return overflow ? nil : quotient
            },
            expressions: { x, y in
                guard x.kind == .real else { return x.truncatedQuotient(y) }
                // A root in the denominator is divided by at once, which takes fewer rounds and loses less than the root alone.
                if case .squareRoot(let range) = y.node.operation, x.visibility == .secret, y.visibility == .secret {
                    return x.applying(.divideByRoot(range, count: 1), CrypTensor(y.node.inputs[0]))
                }
                return x / y
            }
        )
        return [try Value.combined(a, b, quotient)]
    }
}
