/// A module that is made of others: it lists its parts, and everything that a module has follows.
///
/// ```swift
/// struct Block: CompositeModule, Layer {
///     var conv1 = Conv2d(8, 8, kernelSize: 3, padding: 1)
///     var bn1 = BatchNorm2d(8)
///     static var children: [Child<Self>] { [Child("conv1", \.conv1), Child("bn1", \.bn1)] }
///     func callAsFunction(_ x: CrypTensor) -> CrypTensor { relu(bn1(conv1(x))) }
/// }
/// ```
public protocol CompositeModule: Module {
    /// The parts, in the order of their state, by their names in it.
    static var children: [Child<Self>] { get }
}

extension CompositeModule {
    /// The parts' parameters, each below its part's name.
    public var parameters: ParameterTree {
        get { tree { $0.parameters(self) } }
        set { for child in Self.children { child.setParameters(&self, newValue) } }
    }

    /// The parts' buffers, each below its part's name.
    public var buffers: ParameterTree {
        get { tree { $0.buffers(self) } }
        set { for child in Self.children { child.setBuffers(&self, newValue) } }
    }

    /// What the parts' tensors are.
    public var specifications: [ParameterSpecification] {
        Self.children.flatMap { $0.specifications(self) }
    }

    /// This module with each part in training, or in evaluation.
    public func training(_ isOn: Bool) -> Self {
        var out = self
        for child in Self.children { child.setTraining(&out, isOn) }
        return out
    }

    private func tree(_ part: (Child<Self>) -> [ParameterTree.Element]) -> ParameterTree {
        ParameterTree(Self.children.flatMap(part))
    }
}

/// One part of a module: a name and where in the module it is.
public struct Child<Root>: Sendable {
    let parameters: @Sendable (Root) -> [ParameterTree.Element]
    let setParameters: @Sendable (inout Root, ParameterTree) -> Void
    let buffers: @Sendable (Root) -> [ParameterTree.Element]
    let setBuffers: @Sendable (inout Root, ParameterTree) -> Void
    let specifications: @Sendable (Root) -> [ParameterSpecification]
    let setTraining: @Sendable (inout Root, Bool) -> Void

    /// A module as a part.
    public init<Part: Module>(_ name: String, _ path: any WritableKeyPath<Root, Part> & Sendable) {
        parameters = { $0[keyPath: path].parameters.below(name) }
        setParameters = { $0[keyPath: path].parameters = $1.subtree(name) }
        buffers = { $0[keyPath: path].buffers.below(name) }
        setBuffers = { $0[keyPath: path].buffers = $1.subtree(name) }
        specifications = { $0[keyPath: path].specifications.map { $0.below(name) } }
        setTraining = { $0[keyPath: path] = $0[keyPath: path].training($1) }
    }

    /// A part that a module may lack.
    public init<Part: Module>(_ name: String, _ path: any WritableKeyPath<Root, Part?> & Sendable) {
        parameters = { $0[keyPath: path]?.parameters.below(name) ?? [] }
        setParameters = { $0[keyPath: path]?.parameters = $1.subtree(name) }
        buffers = { $0[keyPath: path]?.buffers.below(name) ?? [] }
        setBuffers = { $0[keyPath: path]?.buffers = $1.subtree(name) }
        specifications = { $0[keyPath: path]?.specifications.map { $0.below(name) } ?? [] }
        setTraining = { $0[keyPath: path] = $0[keyPath: path]?.training($1) }
    }

    /// A tensor of the module itself.
    public init(_ name: String, _ path: any WritableKeyPath<Root, Parameter> & Sendable) {
        parameters = { [(name, $0[keyPath: path].tensor)] }
        setParameters = { root, tree in
            if let tensor = tree[name] { root[keyPath: path].tensor = tensor }
        }
        buffers = { _ in [] }
        setBuffers = { _, _ in }
        specifications = { root in
            root[keyPath: path].state.specifications.map { specification in
                var out = specification
                out.name = name
                return out
            }
        }
        setTraining = { _, _ in }
    }
}

/// A tensor that a module of your own trains beside its parts': a class token, positions.
public struct Parameter: Sendable {
    var state: ModuleState
    private let name: String

    /// A parameter without values yet.
    public init(
        _ name: String,
        _ dimensions: [Int],
        _ initializer: Initializer,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        self.name = name
        state = ModuleState(of: "module", file: file, line: line)
        state.declare(name, dimensions, initializer)
    }

    /// The parameter's value.
    public var tensor: CrypTensor {
        get { state.tensor(name) }
        set { state[.parameter] = ParameterTree([(name, newValue)]) }
    }
}

extension ParameterTree {
    /// The entries with their full names below a name.
    func below(_ prefix: String) -> [Element] {
        map { ("\(prefix).\($0.name)", $0.tensor) }
    }
}
