/// Elementary functions of public numbers that are the same bits on every machine: sums, products and quotients of IEEE 754
/// doubles only, for a platform's library may round another way, and all parties must have the same plan.
///
/// Relative error below 10⁻¹⁴ where the result isn't near a zero of the function.
enum PortableFunctions {
    /// ln 2 in two parts, of which the first has 32 zero bits at its end: its products with exponents are exact.
    private static let (ln2High, ln2Low) = (0x1.62e42fp-1, 0x1.df473de6af279p-26)

    /// eˣ: `2^k · e^r` with |r| ≤ ln 2 / 2, and Taylor's series there.
    static func exp(_ x: Double) -> Double {
        if x.isNaN { return x }
        if x > 709.7 { return .infinity }
        if x < -745.2 { return 0 }
        let k = (x / 0x1.62e42fefa39efp-1).rounded()
        let r = (x - k * ln2High) - k * ln2Low
        var (sum, degree) = (1.0, 16.0)
        while degree >= 1 {
            sum = 1 + sum * r / degree
            degree -= 1
        }
        // In two steps, for subnormal results.
        let half = (k / 2).rounded(.down)
        return sum * power(Int(half)) * power(Int(k - half))
    }

    /// ln x: of the significand in [√½, √2) by the series of the inverse hyperbolic tangent.
    static func log(_ x: Double) -> Double {
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

    /// x to a power: a product for whole exponents up to 64, else `e^(exponent · ln x)`.
    static func pow(_ x: Double, _ exponent: Double) -> Double {
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

    /// The sine of a fraction of a full turn.
    static func sine(_ part: Int, of whole: Int) -> Double {
        // Eighths of a turn, so that the series runs over at most π/4.
        let (n, turn) = (((part % whole) + whole) % whole, Double(whole))
        let octant = 8 * n / whole
        let rest = Double(8 * n - octant * whole) / turn * (.pi / 4)
        let back = Double((octant + 1) * whole - 8 * n) / turn * (.pi / 4)
        switch octant {
        case 0: return sineSeries(rest)
        case 1: return cosineSeries(back)
        case 2: return cosineSeries(rest)
        case 3: return sineSeries(back)
        case 4: return -sineSeries(rest)
        case 5: return -cosineSeries(back)
        case 6: return -cosineSeries(rest)
        default: return -sineSeries(back)
        }
    }

    /// The cosine of a fraction of a full turn.
    static func cosine(_ part: Int, of whole: Int) -> Double {
        sine(4 * (part % whole) + whole, of: 4 * whole)
    }

    /// 2 to a whole power that a double holds.
    private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }

    private static func sineSeries(_ x: Double) -> Double {
        var (sum, k) = (1.0, 19.0)
        while k > 1 {
            sum = 1 - sum * x * x / (k * (k - 1))
            k -= 2
        }
        return sum * x
    }

    private static func cosineSeries(_ x: Double) -> Double {
        var (sum, k) = (1.0, 18.0)
        while k > 0 {
            sum = 1 - sum * x * x / (k * (k - 1))
            k -= 2
        }
        return sum
    }
}
