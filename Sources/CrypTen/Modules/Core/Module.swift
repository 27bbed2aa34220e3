/// A layer or a network: a value with named parameters, which its own functions multiply and add.
///
/// Layers and loaded models are structs. Their parameters are expressions like any others: constants, secret inputs or
/// values that a session keeps. Who trains a module assigns new ones.
///
/// A network of your own names its parts; see ``CompositeModule``:
///
/// ```swift
/// struct Classifier: CompositeModule, Layer {
///     var hidden = Linear(30, 8)
///     var output = Linear(8, 2)
///     static var children: [Child<Self>] { [Child("hidden", \.hidden), Child("output", \.output)] }
///     func callAsFunction(_ x: CrypTensor) -> CrypTensor { output(relu(hidden(x))) }
/// }
/// var model = Classifier()
/// try await session.initialize(&model, owner: .party(1))
/// ```
public protocol Module: Sendable {
    /// The tensors that the module multiplies and adds, by name, in a fixed order.
    ///
    /// Of a tree that is assigned the module takes the tensors that it has names for; the others stay as they are.
    var parameters: ParameterTree { get set }
    /// What belongs to the module's state and isn't trained: running means and variances, frozen weights.
    ///
    /// Assigned as ``parameters``.
    var buffers: ParameterTree { get set }
    /// What the parameters and buffers are, and how they start, before there are any.
    var specifications: [ParameterSpecification] { get }
    /// This module with its behaviour in training, or in evaluation: dropout drops, or doesn't; batch normalisation takes the
    /// batch's statistics, or its running ones.
    ///
    /// A value, no state of the process: one network can be in both at once.
    func training(_ isOn: Bool) -> Self
}

extension Module {
    /// No buffers.
    public var buffers: ParameterTree {
        get { ParameterTree() }
        set { _ = newValue }
    }

    /// None.
    public var specifications: [ParameterSpecification] { [] }

    /// The same module: it behaves alike in training and evaluation.
    public func training(_ isOn: Bool) -> Self { self }

    /// This module as it behaves in training, which is how modules are made.
    public func train() -> Self { training(true) }

    /// This module as it behaves once it is trained.
    public func eval() -> Self { training(false) }
}

/// A module of one operand.
public protocol Layer: Module {
    /// The layer's value; what doesn't fit is an error that the result carries.
    func callAsFunction(_ x: CrypTensor) -> CrypTensor
}

/// A layer without parameters.
public protocol ParameterlessLayer: Layer {}

extension ParameterlessLayer {
    /// No parameters.
    public var parameters: ParameterTree {
        get { ParameterTree() }
        set { _ = newValue }
    }
}
