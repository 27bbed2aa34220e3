import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf

/// Builds a small model, node by node, without any file.
struct ModelBuilder {
    var proto = Onnx_ModelProto.with {
        $0.irVersion = 8
        $0.graph.name = "test"
    }

    init(opset: Int = 17) {
        proto.opsetImport = [.with { $0.version = Int64(opset) }]
    }

    /// The file's bytes, with the operator set last, so that no prefix of them is a model.
    var bytes: Data {
        get throws { try proto.serializedData() }
    }

    mutating func input(_ name: String, _ type: ONNXElementType = .float, _ dimensions: [ONNXModel.Dimension]?) {
        proto.graph.input.append(ModelBuilder.info(name, type, dimensions))
    }

    mutating func output(_ name: String, _ type: ONNXElementType = .float, _ dimensions: [ONNXModel.Dimension]? = nil) {
        proto.graph.output.append(ModelBuilder.info(name, type, dimensions))
    }

    mutating func constant(_ name: String, _ values: [Double], _ dimensions: [Int]) {
        proto.graph.initializer.append(
            .with {
                $0.name = name
                $0.dataType = ONNXElementType.float.standardNumber
                $0.dims = dimensions.map { Int64($0) }
                $0.floatData = values.map { Float($0) }
            }
        )
    }

    mutating func constant(_ name: String, integers: [Int], _ dimensions: [Int]? = nil) {
        proto.graph.initializer.append(
            .with {
                $0.name = name
                $0.dataType = ONNXElementType.int64.standardNumber
                $0.dims = (dimensions ?? [integers.count]).map { Int64($0) }
                $0.int64Data = integers.map { Int64($0) }
            }
        )
    }

    mutating func node(
        _ operation: String,
        _ inputs: [String],
        _ outputs: [String] = ["y"],
        name: String = "n",
        _ attributes: [String: Attribute] = [:]
    ) {
        proto.graph.node.append(
            .with {
                $0.name = name
                $0.opType = operation
                $0.input = inputs
                $0.output = outputs
                $0.attribute = attributes.sorted { $0.key < $1.key }.map { key, value in
                    .with {
                        $0.name = key
                        switch value {
                        case .int(let number): ($0.type, $0.i) = (.int, Int64(number))
                        case .ints(let numbers): ($0.type, $0.ints) = (.ints, numbers.map { Int64($0) })
                        case .float(let number): ($0.type, $0.f) = (.float, Float(number))
                        case .string(let text): ($0.type, $0.s) = (.string, Data(text.utf8))
                        }
                    }
                }
            }
        )
    }

    enum Attribute {
        case int(Int)
        case ints([Int])
        case float(Double)
        case string(String)
    }

    private static func info(
        _ name: String,
        _ type: ONNXElementType,
        _ dimensions: [ONNXModel.Dimension]?
    ) -> Onnx_ValueInfoProto {
        .with {
            $0.name = name
            $0.type.tensorType.elemType = type.standardNumber
            guard let dimensions else { return }
            $0.type.tensorType.shape = .with { shape in
                shape.dim = dimensions.map { dimension in
                    .with {
                        switch dimension {
                        case .fixed(let extent): $0.dimValue = Int64(extent)
                        case .named(let name): $0.dimParam = name
                        case .unknown: break
                        }
                    }
                }
            }
        }
    }
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
    for (name, tensor) in inputs {
        let type: ONNXElementType =
            switch tensor.kind {
            case .real: .float
            case .integer: .int64
            case .bit: .bool
            }
        builder.input(name, type, tensor.shape.dimensions.map { .fixed($0) })
    }
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

/// A model's expressions, on inputs and parameters that are sources like a session's.
struct Imported {
    private(set) var bindings: [ObjectIdentifier: Tensor] = [:]
    private(set) var outputs: [String: CrypTensor] = [:]
    private var sources: [Node] = []

    init(
        _ model: ONNXModel,
        _ inputs: [String: Tensor],
        publicInputs: Set<String> = [],
        publicValues: [String: Tensor] = [:]
    ) throws {
        var (tensors, parameters): ([String: CrypTensor], [String: CrypTensor]) = ([:], [:])
        for (name, tensor) in inputs.sorted(by: { $0.key < $1.key }) where publicValues[name] == nil {
            tensors[name] = source(tensor.shape, tensor.kind, tensor, isPublic: publicInputs.contains(name))
        }
        for parameter in model.parameters {
            parameters[parameter.name] = source(parameter.shape, parameter.type.kind, parameter.value, isPublic: false)
        }
        outputs = try model.apply(inputs: tensors, parameters: parameters, publicValues: publicValues)
    }

    private mutating func source(_ shape: Shape, _ kind: ElementKind, _ value: Tensor?, isPublic: Bool) -> CrypTensor {
        let node = Node(
            source: isPublic ? .publicInput(number: sources.count) : .input(owner: .party(0), number: sources.count),
            shape: shape,
            kind: kind,
            visibility: isPublic ? .public : .secret,
            session: nil
        )
        sources.append(node)
        bindings[ObjectIdentifier(node)] = value
        return CrypTensor(node)
    }

    /// Every node, each once and after its inputs, in terms that two imports share.
    var canonicalGraph: [String] {
        var numbers: [ObjectIdentifier: Int] = [:]
        var lines: [String] = []
        func visit(_ node: Node) -> Int {
            if let number = numbers[ObjectIdentifier(node)] { return number }
            let operands = node.inputs.map(visit)
            lines.append(
                "\(node.operation) \(operands) \(node.shape) \(node.kind) \(node.visibility) \(node.layer ?? "-")"
            )
            numbers[ObjectIdentifier(node)] = lines.count - 1
            return lines.count - 1
        }
        for (name, output) in outputs.sorted(by: { $0.key < $1.key }) { lines.append("\(name): \(visit(output.node))") }
        return lines
    }
}

/// The largest distance between two tensors' elements, infinite where the shapes differ.
func distance(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.doubles, b.doubles).map { abs($0 - $1) }.max() ?? 0
}

/// Numbers between −2 and 2, the same for a seed.
func numbers(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return Tensor(
        (0..<shape.count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(Int64(bitPattern: state) >> 40) / 0x1p22
        },
        shape: shape
    )
}
