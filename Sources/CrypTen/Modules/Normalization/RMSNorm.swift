/// Division by the quadratic mean over the last axis; state `weight` of its extent; Zhang and Sennrich 2019.
///
/// See ``CrypTensor/rmsNorm(weight:epsilon:file:line:)``.
public struct RMSNorm: StatefulModule, Layer {
    /// The weight.
    public var state: ModuleState
    private let epsilon: Double

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - width: The last extent of the operands.
    ///   - epsilon: What is added to the mean of the squares.
    ///   - affine: Whether there is a weight.
    public init(
        _ width: Int,
        epsilon: Double = 1e-5,
        affine: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        self.epsilon = epsilon
        state = ModuleState(of: "RMSNorm", file: file, line: line)
        if affine { state.declare("weight", [width], .ones) }
    }

    /// The normalised rows.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.rmsNorm(weight: state["weight"], epsilon: epsilon, file: state.place.file, line: state.place.line)
    }
}
