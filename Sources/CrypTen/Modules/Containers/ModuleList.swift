/// Modules of one type, named "0", "1" and so on: the blocks of a deep network.
public struct ModuleList<Element: Module>: Module {
    /// The modules.
    public var modules: [Element]
    /// What stands before a module's number: `"encoder_layer_"`.
    private let prefix: String

    /// A list.
    ///
    /// - Parameters:
    ///   - modules: The modules, in order.
    ///   - prefix: What stands before a module's number in the names.
    public init(_ modules: [Element], prefix: String = "") {
        (self.modules, self.prefix) = (modules, prefix)
    }

    /// The modules' parameters, each below its number.
    public var parameters: ParameterTree {
        get { ParameterTree(modules.enumerated().flatMap { $0.element.parameters.below(name($0.offset)) }) }
        set { for index in modules.indices { modules[index].parameters = newValue.subtree(name(index)) } }
    }

    /// The modules' buffers, each below its number.
    public var buffers: ParameterTree {
        get { ParameterTree(modules.enumerated().flatMap { $0.element.buffers.below(name($0.offset)) }) }
        set { for index in modules.indices { modules[index].buffers = newValue.subtree(name(index)) } }
    }

    /// What the modules' tensors are.
    public var specifications: [ParameterSpecification] {
        modules.enumerated().flatMap { index, module in module.specifications.map { $0.below(name(index)) } }
    }

    /// The same modules, each in training, or in evaluation.
    public func training(_ isOn: Bool) -> ModuleList {
        ModuleList(modules.map { $0.training(isOn) }, prefix: prefix)
    }

    private func name(_ index: Int) -> String { "\(prefix)\(index)" }
}

extension ModuleList: Layer where Element: Layer {
    /// The last module's value of what the others give.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        modules.enumerated().reduce(x) { value, next in withLayer(name(next.offset)) { next.element(value) } }
    }
}
