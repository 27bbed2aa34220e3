internal import CrypTenBase
internal import CrypTenRing

/// A function that is composed of others, with a gradient that is simpler, or another one, than what the rules make of its parts.
///
/// The primitive that names one changes nothing: plans don't have it.
package enum KnownFunction: Hashable, Sendable {
    case inverseHyperbolicSine
    case inverseHyperbolicCosine
    /// The same numbers, of which those of one row, along the first axis, are constants.
    case identity(frozenRow: Int)
    /// x over the root of the mean of its squares along axes plus epsilon.
    case standardization(axes: [Int], epsilon: Double)

    package var name: String {
        switch self {
        case .inverseHyperbolicSine: "asinh"
        case .inverseHyperbolicCosine: "acosh"
        case .identity: "frozen row"
        case .standardization: "standardization"
        }
    }

    /// The gradient of the operand x, of which the function is y, where that of y is g.
    ///
    /// Of inverse hyperbolic functions g / √(x² ± 1): what they are made of adds up quotients instead, each with a rounding of its own, and takes
    /// more rounds. Of a standardisation `q − y · mean(q · y)` with `q = g / √(mean(x²) + ε)`, one division by what the function has found: through the squares there is a
    /// second one, whose rounding all elements have in common, so that what sums over them, as a convolution's kernel does, gathers it.
    func gradient(_ g: CrypTensor, of y: CrypTensor, at x: CrypTensor, origin: SourceOrigin?) -> CrypTensor {
        func inverseRoot(_ operation: Primitive) -> CrypTensor {
            let one = CrypTensor(constant: Tensor(1.0), at: origin).broadcasted(to: x.shape, at: origin)
            return x.times(x, at: origin).applying(operation, one, at: origin)
                .applying(.inverseSquareRoot(.whole), at: origin)
        }
        switch self {
        case .inverseHyperbolicSine: return g.times(inverseRoot(.add), at: origin)
        case .inverseHyperbolicCosine: return g.times(inverseRoot(.subtract), at: origin)
        case .standardization(let axes, let epsilon):
            let count = axes.reduce(1) { $0 * x.shape[$1] }
            let squares = x.times(x, at: origin).sum(axes: axes, keepDimensions: true)
            let quotient = g.dividedByRoot(ofSquares: squares, along: axes, epsilon: epsilon, at: origin)
            let common = quotient.times(y, at: origin).sum(axes: axes, keepDimensions: true)
            let part = y.times(common, at: origin).scaled(by: 1 / Double(count), at: origin)
            return quotient.applying(.subtract, part, at: origin)
        case .identity(let row):
            // Whole numbers: nothing is truncated.
            let rows = (0..<x.shape[0]).map { $0 == row ? 0 : Int64(1) }
            let ones = Shape([x.shape[0]] + [Int](repeating: 1, count: x.rank - 1))
            return g.times(CrypTensor(constant: Tensor(rows, shape: ones), at: origin), at: origin)
        }
    }
}

extension CrypTensor {
    /// The same numbers, of which those of one row, along the first axis, get a gradient of 0.
    ///
    /// Local; nothing is moved.
    package func freezing(row: Int) -> CrypTensor {
        let x = real()
        return x.applying(.known(.identity(frozenRow: row)), x)
    }
}
