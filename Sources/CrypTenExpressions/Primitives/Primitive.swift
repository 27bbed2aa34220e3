package import CrypTenBase
package import CrypTenRing

/// The few operations that expressions are made of; everything else is composed of them.
///
/// Each has one shape rule (`Primitive+ShapeRules.swift`), one clear meaning (`ClearEvaluator+Operations.swift`), one
/// lowering (planner) and one gradient rule (`GradientRules.swift`), in the order of the cases here.
///
/// Unless said otherwise operands are tensors of one kind and one shape, and composing functions insert `broadcast`.
package enum Primitive: Hashable, Sendable {
    // MARK: Sources

    /// A secret that one party has: `number` counts the session's inputs.
    case input(owner: PartyID, number: Int)
    /// Numbers that everybody knows and the plan contains.
    case constant(Tensor)
    /// A tensor that everybody knows by the time of the run and the plan doesn't contain; its digest is bound.
    case publicInput(number: Int)
    /// A value that an earlier run kept: `number` counts the session's kept values; a changed weight is a new one.
    case kept(number: Int)
    /// Rows of such a value, which every run reads anew: the plan says how many there are, and not which.
    case keptRows(number: Int, rows: [Int])
    /// Fresh values that no party knows; every node is drawn once, `number` tells nodes apart.
    case random(Distribution, drawnBy: RandomSource = .dealer, Shape, number: Int)

    // MARK: Structure

    case reshape(Shape)
    /// Axis k of the result is axis `axes[k]` of the operand.
    case permute(axes: [Int])
    /// From `starts[k]`, every `steps[k]`-th (not 0, may be negative), to the given shape.
    case slice(starts: [Int], steps: [Int], shape: Shape)
    case broadcast(Shape)
    case concatenate(axis: Int)
    /// Zeros around the operand.
    case pad(before: [Int], after: [Int])
    /// Slices along an axis, by indices in the plan (0 ≤ index < extent).
    case take(axis: Int, indices: [Int])
    /// `[table, indices]`: slices along an axis, by a public integer tensor of run time; the axis becomes its axes.
    case gather(axis: Int)

    /// `[x, y, …]` of as many rows: operand `part`, with its rows in an order that no party knows; those of one `number` have one order.
    case shuffle(part: Int, number: Int)

    // MARK: Linear and bilinear

    case add
    case subtract
    case negate
    /// Over the axes, which disappear.
    case sum(axes: [Int])
    /// `[left, right]`; `.multiply` broadcasts its operands itself.
    ///
    /// Real × integer is real.
    case bilinear(BilinearOperation)
    /// An integer as a real number.
    case toReal
    /// The same number, of which a range is public.
    case declared(ValueRange)
    /// The same numbers, through which no gradient passes.
    case stopGradient
    /// `[y, x]`: y, which is this function of x, however it was made: its gradient is that of the function.
    case known(KnownFunction)
    /// `[x, g]`: x, which isn't had before g is, so that what is made of it is made then.
    case notBefore
    /// The largest whole number that isn't above a real one, an integer.
    case floor

    // MARK: Comparisons and bits

    /// x < 0, a bit.
    case isNegative
    /// x > 0, a bit: what the gradient of `relu` asks for, and `relu` has.
    case isPositive
    /// x = 0, a bit.
    case isZero
    /// The conjunction of two bits or more.
    case and
    /// The sum modulo 2 of two bits or more.
    case xor
    case not
    /// `[bit, x]`: x where the bit is 1, else 0; equal shapes.
    case select
    /// A bit as an integer, 0 or 1.
    case bitToInteger

    // MARK: Functions

    /// max(x, 0)
    case relu
    /// The largest along an axis, which disappears.
    case maximum(axis: Int)
    /// The lowest index of the largest along an axis, which disappears; an integer.
    case argmax(axis: Int)
    /// Bits of the operand's shape: 1 for the first of the largest along an axis, as `maximum` has found it.
    case winners(axis: Int)
    /// `Σ_d coefficients[d] x^d`
    case polynomial([Double])
    /// x, but never below `low` or above `high`.
    case clamp(low: Double, high: Double)
    case smooth(SmoothFunction)
    case sine
    case cosine

    // MARK: Functions of any magnitude

    /// eˣ
    case exponential
    /// ln x
    case logarithm(MagnitudeRange)
    /// 1 / x
    case reciprocal(MagnitudeRange)
    /// `[x, y]`, which broadcast: x / y.
    case divide(MagnitudeRange)
    case squareRoot(MagnitudeRange)
    /// 1 / √x
    case inverseSquareRoot(MagnitudeRange)
    /// `[x, y]`, which broadcast: x / √(y / count).
    case divideByRoot(MagnitudeRange, count: Int)
    /// eˣ over its sum along an axis, of x ≤ 0 of which one along the axis is 0.
    case normalizedExponential(axis: Int)
    /// ln Σ eˣ along an axis, which disappears; of x ≤ 0 of which one along the axis is 0.
    case logarithmOfExponentials(axis: Int)

    /// What a random node draws.
    package enum Distribution: Hashable, Sendable {
        /// Reals in [0, 1), multiples of 2^-fractionBits.
        case uniform
        /// Bits that are 1 with this probability, rounded to a multiple of 2^-fractionBits.
        case bernoulli(Double)
        /// Of so many fair bits, an even number, those that are 1 beyond one half of them, times a multiple of
        /// 2^-fractionBits.
        case binomial(trials: Int, scale: Double)

        /// What `trials` may be.
        package static let trials = 2...1 << 16
    }

    /// Whether every element of the result is an element of an operand.
    package var movesElements: Bool {
        switch self {
        case .reshape, .permute, .slice, .broadcast, .concatenate, .take: true
        default: false
        }
    }

    /// The name in plans, errors and cost reports.
    package var name: String {
        switch self {
        case .input: "input"
        case .constant: "constant"
        case .publicInput: "public input"
        case .kept, .keptRows: "kept value"
        case .random: "random"
        case .reshape: "reshape"
        case .permute: "permute"
        case .slice: "slice"
        case .broadcast: "broadcast"
        case .concatenate: "concatenate"
        case .pad: "pad"
        case .take: "take"
        case .gather: "gather"
        case .shuffle: "shuffle"
        case .add: "add"
        case .subtract: "subtract"
        case .negate: "negate"
        case .sum: "sum"
        case .bilinear(let operation): operation.name
        case .toReal: "toReal"
        case .declared: "declared range"
        case .stopGradient: "stopGradient"
        case .known(let function): function.name
        case .notBefore: "not before"
        case .floor: "floor"
        case .isNegative: "isNegative"
        case .isPositive: "isPositive"
        case .isZero: "isZero"
        case .and: "and"
        case .xor: "xor"
        case .not: "not"
        case .select: "select"
        case .bitToInteger: "bitToInteger"
        case .relu: "relu"
        case .maximum: "maximum"
        case .argmax: "argmax"
        case .winners: "winners"
        case .polynomial: "polynomial"
        case .clamp: "clamp"
        case .smooth(let function): function.name
        case .sine: "sine"
        case .cosine: "cosine"
        case .exponential: "exp"
        case .logarithm: "log"
        case .reciprocal: "reciprocal"
        case .divide: "divide"
        case .squareRoot: "sqrt"
        case .inverseSquareRoot: "inverseSquareRoot"
        case .divideByRoot: "divideByRoot"
        case .normalizedExponential: "softmax"
        case .logarithmOfExponentials: "logSumExp"
        }
    }
}
