import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import _CrypTenONNXTestSupport

/// A graph of one operator on float inputs, its other inputs constants; what it computes of them in the clear.
func evaluate(
    _ operation: String,
    opset: Int = 17,
    _ inputs: [(String, Tensor)],
    constants: [(String, [Int])] = [],
    order: [String]? = nil,
    outputs: [(String, ONNXElementType)] = [("y", .float)],
    _ attributes: [String: ModelBuilder.Attribute] = [:]
) throws -> [Tensor] {
    var builder = ModelBuilder(opset: opset)
    for (name, tensor) in inputs { builder.input(name, like: tensor) }
    for (name, integers) in constants { builder.constant(name, integers: integers) }
    builder.node(operation, order ?? (inputs.map(\.0) + constants.map(\.0)), outputs.map(\.0), attributes)
    for (name, type) in outputs { builder.output(name, type) }
    let model = try ONNXModel(bytes: try builder.bytes)
    let results = try evaluate(model, Dictionary(uniqueKeysWithValues: inputs))
    return outputs.map { results[$0.0]! }
}

/// A model's outputs in the clear; inputs are secret, and so are the parameters.
func evaluate(
    _ model: ONNXModel,
    _ inputs: [String: Tensor],
    publicInputs: Set<String> = [],
    publicValues: [String: Tensor] = [:]
) throws -> [String: Tensor] {
    let imported = try Imported(model, inputs, publicInputs: publicInputs, publicValues: publicValues)
    let names = model.outputs.map(\.name)
    let evaluator = ClearEvaluator { node in imported.bindings[ObjectIdentifier(node)]! }
    let values = try evaluator.evaluate(names.map { imported.outputs[$0]!.node })
    return Dictionary(uniqueKeysWithValues: zip(names, values))
}

/// The largest distance between two tensors' elements, infinite where the shapes differ.
func distance(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.doubles, b.doubles).map { abs($0 - $1) }.max() ?? 0
}

extension ONNXModel.Dimension: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    /// A fixed extent.
    init(integerLiteral value: Int) {
        self = .fixed(value)
    }

    /// A named extent.
    init(stringLiteral value: String) {
        self = .named(value)
    }
}
