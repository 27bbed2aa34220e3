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
        "Add": OperatorEntry([7, 13, 14]) { try pairwise($0, .add) },
        "Sub": OperatorEntry([7, 13, 14]) { try pairwise($0, .subtract) },
        "Mul": OperatorEntry([7, 13, 14]) { try pairwise($0, .multiply) },
        "Div": OperatorEntry([7, 13, 14], divide),
        "Mod": OperatorEntry([10, 13, 28], remainder),
        "Pow": OperatorEntry([7, 12, 13, 15], known: [1], power),
        "Sum": OperatorEntry([6, 8, 13]) { [try accumulated($0, .add)] },
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
            [try $0.number(0).mapped(reals: { -$0 }, integers: { 0 &- $0 }, expression: { -$0 })]
        },
        "Abs": OperatorEntry([6, 13]) { operation in
            [
                try operation.number(0).mapped(
                    reals: { Swift.abs($0) },
                    integers: { $0 < 0 ? 0 &- $0 : $0 },
                    expression: { $0.abs() }
                )
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
        let (a, b) = try operation.pair()
        return [try Value.combined(a, b, function)]
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
    /// computed, before any node is imported.
    private static func divide(_ operation: Operation) throws -> [Value] {
        let (a, b) = try operation.pair()
        let quotient = BinaryFunction(
            reals: { $0 / $1 },
            integers: { a, b in
                let (quotient, overflow) = a.dividedReportingOverflow(by: b)
                return overflow ? nil : quotient
            },
            expressions: { x, y in
                guard let divisor = y.constantValue else {
                    throw operation.unsupported(
                        "the divisor is \(y.visibility.rawValue); divisors that are public constants are computed here"
                    )
                }
                guard x.kind == .real else {
                    throw operation.unsupported("a quotient of secret integers is rounded, which isn't computed here")
                }
                return x.divided(by: divisor)
            }
        )
        return [try Value.combined(a, b, quotient)]
    }

    private static func remainder(_ operation: Operation) throws -> [Value] {
        let (a, b) = try operation.pair()
        guard try !operation.flag("fmod", default: false), a.type.kind == .integer else {
            throw operation.unsupported("remainders of integers (fmod = 0) are computed here")
        }
        let remainder = BinaryFunction(
            reals: { x, _ in x },
            integers: { a, b in
                let (remainder, overflow) = a.remainderReportingOverflow(dividingBy: b)
                if overflow { return nil }
                return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder
            },
            expressions: { _, _ in throw operation.unsupported("a remainder of secrets isn't computed here") }
        )
        return [try Value.combined(a, b, remainder)]
    }

    /// Powers with one public exponent: whole numbers from 0 on; of the owner's weights any.
    private static func power(_ operation: Operation) throws -> [Value] {
        let base = try operation.number(0)
        guard let exponents = try operation.known(1) else { throw operation.malformed("it has no exponent") }
        guard let exponent = exponents.doubles.first, exponents.doubles.allSatisfy({ $0 == exponent }),
            Shape.broadcast(base.shape, exponents.shape) == base.shape
        else { throw operation.unsupported("its exponents differ; one public exponent is computed here") }
        if exponent == 0.5, base.type.kind == .real { return [try squareRoot(operation, base)] }
        guard let whole = Int(exactly: exponent), (0...64).contains(whole) else {
            guard case .weight = base.content, base.type.kind == .real else {
                throw operation.unsupported("exponent \(exponent) isn't computed here; whole numbers from 0 to 64 are")
            }
            // Only the owner computes this, so that the platform's power function may differ from another party's.
            return [
                try base.mapped(
                    reals: { Foundation.pow($0, exponent) },
                    integers: { $0 },
                    expression: { _ in throw NeedsRun() }
                )
            ]
        }
        return [
            try base.mapped(
                reals: { x in (0..<whole).reduce(1) { product, _ in product * x } },
                integers: { x in (0..<whole).reduce(1) { product, _ in product &* x } },
                expression: { $0.pow(whole) }
            )
        ]
    }

    static func squareRoot(_ operation: Operation, _ value: Value) throws -> Value {
        try value.mapped(
            reals: { $0.squareRoot() },
            integers: { $0 },
            expression: { _ in
                throw operation.unsupported(
                    "the square root of a secret isn't computed here; that of the model's own weights is"
                )
            }
        )
    }
}
