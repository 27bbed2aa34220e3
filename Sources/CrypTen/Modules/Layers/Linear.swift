/// A linear layer: `x Wᵀ + b`, of `[…, in]` to `[…, out]`; state `weight [out, in]`, `bias [out]`.
///
/// 1 round; both uniform within `1 / √in` at first, as PyTorch's.
public struct Linear: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - inFeatures: The last extent of its operands.
    ///   - outFeatures: The last extent of its results.
    ///   - bias: Whether it adds one.
    public init(
        _ inFeatures: Int,
        _ outFeatures: Int,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        state = ModuleState(of: "Linear", file: file, line: line)
        state.declare("weight", [outFeatures, inFeatures], .layerWeight)
        if bias { state.declare("bias", [outFeatures], .layerBias(fanIn: inFeatures)) }
    }

    /// The product, and the bias added.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.linear(state.tensor("weight"), bias: state["bias"], file: state.place.file, line: state.place.line)
    }
}
