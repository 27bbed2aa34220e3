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
    public var parameters: ParameterTree {
        didSet { parameters = oldValue.mapTensors { [parameters] in parameters[$0.name] ?? $0.tensor } }
    }
    /// Of a model that is to be trained: what isn't, the running statistics of batch normalisation.
    public var buffers = ParameterTree() {
        didSet { buffers = oldValue.mapTensors { [buffers] in buffers[$0.name] ?? $0.tensor } }
    }
    /// What the encoding would take from constants that are only added.
    package private(set) var remainders = AddendRemainders()
    /// Whether dropout and batch normalisation behave as in training, where the file says that they do.
    private var isTraining: Bool

    init(model: ONNXModel, parameters: ParameterTree, remainders: AddendRemainders) {
        self.init(model: model, parameters: parameters)
        self.remainders = remainders
    }

    /// A network with the tensors to use as its weights, and as its buffers where it has any.
    public init(model: ONNXModel, parameters: ParameterTree) {
        self.model = model
        isTraining = model.purpose == .training
        let names = model.purpose == .training ? model.namesOfBuffers : []
        self.parameters = ParameterTree(parameters.filter { !names.contains($0.name) }.map { ($0.name, $0.tensor) })
        buffers = ParameterTree(parameters.filter { names.contains($0.name) }.map { ($0.name, $0.tensor) })
    }

    /// The network in training, or in evaluation; one that was loaded for inference is in evaluation always.
    public func training(_ isOn: Bool) -> ONNXModule {
        var out = self
        out.isTraining = isOn && model.purpose == .training
        return out
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
        var all: [String: CrypTensor] = [:]
        for tree in [parameters, buffers] {
            for (name, tensor) in tree { all[name] = tensor }
        }
        return try model.apply(
            inputs: inputs,
            parameters: remainders.added(to: all),
            publicValues: publicValues,
            isTraining: isTraining
        )
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

extension ONNXModel {
    /// Parameters that nothing reads but batch normalisation, as its running mean or variance.
    var namesOfBuffers: Set<String> {
        var (statistics, others): (Set<String>, Set<String>) = ([], Set(outputs.map(\.name)))
        for node in nodes {
            for (position, name) in node.inputs.enumerated() {
                if node.operation == "BatchNormalization", position == 3 || position == 4 {
                    statistics.insert(name)
                } else {
                    others.insert(name)
                }
            }
        }
        return statistics.subtracting(others)
    }
}
