/// Elementary functions that are the same bits on every machine: sums, products, quotients and square roots of IEEE 754 doubles,
/// one after the other, and nothing of the system's library, which may round its functions another way. Swift neither reorders
/// nor contracts arithmetic, so that no product and sum become one operation on one machine and two on another.
///
/// Whatever becomes a plan's constant or a public operand that multiplies shares goes through these: a unit in the last place of
/// disagreement times a share, which is uniform, is a uniform error.
///
/// Bounds are in units in the last place of a result that isn't subnormal. Special values are those of the standard's functions.
package enum PortableFunctions {
    /// ln 2 in two parts, of which the first has 28 zero bits at its end: its products with exponents are exact.
    private static let (ln2High, ln2Low) = (0x1.62e42fp-1, 0x1.df473de6af279p-26)

    /// eˣ: `2^k · e^r` with |r| ≤ ln 2 / 2, and Taylor's series there; within 2 units.
    package static func exp(_ x: Double) -> Double {
        if x.isNaN { return x }
        if x > 0x1.62e42fefa39efp+9 { return .infinity }
        if x < -745.2 { return 0 }
        let k = (x / 0x1.62e42fefa39efp-1).rounded()
        let r = (x - k * ln2High) - k * ln2Low
        var (sum, degree) = (1.0, 16.0)
        while degree >= 1 {
            sum = 1 + sum * r / degree
            degree -= 1
        }
        // In two steps, for results at both ends.
        let half = (k / 2).rounded(.down)
        return sum * power(Int(half)) * power(Int(k - half))
    }

    /// ln x: of the significand in [√½, √2) by the series of the inverse hyperbolic tangent; within 4 units.
    package static func log(_ x: Double) -> Double {
        if x == 0 { return -.infinity }
        if x.isNaN || x < 0 { return .nan }
        if x.isInfinite { return x }
        var (m, e) = (x.significand, Double(x.exponent))
        if m > 0x1.6a09e667f3bcdp+0 { (m, e) = (m / 2, e + 1) }
        let s = (m - 1) / (m + 1)
        var (sum, k) = (0.0, 27.0)
        while k >= 1 {
            sum = sum * s * s + 1 / k
            k -= 2
        }
        return e * ln2High + (2 * s * sum + e * ln2Low)
    }

    /// ln(1 + x), also of small x; within 6 units.
    package static func log1p(_ x: Double) -> Double {
        let sum = 1 + x
        if sum == 1 || !sum.isFinite { return sum == 1 ? x : log(sum) }
        // What the sum lost is made up for by the quotient: Kahan's way.
        return log(sum) * (x / (sum - 1))
    }

    /// eˣ − 1, also of small x; within 8 units.
    package static func expm1(_ x: Double) -> Double {
        let power = exp(x)
        if power == 1 { return x }
        if power == 0 || !power.isFinite { return power - 1 }
        // What the difference lost is made up for by the quotient: Kahan's way.
        return (power - 1) * (x / log(power))
    }

    /// x to a power: a product for whole exponents up to 64, else `e^(exponent · ln x)`, whose relative error is 2⁻⁵² times
    /// `3 + 4·|exponent · ln x|`.
    package static func pow(_ x: Double, _ exponent: Double) -> Double {
        if exponent == 0.5 { return x.squareRoot() }
        if let whole = Int(exactly: exponent), whole.magnitude <= 64 {
            let product = (0..<Int(whole.magnitude)).reduce(1.0) { product, _ in product * x }
            return whole < 0 ? 1 / product : product
        }
        if x < 0, let whole = Int(exactly: exponent) {
            return exp(exponent * log(-x)) * (whole % 2 == 0 ? 1 : -1)
        }
        return exp(exponent * log(x))
    }

    /// The hyperbolic tangent: within 6 units.
    package static func tanh(_ x: Double) -> Double {
        let size = x.magnitude
        if size > 20 { return x < 0 ? -1 : 1 }
        if size > 0.35 {
            let value = 1 - 2 / (exp(2 * size) + 1)
            return x < 0 ? -value : value
        }
        // e^2x − 1 by Taylor's series, so that nothing cancels.
        var (sum, degree) = (1.0, 20.0)
        while degree >= 2 {
            sum = 1 + sum * (2 * x) / degree
            degree -= 1
        }
        let less = 2 * x * sum
        return less / (less + 2)
    }

    /// The error function: within 12 units.
    package static func erf(_ x: Double) -> Double {
        let size = x.magnitude
        if !(size >= 1) { return nearError(x) }
        let value = 1 - farError(size)
        return x < 0 ? -value : value
    }

    /// One minus the error function: within 40 units.
    package static func erfc(_ x: Double) -> Double {
        if x >= 1 { return farError(x) }
        return x <= -1 ? 2 - farError(-x) : 1 - nearError(x)
    }

    /// 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n + 1)!!, whose terms have one sign, for |x| < 1.
    private static func nearError(_ x: Double) -> Double {
        var (sum, n) = (1.0, 28.0)
        while n >= 1 {
            sum = 1 + sum * (2 * x * x) / (2 * n + 1)
            n -= 1
        }
        return 0x1.20dd750429b6dp+0 * x * sum * exp(-x * x)
    }

    /// Laplace's continued fraction e^(−x²) / √π · 1/(x + ½/(x + 1/(x + 1½/(x + …)))), for x ≥ 1.
    private static func farError(_ x: Double) -> Double {
        if x.isNaN { return x }
        if x > 27.3 { return 0 }
        // So many parts that what is left out is below a unit in the last place.
        var (rest, n) = (0.0, (210 / (x * x)).rounded(.up) + 20)
        while n >= 1 {
            rest = n / 2 / (x + rest)
            n -= 1
        }
        // The square is exact of the first part, which has 24 bits.
        let high = Double(Float(x))
        let scale = exp(-high * high) * exp(-(x - high) * (x + high))
        return scale * 0x1.20dd750429b6dp-1 / (x + rest)
    }

    /// 2 to a whole power that a double holds.
    private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}
