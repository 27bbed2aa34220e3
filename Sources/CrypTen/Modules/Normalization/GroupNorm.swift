/// Normalisation of groups of channels of each `[N, C, …]`; state `weight [C]`, `bias [C]`; Wu and He 2018.
///
/// See ``CrypTensor/groupNorm(groups:weight:bias:epsilon:file:line:)``.
public struct GroupNorm: StatefulModule, Layer {
    /// The weight and the bias.
    public var state: ModuleState
    private let groups: Int
    private let epsilon: Double

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - groups: How many groups; it divides the channels.
    ///   - channels: The channels.
    ///   - epsilon: What is added to a variance.
    ///   - affine: Whether each channel has a weight and a bias.
    public init(
        _ groups: Int,
        _ channels: Int,
        epsilon: Double = 1e-5,
        affine: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.groups, self.epsilon) = (groups, epsilon)
        state = ModuleState(of: "GroupNorm", file: file, line: line)
        state.require(
            groups > 0 && channels > 0 && channels.isMultiple(of: max(1, groups)),
            "\(groups) groups don't divide \(channels) channels"
        )
        if affine {
            state.declare("weight", [channels], .ones)
            state.declare("bias", [channels], .zeros)
        }
    }

    /// The normalised groups.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.groupNorm(
            groups: groups,
            weight: state["weight"],
            bias: state["bias"],
            epsilon: epsilon,
            file: state.place.file,
            line: state.place.line
        )
    }
}
