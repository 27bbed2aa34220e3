/// Normalisation of each channel of each `[N, C, …]` by itself; state `weight [C]`, `bias [C]` where it is affine.
///
/// See ``CrypTensor/instanceNorm(weight:bias:epsilon:file:line:)``.
public struct InstanceNorm<Axes: SpatialAxes>: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState
    private let epsilon: Double

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - features: The channels.
    ///   - epsilon: What is added to a variance.
    ///   - affine: Whether each channel has a weight and a bias.
    public init(
        _ features: Int,
        epsilon: Double = 1e-5,
        affine: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        self.epsilon = epsilon
        state = ModuleState(of: "InstanceNorm\(Axes.count)d", file: file, line: line)
        if affine {
            state.declare("weight", [features], .ones)
            state.declare("bias", [features], .zeros)
        }
    }

    /// The normalised channels.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let (file, line) = (state.place.file, state.place.line)
        return CrypTensor.composing([x] + [state["weight"], state["bias"]].compactMap(\.self), file: file, line: line) {
            _ in
            guard x.rank == Axes.count + 2 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(state.layer) can't take shape \(x.shape): it takes [N, C] and \(Axes.count) axes more"
                )
            }
            return x.instanceNorm(
                weight: state["weight"],
                bias: state["bias"],
                epsilon: epsilon,
                file: file,
                line: line
            )
        }
    }
}

/// Normalisation of signals' channels.
public typealias InstanceNorm1d = InstanceNorm<OneAxis>
/// Normalisation of images' channels.
public typealias InstanceNorm2d = InstanceNorm<TwoAxes>
/// Normalisation of volumes' channels.
public typealias InstanceNorm3d = InstanceNorm<ThreeAxes>
