internal import CrypTenBase
public import CrypTenExpressions
internal import CrypTenRing

extension ONNXModel {
    /// The same model with other first weights, at its owner.
    ///
    /// - Parameter weights: Numbers for some of ``parameters``, or all, by name, of a model that was loaded for training.
    /// - Throws: `.invalidArgument` for a name that is none of a weight, and for a model that was loaded for inference; `.shapeMismatch`;
    ///   `.outOfRange` naming the first number that isn't finite.
    public func replacing(weights: [String: Tensor]) throws -> ONNXModel {
        guard purpose == .training else {
            throw CrypTenError(
                .invalidArgument,
                "weights of a model that was loaded for inference can't be replaced: load it for training"
            )
        }
        var model = self
        for (name, tensor) in weights.sorted(by: { $0.key < $1.key }) {
            guard let index = parameters.firstIndex(where: { $0.name == name }) else {
                let list = parameters.prefix(8).map(\.name).joined(separator: ", ")
                throw CrypTenError(.invalidArgument, "'\(name)' is no weight of the model, which has \(list)")
            }
            guard tensor.shape == parameters[index].shape else {
                throw CrypTenError(
                    .shapeMismatch,
                    "'\(name)' has shape \(tensor.shape), and the model's \(parameters[index].shape)"
                )
            }
            if let place = tensor.doubles.firstIndex(where: { !$0.isFinite }) {
                throw CrypTenError(.outOfRange, "'\(name)' isn't finite at index \(place)")
            }
            if parameters[index].type.kind == .integer, tensor.integers == nil {
                throw CrypTenError(.invalidArgument, "'\(name)' holds whole numbers in the model, and others here")
            }
            model.parameters[index].value = tensor
        }
        return model
    }
}
