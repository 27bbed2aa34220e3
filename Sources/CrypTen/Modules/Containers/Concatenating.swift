/// What several layers make of one operand, side by side along an axis; the branches' names are "0", "1" and so on.
///
/// As many rounds as the deepest branch.
public struct Concatenating: Layer {
    /// The branches.
    public var branches: Sequential
    /// The axis along which the results are joined.
    public var axis: Int
    private let place: LayerPlace

    /// Branches, one a line; several layers are one branch as a ``Sequential``.
    public init(
        axis: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line,
        @LayerBuilder _ branches: () -> [any Layer]
    ) {
        self.axis = axis
        self.branches = Sequential(branches())
        place = LayerPlace(file, line)
    }

    /// The results, joined.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let parts = branches.layers.enumerated().map { index, layer in withLayer("\(index)") { layer(x) } }
        return concatenate(parts, axis: axis, file: place.file, line: place.line)
    }

    /// The branches' parameters.
    public var parameters: ParameterTree {
        get { branches.parameters }
        set { branches.parameters = newValue }
    }

    /// The branches' buffers.
    public var buffers: ParameterTree {
        get { branches.buffers }
        set { branches.buffers = newValue }
    }

    /// What the branches' tensors are.
    public var specifications: [ParameterSpecification] { branches.specifications }

    /// The same branches, each in training, or in evaluation.
    public func training(_ isOn: Bool) -> Concatenating {
        var out = self
        out.branches = branches.training(isOn)
        return out
    }
}
