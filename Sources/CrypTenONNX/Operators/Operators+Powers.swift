internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Powers and remainders.
    static let powers: [String: OperatorEntry] = [
        "Mod": OperatorEntry([10, 13, 28], remainder),
        "Pow": OperatorEntry([7, 12, 13, 15], secret: [1], power),
    ]

    /// Powers with public exponents, in as many programs as there are different ones; with secret ones of bases above 0.
    private static func power(_ operation: Operation) throws -> [Value] {
        let base = try operation.number(0)
        if case .expression(let exponent) = try operation.number(1).content, exponent.visibility == .secret {
            return [try power(operation, base, of: exponent)]
        }
        guard let exponents = try operation.known(1) else { throw operation.malformed("it has no exponent") }
        guard let shape = Shape.broadcast(base.shape, exponents.shape) else {
            throw operation.mismatch("shapes \(base.shape) and \(exponents.shape) don't fit together")
        }
        guard exponents.doubles.allSatisfy({ $0.isFinite && $0.magnitude <= 64 }) else {
            throw operation.unsupported("its exponents are beyond ±64")
        }
        let spread = try base.broadcast(to: shape)
        let each = try Value(.double, known: Tensor(exponents.doubles, shape: exponents.shape)).broadcast(to: shape)
        let numbers = each.knownTensor?.doubles ?? []
        let different = Set(numbers).sorted()
        if different.count > 32, base.type.kind == .real, different.contains(where: { $0.rounded() != $0 }) {
            return [try Value.computed([spread, each], base.type) { $0[0].pow($0[1]) }]
        }
        if different.count == 1 { return [try power(operation, spread, different[0])] }
        // The elements of each exponent, raised together, and put back where they were.
        let flat = try spread.reshaped([shape.count])
        var (parts, places): ([Value], [Int]) = ([], [Int](repeating: 0, count: shape.count))
        var next = 0
        for exponent in different {
            let members = numbers.indices.filter { numbers[$0] == exponent }
            parts.append(try power(operation, try flat.taking(members, axis: 0), exponent))
            for place in members {
                places[place] = next
                next += 1
            }
        }
        if parts.isEmpty { return [base] }
        return [try Value.concatenated(parts, axis: 0).taking(places, axis: 0).reshaped(shape)]
    }

    /// A base above 0 to a secret power: `e^(exponent · ln base)`.
    private static func power(_ operation: Operation, _ base: Value, of exponent: CrypTensor) throws -> Value {
        guard base.type.kind == .real else {
            throw operation.unsupported(
                "its base is \(base.type.rawValue), and only floats are raised to a secret power; as a public value input 1 "
                    + "('\(onOneLine(operation.node.inputs[1]))') may be any, and all parties see all its numbers"
            )
        }
        guard let known = base.knownTensor else {
            return Value(base.type, try checked(try base.expression().pow(exponent)))
        }
        guard known.doubles.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw operation.unsupported(
                "its base isn't above 0, and only such a base is raised to a secret power; as a public value input 1 "
                    + "('\(onOneLine(operation.node.inputs[1]))') may be any, and all parties see all its numbers"
            )
        }
        let logarithms = try Value.computed([base.retyped(.double)], .double) { $0[0].log() }.expression()
        return Value(base.type, try checked((logarithms * exponent).exp()))
    }

    private static func power(_ operation: Operation, _ base: Value, _ exponent: Double) throws -> Value {
        if exponent == 0.5, base.type.kind == .real { return try squareRoot(base) }
        let whole = Int(exactly: exponent)
        guard base.type.kind == .real || whole.map({ $0 >= 0 }) == true else {
            throw operation.unsupported("integers to the power \(exponent) aren't integers")
        }
        return try base.mapped(
            reals: { PortableFunctions.pow($0, exponent) },
            integers: { x in (0..<(whole ?? 0)).reduce(1) { product, _ in product &* x } },
            expression: { $0.pow(exponent) }
        )
    }

    /// Remainders, with the divisor's sign or, where `fmod`, the dividend's; of secret divisors for quotients up to 2⁸.
    private static func remainder(_ operation: Operation) throws -> [Value] {
        let (a, b) = try operation.pair()
        let towardZero = try operation.flag("fmod", default: false)
        let remainder = BinaryFunction(
            reals: { x, y in
                let rest = x.truncatingRemainder(dividingBy: y)
                return !towardZero && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
            },
            integers: { x, y in
                let (rest, overflow) = x.remainderReportingOverflow(dividingBy: y)
                if overflow { return y == 0 ? nil : 0 }
                return !towardZero && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
            },
            expressions: { x, y in
                guard let divisors = y.constantValue?.doubles, let divisor = divisors.first,
                    divisors.allSatisfy({ $0 == divisor }), Shape.broadcast(x.shape, y.shape) == x.shape
                else { return towardZero ? x.fmod(dividingBy: y) : x.remainder(dividingBy: y) }
                return towardZero ? x.fmod(divisor) : x.remainder(divisor)
            }
        )
        return [try Value.combined(a, b, remainder)]
    }
}
