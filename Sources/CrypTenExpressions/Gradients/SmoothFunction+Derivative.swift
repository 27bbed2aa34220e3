internal import CrypTenBase
internal import CrypTenRing

/// Derivatives of smooth functions.
///
/// Those of the logistic function and the hyperbolic tangent are polynomials of the function itself, which cost no comparison. The
/// others have series of their own; and derivatives of those are composed.
extension SmoothFunction {
    /// The derivative at x, where the function is y.
    func derivative(of x: CrypTensor, _ y: CrypTensor, at place: SourceOrigin?) throws -> CrypTensor {
        // f(factor·x) / factor has the slope f'(factor·x).
        let inner = factor == 1 ? x : x.scaled(by: factor, at: place)
        func smooth(_ function: SmoothFunction, _ operand: CrypTensor? = nil) -> CrypTensor {
            (operand ?? inner).applying(.smooth(function), at: place)
        }
        switch name {
        case "sigmoid": return y.applying(.polynomial([0, 1, -1]), at: place)
        case "tanh": return y.applying(.polynomial([1, 0, -1]), at: place)
        case "softplus": return smooth(.accurate(.sigmoid, .sigmoidAccurate))
        case "erf": return smooth(.accurate(.erfSlope, .erfSlopeAccurate))
        case "gelu": return smooth(.accurate(.geluSlope, .geluSlopeAccurate))
        case "silu": return smooth(.accurate(.siluSlope, .siluSlopeAccurate))
        case "mish": return smooth(.accurate(.mishSlope, .mishSlopeAccurate))
        case "geluTanh": return smooth(.accurate(.geluTanhSlope, .geluTanhSlopeAccurate))
        case "arctangent":
            // In its interval, beyond which other pieces are selected.
            return inner.applying(.polynomial([1, 0, 1]), at: place).applying(
                .reciprocal(MagnitudeRange(0, 2)),
                at: place
            )
        case "erfSlope":
            return inner.times(y, at: place).scaled(by: -2, at: place)
        case "geluSlope":
            // φ(x)·(2 − x²), and φ(x) = erf'(x/√2) / (2√2)
            let root = 2.0.squareRoot()
            let density = smooth(.accurate(.erfSlope, .erfSlopeAccurate), inner.scaled(by: 1 / root, at: place))
                .scaled(by: 0.5 / root, at: place)
            return near(inner, at: place).applying(.polynomial([2, 0, -1]), at: place).times(density, at: place)
        case "siluSlope":
            // σ·(1 − σ)·(2 + x·(1 − 2σ))
            let s = smooth(.accurate(.sigmoid, .sigmoidAccurate))
            let turn = near(inner, at: place).times(s.applying(.polynomial([1, -2]), at: place), at: place)
            return s.applying(.polynomial([0, 1, -1]), at: place)
                .times(turn.applying(.polynomial([2, 1]), at: place), at: place)
        case "mishSlope":
            // With σ, τ = tanh(softplus x) and ν = 1 − τ²: σ·ν·(2 + x·(1 − σ − 2·σ·τ))
            let s = smooth(.accurate(.sigmoid, .sigmoidAccurate))
            let t = smooth(.accurate(.tanh, .tanhAccurate), smooth(.accurate(.softplus, .softplusAccurate)))
            let rest = s.applying(.polynomial([1, -1]), at: place)
                .applying(.subtract, s.times(t, at: place).scaled(by: 2, at: place), at: place)
            let turn = near(inner, at: place).times(rest, at: place).applying(.polynomial([2, 1]), at: place)
            return s.times(t.applying(.polynomial([1, 0, -1]), at: place), at: place).times(turn, at: place)
        case "geluTanhSlope":
            // With u = c·(x + a·x³), t = tanh u and n = 1 − t²: n·u' + x/2·n·(u'' − 2·t·u'²)
            let (c, a) = ((2 / Double.pi).squareRoot(), 0.044715)
            let v = near(inner, at: place)
            let t = smooth(
                .accurate(.tanh, .tanhAccurate),
                v.applying(.polynomial([0, c, 0, c * a]), at: place)
            )
            let slope = v.applying(.polynomial([c, 0, 3 * a * c]), at: place)
            let bend = v.scaled(by: 6 * a * c, at: place)
                .applying(
                    .subtract,
                    t.times(slope, at: place).times(slope, at: place).scaled(by: 2, at: place),
                    at: place
                )
            let sum = slope.applying(.add, v.times(bend, at: place).scaled(by: 0.5, at: place), at: place)
            return t.applying(.polynomial([1, 0, -1]), at: place).times(sum, at: place)
        default:
            throw CrypTenError(.unsupportedOperator, "\(name) has no derivative of a higher order")
        }
    }

    /// x within ±8, beyond which the slopes don't change.
    private func near(_ x: CrypTensor, at place: SourceOrigin?) -> CrypTensor {
        x.applying(.clamp(low: -8, high: 8), at: place)
    }
}
