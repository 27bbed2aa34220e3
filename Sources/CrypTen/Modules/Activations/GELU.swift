/// `x · Φ(x)` with the normal distribution's Φ, as a layer; Hendrycks and Gimpel 2016.
///
/// See ``CrypTensor/gelu(file:line:)``.
public struct GELU: ParameterlessLayer {
    /// How Φ is computed.
    public enum Approximation: Hashable, Sendable {
        /// As it is.
        case none
        /// By a hyperbolic tangent, as GPT-2 has it.
        case tanh
    }

    private let approximation: Approximation
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter approximate: How Φ is computed.
    public init(approximate: Approximation = .none, file: StaticString = #fileID, line: UInt = #line) {
        approximation = approximate
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        switch approximation {
        case .none: x.gelu(file: place.file, line: place.line)
        case .tanh: x.geluTanh(file: place.file, line: place.line)
        }
    }
}
