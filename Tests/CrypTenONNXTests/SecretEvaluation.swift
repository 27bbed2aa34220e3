import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Testing
import _CrypTenONNXTestSupport

extension OperatorCase {
    /// What party 0 learns of the model: its inputs and party 1's weights are secret, but for what says that it's public.
    func results(on session: Session) async throws -> [Tensor]? {
        let model = try ONNXModel(bytes: self.model, name: name)
        let known = Set(model.inputs.filter(\.isKnownWherePublic).map(\.name))
        var (tensors, values): ([String: CrypTensor], [String: Tensor]) = ([:], [:])
        for entry in inputs {
            if known.contains(entry.name) {
                values[entry.name] = entry.tensor
            } else if entry.public {
                tensors[entry.name] = try await session.publicInput(from: .party(0)) { entry.tensor }.0
            } else {
                tensors[entry.name] = try await session.input(from: .party(0)) { entry.tensor }
            }
        }
        var weights: [String: CrypTensor] = [:]
        for parameter in model.parameters {
            let value = parameter.value
            weights[parameter.name] = try await session.input(from: .party(1)) { try #require(value) }
        }
        let results = try model.apply(inputs: tensors, parameters: weights, publicValues: values)
        return try await session.reveal(outputs.compactMap { results[$0.name] }, to: .party(0))
    }
}

extension OperatorCase.Entry {
    /// How far a result is from it, of itself where it is large; infinite for another shape or kind.
    func difference(from got: Tensor) -> Double {
        guard got.shape.dimensions == shape, got.kind == kind else { return .infinity }
        return zip(got.doubles, values).map { ($0 - $1).magnitude / (1 + $1.magnitude) }.max { !($0 >= $1) } ?? 0
    }
}

extension TreeCase {
    /// What party 0 learns of party 1's ensemble.
    func results(
        on session: Session,
        _ trees: ONNXModel.TreeVisibility
    ) async throws -> (outputs: [ONNXModel.Output], values: [Tensor])? {
        let module = try await session.load(onnx: url, from: .party(1), trees: trees)
        let x = try await session.input(from: .party(0)) { rows }
        let outputs = try module([module.model.inputs[0].name: x])
        return try await session.reveal(module.model.outputs.map { outputs[$0.name]! }, to: .party(0)).map {
            (module.model.outputs, $0)
        }
    }
}
