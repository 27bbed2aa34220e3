/// The tensors of one layer, and what they are to be while there are none yet.
///
/// A layer is made without a session: `Linear(3, 2)` declares its parameters, and each is an ill-formed tensor whose error says
/// what to do, until a session initialises the module or weights are assigned.
///
/// ```swift
/// struct Scale: StatefulModule, Layer {
///     var state = ModuleState(of: "Scale")
///     init(_ width: Int) { state.declare("factor", [width], .ones) }
///     func callAsFunction(_ x: CrypTensor) -> CrypTensor { x * state.tensor("factor") }
/// }
/// ```
public struct ModuleState: Sendable {
    let layer: String
    let place: LayerPlace
    /// What was declared, in order.
    public private(set) var specifications: [ParameterSpecification] = []
    private var tensors: [CrypTensor] = []
    private var problem: CrypTenError?

    /// No tensors yet.
    ///
    /// - Parameters:
    ///   - layer: What errors call the layer.
    public init(of layer: String, file: StaticString = #fileID, line: UInt = #line) {
        self.layer = layer
        place = LayerPlace(file, line)
    }

    /// Says that the layer has a tensor.
    ///
    /// - Parameters:
    ///   - name: Its name in the layer.
    ///   - dimensions: Its extents. Where no tensor can have them, an error takes its place.
    ///   - initializer: How its first values are drawn.
    ///   - kind: What its elements are.
    ///   - role: Whether it is trained.
    public mutating func declare(
        _ name: String,
        _ dimensions: [Int],
        _ initializer: Initializer,
        kind: ElementKind = .real,
        role: ParameterSpecification.Role = .parameter
    ) {
        var shape: Shape = []
        do {
            shape = try Shape(checking: dimensions)
        } catch {
            require(false, "\(name) can't have extents \(dimensions)")
        }
        var specification = ParameterSpecification(
            name: name,
            shape: shape,
            kind: kind,
            initializer: initializer,
            role: role
        )
        specification.problem = problem
        let absent =
            problem
            ?? CrypTenError(
                .invalidArgument,
                "\(layer)'s \(name) isn't initialised: call session.initialize(&model, owner:) or load weights"
            )
        specifications.append(specification)
        tensors.append(CrypTensor(failing: absent, at: place.origin))
    }

    /// Says what the layer's arguments must be, before it declares its tensors; where they aren't, each of them is an error that says so.
    public mutating func require(_ holds: Bool, _ message: @autoclosure () -> String) {
        if !holds, problem == nil { problem = CrypTenError(.invalidArgument, "\(layer): \(message())") }
    }

    /// How a tensor's first values are drawn instead of as they were declared; a name that isn't declared changes nothing.
    public mutating func setInitializer(_ initializer: Initializer, of name: String) {
        if let index = index(name) { specifications[index].initializer = initializer }
    }

    /// The tensor of a name, or nil where none is declared.
    public subscript(name: String) -> CrypTensor? {
        index(name).map { tensors[$0] }
    }

    /// The tensor of a name; one that isn't declared is an error.
    public func tensor(_ name: String) -> CrypTensor {
        self[name]
            ?? CrypTensor(
                failing: CrypTenError(.invalidArgument, "\(layer) has no tensor '\(name)'"),
                at: place.origin
            )
    }

    /// The declared tensors of a role, and a way to replace them.
    subscript(role: ParameterSpecification.Role) -> ParameterTree {
        get {
            ParameterTree(
                specifications.indices.lazy.filter { specifications[$0].role == role }
                    .map { (specifications[$0].name, tensors[$0]) }
            )
        }
        set {
            for (index, specification) in specifications.enumerated() where specification.role == role {
                if let tensor = newValue[specification.name] { tensors[index] = tensor }
            }
        }
    }

    private func index(_ name: String) -> Int? {
        specifications.firstIndex { $0.name == name }
    }
}

/// A module whose tensors are its own, none of them a part's.
public protocol StatefulModule: Module {
    /// The module's tensors.
    var state: ModuleState { get set }
}

extension StatefulModule {
    /// The tensors that are trained.
    public var parameters: ParameterTree {
        get { state[.parameter] }
        set { state[.parameter] = newValue }
    }

    /// The tensors that aren't.
    public var buffers: ParameterTree {
        get { state[.buffer] }
        set { state[.buffer] = newValue }
    }

    /// What the tensors are.
    public var specifications: [ParameterSpecification] { state.specifications }

    /// This layer with another way to draw a tensor's first values: `Conv2d(3, 64, kernelSize: 7).initializing("weight", .normal())`.
    public func initializing(_ name: String, _ initializer: Initializer) -> Self {
        var out = self
        out.state.setInitializer(initializer, of: name)
        return out
    }
}
