internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// The function of a sample and a support vector of which a support vector machine adds up multiples.
enum Kernel {
    /// x·v
    case linear
    /// (γ x·v + c)^d
    case polynomial(degree: Double)
    /// e^(−γ|x − v|²)
    case radial
    /// tanh(γ x·v + c)
    case sigmoid

    init(_ operation: Operation) throws {
        switch try operation.string("kernel_type", default: "LINEAR") {
        case "LINEAR": self = .linear
        case "POLY":
            guard let degree = try operation.float(Kernel.degree), degree > 0, degree <= 16 else {
                throw operation.malformed("its polynomial kernel needs a degree above 0 and up to 16")
            }
            self = .polynomial(degree: degree)
        case "RBF": self = .radial
        case "SIGMOID": self = .sigmoid
        case let other: throw operation.malformed("its kernel '\(onOneLine(other))' isn't one of the standard's")
        }
    }

    /// The attribute that the degree of a polynomial becomes: γ and c are weights, and the degree says what is computed.
    static let degree = "degree"

    /// Radial kernels are computed as many octaves larger, so that the ones far below 1 keep their bits.
    private static let octaves = 10
    private static let lift = Double(octaves) * 0.6931471805599453

    /// By how much samples and support vectors of a radial kernel are larger than √γ makes them. Distances of up to 2^15 over this have room.
    static let magnification = 8.0

    /// What multiples of the values are too large by.
    var scale: Double {
        if case .radial = self { Double(sign: .plus, exponent: -Kernel.octaves, significand: 1) } else { 1 }
    }

    /// Its values, `[samples, vectors]`, divided by ``scale``.
    ///
    /// - Parameters:
    ///   - x: `[samples, features]`.
    ///   - vectors: `[vectors, features]`, times γ; of a radial kernel x and they are times √γ, magnified.
    ///   - addend: c; of a radial kernel the vectors' squared lengths.
    func values(_ x: CrypTensor, _ vectors: CrypTensor, _ addend: CrypTensor?) -> CrypTensor {
        let product = x.linear(vectors)
        switch self {
        case .linear: return product
        case .polynomial(let degree):
            let base = addend.map { product + $0 } ?? product
            if let whole = Int(exactly: degree) { return base.pow(whole) }
            return base.pow(degree)
        case .sigmoid: return (addend.map { product + $0 } ?? product).tanh()
        case .radial:
            // −|x − v|² = 2 x·v − |v|² − |x|², all of it at the scale of a product.
            let lengths = x.square().sum(axis: 1, keepDimensions: true)
            let magnified = product * 2 - (addend ?? CrypTensor(0.0)) - lengths
            let distance = magnified * (1 / (Kernel.magnification * Kernel.magnification))
            let exponent = (distance + Kernel.lift).applying(.declared(ValueRange(-.infinity, Kernel.lift + 0.01)))
            return exponent.exp()
        }
    }
}
