internal import CrypTenRing

/// A constant and sines and cosines of multiples of a phase.
///
///     constant + Σ_k cosines[k − 1]·cos(2πk·x / period) + sines[k − 1]·sin(2πk·x / period),    k = 1, 2, …
///
/// The numbers are doubles whose scaling by powers of two and rounding is exact on every machine; the planner turns them into
/// the integers that enter the plan.
package struct TrigonometricSeries: Hashable, Sendable {
    package var period: Double
    package var constant: Double
    package var cosines: [Double]
    package var sines: [Double]

    package init(period: Double, constant: Double, cosines: [Double], sines: [Double]) {
        precondition(cosines.count == sines.count, "a series has as many sines as cosines")
        self.period = period
        self.constant = constant
        self.cosines = cosines
        self.sines = sines
    }

    /// The series is less than this power of two everywhere.
    package var magnitudeBits: Int {
        let sum = (cosines + sines).reduce(constant.magnitude) { $0 + $1.magnitude }
        return sum < 1 ? 0 : Int(sum.exponent) + 1
    }

    /// What the series says at x: the same bits on every machine.
    package func evaluate(_ x: Double) -> Double {
        zip(cosines, sines).enumerated().reduce(constant) { sum, term in
            let angle = 2 * Double.pi / period * Double(term.offset + 1) * x
            return sum + term.element.0 * PortableFunctions.cos(angle) + term.element.1 * PortableFunctions.sin(angle)
        }
    }
}

/// A function that is a series on an interval, and its limit beyond: a constant, or on the right x itself.
package struct SmoothFunction: Hashable, Sendable {
    /// For plans and cost reports: "sigmoid".
    package var name: String
    /// Where the series begins, and where it ends.
    package var lowest: Double
    package var highest: Double
    package var series: TrigonometricSeries
    package var below: Double
    /// Nil where the function grows as x does.
    package var above: Double?
    /// This is the named function of x times this factor, over it.
    private(set) package var factor = 1.0

    package init(
        name: String,
        lowest: Double,
        highest: Double,
        series: TrigonometricSeries,
        below: Double,
        above: Double?
    ) {
        precondition(
            highest - lowest < series.period && (above != nil || below == 0),
            "\(name) is a series on less than a period, and grows from 0"
        )
        self.name = name
        self.lowest = lowest
        self.highest = highest
        self.series = series
        self.below = below
        self.above = above
    }

    /// f(factor · x) / factor of a function f that grows from 0, for a positive factor.
    func narrowed(by factor: Double) -> SmoothFunction {
        precondition(factor > 0 && above == nil, "\(name) by \(factor)")
        var narrow = self
        narrow.factor *= factor
        narrow.lowest /= factor
        narrow.highest /= factor
        narrow.series.period /= factor
        narrow.series.constant /= factor
        narrow.series.cosines = series.cosines.map { $0 / factor }
        narrow.series.sines = series.sines.map { $0 / factor }
        return narrow
    }

    /// What the table says at x.
    package func evaluate(_ x: Double) -> Double {
        if x < lowest { return below }
        return x < highest ? series.evaluate(x) : above ?? x
    }

    /// The function that this stands for, on plain numbers: the same bits on every machine.
    package var clearFunction: (Double) -> Double {
        let function = named
        return factor == 1 ? function : { function($0 * factor) / factor }
    }

    private var named: (Double) -> Double {
        switch name {
        case "sigmoid": { 1 / (1 + PortableFunctions.exp(-$0)) }
        case "tanh": { PortableFunctions.tanh($0) }
        case "erf": { PortableFunctions.erf($0) }
        case "gelu": { $0 / 2 * PortableFunctions.erfc(-$0 / 2.0.squareRoot()) }
        case "silu": { $0 / (1 + PortableFunctions.exp(-$0)) }
        case "softplus": { max($0, 0) + PortableFunctions.log1p(PortableFunctions.exp(-$0.magnitude)) }
        case "mish":
            { $0 * PortableFunctions.tanh(max($0, 0) + PortableFunctions.log1p(PortableFunctions.exp(-$0.magnitude))) }
        case "arctangent": { PortableFunctions.atan($0) }
        case "geluTanh":
            { $0 / 2 * (1 + PortableFunctions.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
        case "erfSlope": { 2 / Double.pi.squareRoot() * PortableFunctions.exp(-$0 * $0) }
        case "geluSlope":
            {
                PortableFunctions.erfc(-$0 / 2.0.squareRoot()) / 2
                    + $0 * PortableFunctions.exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot()
            }
        case "siluSlope":
            { x in
                let s = 1 / (1 + PortableFunctions.exp(-x))
                return s * (1 + x * (1 - s))
            }
        case "mishSlope":
            { x in
                let s = 1 / (1 + PortableFunctions.exp(-x))
                let t = PortableFunctions.tanh(max(x, 0) + PortableFunctions.log1p(PortableFunctions.exp(-x.magnitude)))
                return t + x * s * (1 - t * t)
            }
        case "geluTanhSlope":
            { x in
                let (c, a) = ((2 / Double.pi).squareRoot(), 0.044715)
                let t = PortableFunctions.tanh(c * (x + a * x * x * x))
                return (1 + t) / 2 + x / 2 * (1 - t * t) * c * (1 + 3 * a * x * x)
            }
        default: preconditionFailure("\(name) has a table, and no definition")
        }
    }
}
