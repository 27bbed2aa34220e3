public import CrypTen
import Foundation

/// A model that a session has loaded: a function of tensors whose weights are secret.
///
/// ```swift
/// let model = try await session.load(onnx: url, from: .party(1))
/// let label = argmax(model(x), axis: -1)
/// ```
public struct ONNXModule: Module {
    /// The network without its weights: what all parties know of it.
    public let model: ONNXModel
    /// The secret weights by name.
    public var parameters: ParameterTree
    /// What the encoding would take from constants that are only added.
    package private(set) var remainders = AddendRemainders()

    init(model: ONNXModel, parameters: ParameterTree, remainders: AddendRemainders) {
        self.init(model: model, parameters: parameters)
        self.remainders = remainders
    }

    /// A network with the tensors to use as its weights.
    public init(model: ONNXModel, parameters: ParameterTree) {
        self.model = model
        self.parameters = parameters
    }

    /// The outputs by name.
    ///
    /// - Parameters:
    ///   - inputs: Tensors by the model's input names.
    ///   - publicValues: Inputs whose numbers all know before the run; those that decide shapes must be here.
    /// - Returns: A tensor for each output of the model.
    /// - Throws: what ``ONNXModel/apply(inputs:parameters:publicValues:)`` throws.
    public func callAsFunction(
        _ inputs: [String: CrypTensor],
        publicValues: [String: Tensor] = [:]
    ) throws -> [String: CrypTensor] {
        let all = Dictionary(parameters.map { ($0.name, $0.tensor) }, uniquingKeysWith: { _, last in last })
        let tensors = remainders.added(to: all)
        return try model.apply(inputs: inputs, parameters: tensors, publicValues: publicValues)
    }

    /// The first output of a model that takes one input.
    ///
    /// What doesn't fit is an error that the result carries.
    public func callAsFunction(
        _ input: CrypTensor,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([input], file: file, line: line) { _ in
            guard model.inputs.count == 1 else {
                throw CrypTenError(
                    .invalidArgument,
                    "the model takes \(model.inputs.count) inputs: call it with \(model.inputs.map(\.name)) by name"
                )
            }
            let outputs = try self([model.inputs[0].name: input])
            guard let output = model.outputs.first.flatMap({ outputs[$0.name] }) else {
                throw CrypTenError(.malformedFile, "the model has no outputs")
            }
            return output
        }
    }
}
