/// The operand itself.
public struct Identity: ParameterlessLayer {
    /// The layer.
    public init() {}

    /// The operand.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { x }
}
