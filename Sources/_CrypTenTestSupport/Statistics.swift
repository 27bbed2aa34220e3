#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Pearson's statistic of the bytes of words against the uniform distribution, of 255 degrees of freedom.
package func chiSquareOfBytes(_ words: [UInt64]) -> Double {
    var counts = [Double](repeating: 0, count: 256)
    for word in words {
        for byte in 0..<8 { counts[Int(truncatingIfNeeded: word >> UInt64(8 * byte) & 255)] += 1 }
    }
    let expected = Double(words.count * 8) / 256
    return counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
}

/// Pearson's statistic for two samples of bytes having one distribution, of 255 degrees of freedom.
package func chiSquareOfBytes(_ first: [UInt64], against second: [UInt64]) -> Double {
    func counts(_ words: [UInt64]) -> [Double] {
        var counts = [Double](repeating: 0, count: 256)
        for word in words {
            for byte in 0..<8 { counts[Int(truncatingIfNeeded: word >> UInt64(8 * byte) & 255)] += 1 }
        }
        return counts
    }
    let (a, b) = (counts(first), counts(second))
    let (ratio, inverse) = (
        (Double(second.count) / Double(first.count)).squareRoot(),
        (Double(first.count) / Double(second.count)).squareRoot()
    )
    return zip(a, b).reduce(0) { sum, pair in
        let total = pair.0 + pair.1
        let difference = ratio * pair.0 - inverse * pair.1
        return total == 0 ? sum : sum + difference * difference / total
    }
}

/// The value that a chi-square variable exceeds with probability `falseAlarm` (Wilson and Hilferty's approximation).
package func chiSquareBound(degrees: Int, falseAlarm: Double) -> Double {
    let h = 2 / (9 * Double(degrees))
    let root = 1 - h + normalBound(falseAlarm) * h.squareRoot()
    return Double(degrees) * root * root * root
}

/// The probability that a chi-square variable exceeds `statistic`: the regularized incomplete gamma function Q.
package func chiSquareTail(_ statistic: Double, degrees: Int) -> Double {
    let (a, x) = (Double(degrees) / 2, statistic / 2)
    guard x > 0 else { return 1 }
    let scale = exp(a * log(x) - x - lgamma(a))
    if x < a + 1 {
        // The series of P.
        var (term, sum, n) = (1 / a, 1 / a, a)
        while term > sum * 1e-16 {
            n += 1
            term *= x / n
            sum += term
        }
        return 1 - scale * sum
    }
    // The continued fraction of Q, by Lentz's method.
    var b = x + 1 - a
    var (c, d) = (1e300, 1 / b)
    var fraction = d
    for i in 1...10_000 {
        let an = -Double(i) * (Double(i) - a)
        b += 2
        d = 1 / (an * d + b)
        c = b + an / c
        fraction *= d * c
        if abs(d * c - 1) < 1e-15 { break }
    }
    return scale * fraction
}

/// A bound of the probability that fair bits differ from their mean as far as `ones` of `count`, either way (Hoeffding).
package func fairBitsTail(ones: Int, of count: Int) -> Double {
    bitsTail(ones: ones, of: count, probability: 0.5)
}

/// The same of bits that are 1 with a given probability.
package func bitsTail(ones: Int, of count: Int, probability: Double) -> Double {
    guard count > 0 else { return 1 }
    let distance = Double(ones) - Double(count) * probability
    return min(1, 2 * exp(-2 * distance * distance / Double(count)))
}

/// The value that a standard normal variable exceeds with probability `falseAlarm`.
package func normalBound(_ falseAlarm: Double) -> Double {
    var (low, high) = (-40.0, 40.0)
    for _ in 0..<200 {
        let middle = (low + high) / 2
        if erfc(middle / 2.0.squareRoot()) / 2 > falseAlarm { low = middle } else { high = middle }
    }
    return high
}
