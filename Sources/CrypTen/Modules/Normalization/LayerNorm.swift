/// Normalisation over the last axes; state `weight` and `bias` of their shape.
///
/// See ``CrypTensor/layerNorm(axes:weight:bias:epsilon:file:line:)``: 11 rounds, and 2 for a secret weight.
public struct LayerNorm: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState
    private let extents: [Int]
    private let epsilon: Double

    /// A layer without values yet, over the last axis.
    public init(
        _ width: Int,
        epsilon: Double = 1e-5,
        affine: Bool = true,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        self.init([width], epsilon: epsilon, affine: affine, bias: bias, file: file, line: line)
    }

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - normalizedShape: The last extents of the operands, which are normalised together.
    ///   - epsilon: What is added to the variance.
    ///   - affine: Whether there is a weight, and a bias.
    ///   - bias: Whether there is a bias beside a weight.
    public init(
        _ normalizedShape: [Int],
        epsilon: Double = 1e-5,
        affine: Bool = true,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (extents, self.epsilon) = (normalizedShape, epsilon)
        state = ModuleState(of: "LayerNorm", file: file, line: line)
        if affine {
            state.declare("weight", normalizedShape, .ones)
            if bias { state.declare("bias", normalizedShape, .zeros) }
        }
    }

    /// The normalised rows.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let (file, line) = (state.place.file, state.place.line)
        return CrypTensor.composing([x] + [state["weight"], state["bias"]].compactMap(\.self), file: file, line: line) {
            _ in
            guard !extents.isEmpty, x.shape.dimensions.suffix(extents.count) == extents[...] else {
                throw CrypTenError(.shapeMismatch, "LayerNorm over extents \(extents) can't take shape \(x.shape)")
            }
            return x.layerNorm(
                axes: extents.count,
                weight: state["weight"],
                bias: state["bias"],
                epsilon: epsilon,
                file: file,
                line: line
            )
        }
    }
}
