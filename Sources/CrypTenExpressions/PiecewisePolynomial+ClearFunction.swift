internal import Foundation

extension PiecewisePolynomial {
    /// The function that this stands for on plain numbers: the true one where its name is known, else the pieces.
    var clearFunction: (Double) -> Double {
        switch name {
        case "sigmoid": { 1 / (1 + Foundation.exp(-$0)) }
        case "tanh": { Foundation.tanh($0) }
        case "erf": { Foundation.erf($0) }
        case "gelu": { $0 / 2 * Foundation.erfc(-$0 / 2.0.squareRoot()) }
        case "silu": { $0 / (1 + Foundation.exp(-$0)) }
        case "softplus": { max($0, 0) + Foundation.log1p(Foundation.exp(-$0.magnitude)) }
        default: { evaluate($0) }
        }
    }

    /// What the pieces say at x.
    package func evaluate(_ x: Double) -> Double {
        // The number of knots at or below x.
        var (low, high) = (0, knots.count)
        while low < high {
            let middle = (low + high) / 2
            if knots[middle] <= x { low = middle + 1 } else { high = middle }
        }
        let distance = x - pieces[low].center
        let value = pieces[low].coefficients.reversed().reduce(0) { $0 * distance + $1 }
        return addsPositivePart ? value + max(x, 0) : value
    }
}
