import CrypTenBase
public import CrypTenExpressions
import CrypTenRing

/// A module's loss, and its gradients with respect to the module's parameters, which are expressions as the loss is.
///
/// ```swift
/// let (loss, gradients, buffers) = valueAndGradient(of: model) { crossEntropy($0(x), y) }
/// try await optimizer.update(&model, gradients, buffers: buffers, on: session)
/// ```
///
/// - Parameters:
///   - model: Whose parameters the gradients are with respect to.
///   - lossScale: A public number by which the gradient is multiplied on its way back, and by whose reciprocal at its end: powers of
///     two lose nothing, and small gradients keep more bits (Micikevicius and others, "Mixed Precision Training", ICLR 2018). Public factors
///     below 1, as a mean has one, wait until the end without it.
///   - loss: The loss of the module that it gets: a tensor of one element.
/// - Returns: The loss, in a form that costs no more than the one that was given and has the same value; the gradients under the
///   parameters' names; and the module's buffers as the loss's calls leave them, as batch normalisation's statistics. Where the loss is
///   ill-formed, so are the gradients; where no path leads to a parameter, its gradient's error has the code `.noGradient`, and names the
///   parameter and the operations where the paths ended.
public func valueAndGradient<Model: Module>(
    of model: Model,
    lossScale: Double = 1,
    file: StaticString = #fileID,
    line: UInt = #line,
    _ loss: (Model) throws -> CrypTensor
) rethrows -> (value: CrypTensor, gradients: ParameterTree, buffers: ParameterTree) {
    let (value, buffers) = try withRecordedState(of: model) { try loss(model) }
    let place = SourceOrigin(file: "\(file)", line: line)
    let parameters = model.parameters
    func failing(_ problem: CrypTenError) -> (CrypTensor, ParameterTree, ParameterTree) {
        let tensor = CrypTensor(failing: problem, at: place)
        return (tensor, parameters.mapTensors { _ in tensor }, buffers)
    }
    if value.error == nil, value.count != 1 {
        return failing(
            CrypTenError(.shapeMismatch, "a loss is one number, not of shape \(value.shape): take the mean or the sum")
        )
    }
    guard lossScale > 0, lossScale.isFinite else {
        return failing(
            CrypTenError(.invalidArgument, "a loss can't be scaled by \(lossScale): the number must be positive")
        )
    }
    let pass = Backpropagation(of: value, for: parameters.map(\.tensor))
    let gradients = pass.gradients(at: place, scale: lossScale, names: parameters.names)
    let named = zip(parameters.names, gradients).map { name, gradient in
        (name, lossScale == 1 || gradient.error != nil ? gradient : gradient.rescaled(by: 1 / lossScale))
    }
    return (pass.value, ParameterTree(named), buffers)
}
