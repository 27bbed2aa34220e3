/// Layers one after the other, named "0", "1" and so on, as in PyTorch.
///
/// ```swift
/// let network = Sequential {
///     Conv2d(1, 16, kernelSize: 5)
///     ReLU()
///     MaxPool2d(2)
///     Flatten()
///     for _ in 0..<2 { Linear(2304, 2304); ReLU() }
///     Linear(2304, 10)
/// }
/// ```
///
/// Each layer's number names its scope in cost reports.
public struct Sequential: Layer {
    /// The layers, first to last.
    public var layers: [any Layer]

    /// The layers of a list.
    public init(_ layers: [any Layer]) {
        self.layers = layers
    }

    /// The layers of a block.
    public init(@LayerBuilder _ layers: () -> [any Layer]) {
        self.layers = layers()
    }

    /// The last layer's value of what the others give.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        layers.enumerated().reduce(x) { value, next in withLayer("\(next.offset)") { next.element(value) } }
    }

    /// The layers' parameters: `"0.weight"`.
    public var parameters: ParameterTree {
        get { layers.joined(\.parameters) }
        set { for index in layers.indices { layers[index].parameters = newValue.subtree("\(index)") } }
    }

    /// The layers' buffers: `"1.running_mean"`.
    public var buffers: ParameterTree {
        get { layers.joined(\.buffers) }
        set { for index in layers.indices { layers[index].buffers = newValue.subtree("\(index)") } }
    }

    /// What the layers' tensors are.
    public var specifications: [ParameterSpecification] { layers.specifications }

    /// These layers, each in training, or in evaluation.
    public func training(_ isOn: Bool) -> Sequential {
        Sequential(layers.map { $0.training(isOn) })
    }
}

extension [any Layer] {
    /// The trees of all layers, each below its number.
    func joined(_ part: (any Layer) -> ParameterTree) -> ParameterTree {
        ParameterTree(enumerated().flatMap { part($0.element).below("\($0.offset)") })
    }

    /// What all layers' tensors are, each below its number.
    var specifications: [ParameterSpecification] {
        enumerated().flatMap { index, layer in layer.specifications.map { $0.below("\(index)") } }
    }
}
