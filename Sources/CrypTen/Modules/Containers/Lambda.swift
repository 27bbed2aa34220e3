/// A function as a layer: `Lambda { $0.square() }`.
public struct Lambda: ParameterlessLayer {
    private let function: @Sendable (CrypTensor) -> CrypTensor

    /// A function.
    public init(_ function: @escaping @Sendable (CrypTensor) -> CrypTensor) {
        self.function = function
    }

    /// The function's value.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { function(x) }
}
