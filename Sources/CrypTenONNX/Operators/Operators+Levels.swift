internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// What `Preparation` makes of a quantised network. No file can name these: the table that files are checked against doesn't have
    /// them.
    static let levels: [String: @Sendable (Operation) throws -> [Value]] = [
        centredLevels: { operation in
            let q = try operation.input(0)
            guard q.type.kind == .integer, q.type.levels != nil || q.type == .int32 else {
                throw operation.unsupported(
                    "it reads \(q.type.rawValue); whole numbers of 4, 8, 16 and 32 bits are computed here"
                )
            }
            let zeroPoint = operation.optional(1)
            if let zeroPoint, zeroPoint.type != q.type {
                throw operation.malformed(
                    "its zero point is \(zeroPoint.type.rawValue), and what it belongs to \(q.type.rawValue): they must be of one type"
                )
            }
            return [Value(.int32, try centred(q, try zeroPoint?.reshaped([])))]
        },
        withZeroPoint: { operation in
            let zeroPoint = try operation.input(1)
            return [
                Value(
                    zeroPoint.type,
                    try checked(try operation.input(0).expression() + (try zeroPoint.reshaped([]).expression()))
                )
            ]
        },
        asReals: { [Value(.float, try checked(try $0.input(0).expression().toReal()))] },
        timesFactor: { [Value(.float, try checked(try factored(try $0.input(0), by: try $0.real(1))))] },
        timesParts: { operation in
            let x = try operation.input(0)
            let rest = try factored(x, by: try operation.real(2)) * (1 / LevelParts.units)
            return [Value(.float, try checked(try factored(x, by: try operation.real(1)) + rest))]
        },
        timesRange: { operation in
            let range = try operation.real(1).expression()
            return [Value(.float, try checked(try operation.input(0).expression() * range * (1.0 / 255)))]
        },
        sumOfTerms: { operation in
            [Value(.float, try sum(operation, try operation.inputs.indices.map { try operation.input($0) }))]
        },
        roundedSum: { operation in
            let count = operation.inputs.count - 1
            let type = try gridType(operation, zeroPoint: operation.optional(count))
            guard let levels = type.levels else {
                throw operation.unsupported(
                    "it rounds to \(type.rawValue); whole numbers of 4, 8 and 16 bits are computed here"
                )
            }
            var total = try sum(operation, try (0..<count).map { try operation.input($0) })
            if let zeroPoint = operation.optional(count) {
                total = total + (try zeroPoint.reshaped([]).expression().toReal())
            }
            return [Value(type, try checked(held(total.toReal(), levels)))]
        },
        productOfLevels: { operation in
            let (a, b) = (try operation.number(0), try operation.number(1))
            return [Value(.int32, try checked(try a.expression() * (try b.expression())))]
        },
        reluOfLevels: { [Value(.int32, try checked(try $0.number(0).expression().relu()))] },
        quantizedByReciprocals: { [try quantized($0, byReciprocals: true)] },
        rangeOfGrid: { try dynamicallyQuantized($0) },
        unpackedWeights: unpacked,
        LevelRules.ofLevels("Conv"): { operation in
            let (x, w) = (try operation.number(0), try operation.number(1))
            let bias = try operation.optional(2)?.expression()
            return [try convolved(operation, x, w, bias: bias, type: w.type.kind == .real ? .float : .int32)]
        },
        LevelRules.ofLevels("ConvTranspose"): convolveTransposed,
        LevelRules.ofLevels("Gemm"): multiplyAndAdd,
        LevelRules.ofLevels("MatMul"): { operation in
            let (a, b) = (try operation.number(0), try operation.number(1))
            let isReal = a.type.kind == .real || b.type.kind == .real
            return [Value(isReal ? .float : .int32, try checked(try a.expression().matmul(try b.expression())))]
        },
    ]

    static let centredLevels = "levels less zero point"
    static let withZeroPoint = "levels with zero point"
    static let asReals = "levels as reals"
    static let timesFactor = "times factor"
    static let timesParts = "times factor of two parts"
    static let timesRange = "times range"
    static let sumOfTerms = "sum of terms"
    static let roundedSum = "rounded to levels"
    static let productOfLevels = "product of levels"
    static let reluOfLevels = "larger of levels and zero"
    static let quantizedByReciprocals = "QuantizeLinear by reciprocals"
    static let rangeOfGrid = "DynamicQuantizeLinear with its range"

    private static func factored(_ x: Value, by factor: Value) throws -> CrypTensor {
        if let known = factor.knownTensor { return try x.expression().toReal() * known }
        return try x.expression() * (try factor.expression())
    }

    private static func sum(_ operation: Operation, _ terms: [Value]) throws -> CrypTensor {
        guard let first = terms.first else { throw operation.malformed("it has no terms") }
        return try checked(
            try terms.dropFirst().reduce(try first.expression()) { total, term in total + (try term.expression()) }
        )
    }
}

/// A factor in two parts, of which the first is a multiple of 2⁻¹² and the second the rest times 2¹²: together they have as many more
/// fraction bits.
enum LevelParts {
    static let units: Double = 0x1p12

    static func split(_ factor: Value) throws -> (first: Value, rest: Value) {
        let first = try factor.mapped { ($0 * units).rounded() / units }
        let rest = try factor.mapped { ($0 - ($0 * units).rounded() / units) * units }
        return (first, rest)
    }
}
