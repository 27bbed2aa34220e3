/// A layer or a network: a callable value with named parameters.
///
/// Layers and loaded models are structs. Their parameters are expressions like any others: constants, secret inputs or
/// values that a session keeps. Who trains a module assigns new ones.
public protocol Module: Sendable {
    /// The tensors that the module multiplies and adds, by name, in a fixed order.
    var parameters: ParameterTree { get set }
}
