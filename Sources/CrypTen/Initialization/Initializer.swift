/// How a tensor's first values are drawn; the distributions are those of PyTorch's `torch.nn.init`.
///
/// Where a scale depends on the shape, a matrix `[out, in]` has the fans `in` and `out`, and a kernel `[O, I, …]` those numbers times its
/// window's elements.
public indirect enum Initializer: Hashable, Sendable {
    /// Every number between two is as likely.
    case uniform(_ low: Double = 0, _ high: Double = 1)
    /// Normally distributed.
    case normal(mean: Double = 0, deviation: Double = 1)
    /// Normally distributed, but never below `low` or above `high`.
    case truncatedNormal(mean: Double = 0, deviation: Double = 1, low: Double = -2, high: Double = 2)
    /// All the same.
    case constant(Double)
    /// Uniform within `gain · √(6 / (fan in + fan out))`; Glorot and Bengio 2010.
    case xavierUniform(gain: Double = 1)
    /// Normal with deviation `gain · √(2 / (fan in + fan out))`; Glorot and Bengio 2010.
    case xavierNormal(gain: Double = 1)
    /// Uniform within `gain · √(3 / fan)`; He, Zhang, Ren and Sun 2015.
    case kaimingUniform(mode: Fan = .fanIn, nonlinearity: Nonlinearity = .leakyReLU())
    /// Normal with deviation `gain / √fan`; He, Zhang, Ren and Sun 2015.
    case kaimingNormal(mode: Fan = .fanIn, nonlinearity: Nonlinearity = .leakyReLU())
    /// `gain` times a matrix whose rows, or columns where they are fewer, are orthonormal, of those uniformly; Saxe, McClelland and
    /// Ganguli 2014.
    ///
    /// Axes after the first are taken together.
    case orthogonal(gain: Double = 1)
    /// Ones on the diagonal of a matrix.
    case identity
    /// As another initialiser, but for a row of zeros.
    case zeroRow(_ row: Int, of: Initializer)

    /// All 0.
    public static let zeros = Initializer.constant(0)
    /// All 1.
    public static let ones = Initializer.constant(1)

    /// Which number of connections a scale depends on.
    public enum Fan: Hashable, Sendable {
        /// Those into a unit: values keep their variance forward.
        case fanIn
        /// Those out of a unit: gradients keep theirs backward.
        case fanOut
    }

    /// What follows the weights, which decides the gain.
    public enum Nonlinearity: Hashable, Sendable {
        /// Nothing: 1.
        case linear
        /// A sigmoid: 1.
        case sigmoid
        /// A hyperbolic tangent: 5/3.
        case tanh
        /// max(x, 0): √2.
        case relu
        /// x, or a slope times it where it is negative: √(2 / (1 + slope²)).
        case leakyReLU(_ slope: Double = 0)
        /// A SELU: 3/4.
        case selu

        /// By how much weights are larger than those of a linear network.
        public var gain: Double {
            switch self {
            case .linear, .sigmoid: 1
            case .tanh: 5.0 / 3
            case .relu: 2.0.squareRoot()
            case .leakyReLU(let slope): (2 / (1 + slope * slope)).squareRoot()
            case .selu: 0.75
            }
        }
    }

    /// What PyTorch's linear, convolutional and bilinear layers draw their weights from: uniform within `1 / √(fan in)`.
    static let layerWeight = Initializer.kaimingUniform(nonlinearity: .leakyReLU(5.0.squareRoot()))

    /// What they draw their biases from.
    static func layerBias(fanIn: Int) -> Initializer {
        let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
        return .uniform(-bound, bound)
    }
}
