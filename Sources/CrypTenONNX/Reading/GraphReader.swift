internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import Foundation
internal import SwiftProtobuf

/// Reads a model's bytes into a checked ``Graph``.
///
/// What it refuses: bytes that aren't a model, a graph whose names aren't defined once and before their use, operators or
/// versions that aren't in ``OperatorTable``, and tensors whose data don't fit their shapes. Nodes on which no output
/// depends are left out, with the constants that only they read.
struct GraphReader {
    let file: ModelFile
    /// Whether this is a skeleton, whose secret constants come without numbers.
    let isSkeleton: Bool
    /// The version of the standard operators that the model uses.
    private(set) var opset = 0
    /// What a skeleton says of its weights' exponents; nil where it says nothing.
    private(set) var exponents: String?

    init(file: ModelFile, isSkeleton: Bool) {
        self.file = file
        self.isSkeleton = isSkeleton
    }

    /// The key under which a skeleton says that it is one.
    static let skeletonKey = "swift-crypten.skeleton"
    /// The key under which a skeleton has the exponents of its weights.
    static let exponentsKey = "swift-crypten.exponents"
    /// The most floats that an attribute has in the standard's operators: a scale for each axis, or a factor for each gate of
    /// a recurrent layer.
    static let mostAttributeFloats = 64
    /// The operator sets that the table of operators knows.
    static let opsets = 1...28

    mutating func read() throws -> Graph {
        let model = try decode()
        opset = try opset(of: model)
        let graph = try withoutNestedConstants(model.graph)
        guard graph.sparseInitializer.isEmpty else {
            throw file.problem.malformed("it holds sparse tensors, which aren't read")
        }
        try checkNames(graph)
        guard !graph.output.isEmpty else { throw file.problem.malformed("its graph has no outputs") }

        let (live, used) = liveNodes(graph)
        var (nodes, constantNodes): ([GraphNode], [GraphConstant]) = ([], [])
        for index in live {
            let node = graph.node[index]
            let name = nodeName(node)
            if node.opType == "Constant", Self.isStandard(node.domain) {
                constantNodes.append(try constant(of: node, name: name))
            } else {
                nodes.append(try self.node(node, name: name, used: used))
            }
        }
        let initializers = Set(graph.initializer.map(\.name))
        return Graph(
            name: graph.name,
            opset: opset,
            inputs: try graph.input.filter { !initializers.contains($0.name) }.map { value in
                let (type, dimensions) = try self.type(of: value, role: "input")
                return ONNXModel.Input(name: value.name, type: type, dimensions: dimensions, mustBeKnown: false)
            },
            outputs: try graph.output.map { value in
                let (type, dimensions) = try self.type(of: value, role: "output")
                return ONNXModel.Output(name: value.name, type: type, dimensions: dimensions)
            },
            constants: try graph.initializer.filter { used.contains($0.name) }.map { try constant($0, name: $0.name) }
                + constantNodes,
            nodes: nodes
        )
    }

    // MARK: The file

    private mutating func decode() throws -> Onnx_ModelProto {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 16  // the schema has no message in itself; this is twice its depth
        options.discardUnknownFields = true
        let model: Onnx_ModelProto
        do {
            model = try Onnx_ModelProto(serializedBytes: file.bytes, options: options)
        } catch {
            throw file.problem.malformed("it isn't an ONNX model, or it is truncated", cause: error)
        }
        guard model.hasGraph else {
            throw file.problem.malformed("it isn't an ONNX model, or it is truncated: there is no graph")
        }
        let saysSkeleton = model.metadataProps.contains { $0.key == Self.skeletonKey }
        if isSkeleton { exponents = model.metadataProps.first { $0.key == Self.exponentsKey }?.value }
        if isSkeleton, !saysSkeleton { throw file.problem.malformed("it is a whole model, not a skeleton") }
        if !isSkeleton, saysSkeleton {
            throw file.problem.malformed(
                "it is a skeleton without secret weights; only the model's owner can load the model itself"
            )
        }
        return model
    }

    /// The version of the standard operators.
    private func opset(of model: Onnx_ModelProto) throws -> Int {
        let versions = model.opsetImport.filter { Self.isStandard($0.domain) }.map(\.version)
        guard let version = versions.first else {
            if let other = model.opsetImport.first {
                throw CrypTenError(
                    .unsupportedOperator,
                    "\(file.name): unsupported operators of domain '\(onOneLine(other.domain))': standard ones are read"
                )
            }
            throw file.problem.malformed("it doesn't say which version of the operators it uses, or it is truncated")
        }
        guard versions.allSatisfy({ $0 == version }) else {
            throw file.problem.malformed("it claims different versions of the standard operators: \(versions)")
        }
        guard let opset = Int(exactly: version), Self.opsets.contains(opset) else {
            throw CrypTenError(
                .unsupportedOperator,
                "\(file.name): unsupported operator set \(version): versions \(Self.opsets.lowerBound) to \(Self.opsets.upperBound) are read; convert the model"
            )
        }
        return opset
    }

    static func isStandard(_ domain: String) -> Bool {
        domain.isEmpty || domain == "ai.onnx"
    }

    // MARK: Names

    /// Every name is defined once, and before it is used; outputs are defined.
    private func checkNames(_ graph: Onnx_GraphProto) throws {
        var defined: Set<String> = []
        func define(_ name: String, as what: String) throws {
            guard !name.isEmpty else { throw file.problem.malformed("an \(what) has no name") }
            guard defined.insert(name).inserted else {
                throw file.problem.malformed("\(what) '\(name)' is defined twice")
            }
        }
        for tensor in graph.initializer { try define(tensor.name, as: "initialiser") }
        let initializers = defined
        var inputs: Set<String> = []
        for value in graph.input {
            // Before IR version 4 initialisers had to be listed as inputs too.
            guard inputs.insert(value.name).inserted else {
                throw file.problem.malformed("input '\(value.name)' is defined twice")
            }
            if !initializers.contains(value.name) { try define(value.name, as: "input") }
        }
        for node in graph.node {
            let name = nodeName(node)
            guard !node.opType.isEmpty else { throw file.problem.malformed("node \(name) has no operator") }
            guard node.output.contains(where: { !$0.isEmpty }) else {
                throw file.problem.malformed("node \(name) (\(node.opType)) has no outputs")
            }
            for input in node.input where !input.isEmpty && !defined.contains(input) {
                throw file.problem.malformed(
                    "node \(name) (\(node.opType)) reads '\(input)', which nothing before it defines"
                )
            }
            for output in node.output where !output.isEmpty { try define(output, as: "output of node \(name)") }
        }
        var outputs: Set<String> = []
        for value in graph.output {
            guard outputs.insert(value.name).inserted else {
                throw file.problem.malformed("output '\(value.name)' is listed twice")
            }
            guard defined.contains(value.name) else {
                throw file.problem.malformed("output '\(value.name)' is computed by no node")
            }
        }
    }

    /// Positions of the nodes on which an output depends, in order, and all names that they or the outputs read.
    private func liveNodes(_ graph: Onnx_GraphProto) -> (nodes: [Int], used: Set<String>) {
        var used = Set(graph.output.map(\.name))
        var live: [Int] = []
        for index in graph.node.indices.reversed() {
            let node = graph.node[index]
            guard node.output.contains(where: used.contains) else { continue }
            live.append(index)
            used.formUnion(node.input.lazy.filter { !$0.isEmpty })
        }
        return (live.reversed(), used)
    }

    func nodeName(_ node: Onnx_NodeProto) -> String {
        onOneLine(node.name.isEmpty ? node.output.first { !$0.isEmpty } ?? "?" : node.name)
    }

    // MARK: Nodes

    func node(_ node: Onnx_NodeProto, name: String, used: Set<String>) throws -> GraphNode {
        guard Self.isStandard(node.domain) else {
            throw unsupportedOperator(
                "\(node.domain).\(node.opType)",
                node: name,
                why: "domain \(node.domain) isn't known"
            )
        }
        let version = try OperatorTable.version(of: node.opType, opset: opset, node: name)
        let attributes = try attributes(of: node, name: name)
        for (key, attribute) in attributes {
            // A skeleton shows attributes, so none may hold weights.
            if case .tensor(_, let tensor) = attribute, tensor.shape.count > 1 {
                throw file.problem.malformed(
                    "node \(name): attribute \(key) holds \(tensor.shape.count) numbers, where one belongs"
                )
            }
            if case .floats(let numbers) = attribute, node.opType != "Constant",
                numbers.count > Self.mostAttributeFloats
            {
                throw file.problem.malformed(
                    "node \(name): attribute \(key) holds \(numbers.count) numbers, where no operator takes more than "
                        + "\(Self.mostAttributeFloats)"
                )
            }
        }
        return GraphNode(
            name: name,
            operation: node.opType,
            version: version,
            inputs: node.input,
            outputs: node.output.map { used.contains($0) ? $0 : "" },
            attributes: attributes
        )
    }

    // MARK: Constants

    private func constant(_ tensor: Onnx_TensorProto, name: String) throws -> GraphConstant {
        let (type, shape, numbers) = try TensorReader(file: file, allowsMissingNumbers: isSkeleton).read(
            tensor,
            name: name
        )
        return GraphConstant(name: name, type: type, shape: shape, tensor: numbers, isSecret: numbers == nil)
    }

    /// The value of a `Constant` node, under its output's name.
    private func constant(of node: Onnx_NodeProto, name: String) throws -> GraphConstant {
        guard let output = node.output.first(where: { !$0.isEmpty }), node.attribute.count == 1, node.input.isEmpty
        else {
            throw file.problem.malformed("node \(name) (Constant) needs one attribute that is its value")
        }
        func constant(_ type: ONNXElementType, _ elements: Tensor.Elements, _ shape: Shape) -> GraphConstant {
            GraphConstant(
                name: output,
                type: type,
                shape: shape,
                tensor: Tensor(elements, shape: shape),
                isSecret: false,
                isNode: true
            )
        }
        let attributes = try attributes(of: node, name: name)
        switch attributes.first {
        case ("value", .tensor(let type, let tensor))?:
            return GraphConstant(
                name: output,
                type: type,
                shape: tensor.shape,
                tensor: tensor,
                isSecret: false,
                isNode: true
            )
        case ("value_float", .float(let value))?: return constant(.float, .float([value]), [])
        case ("value_floats", .floats(let values))?: return constant(.float, .float(values), [values.count])
        case ("value_int", .int(let value))?: return constant(.int64, .int64([Int64(value)]), [])
        case ("value_ints", .ints(let values))?:
            return constant(.int64, .int64(values.map { Int64($0) }), [values.count])
        default:
            throw unsupportedOperator(
                "Constant",
                node: name,
                why:
                    "its value is \(attributes.keys.first ?? "missing"); numbers (value, value_float, value_ints …) are read"
            )
        }
    }

    // MARK: Types

    private func type(
        of value: Onnx_ValueInfoProto,
        role: String
    ) throws -> (ONNXElementType, [ONNXModel.Dimension]?) {
        guard case .tensorType(let tensor)? = value.type.value else {
            throw CrypTenError(
                .unsupportedOperator,
                "\(file.name): unsupported \(role) '\(value.name)': only dense tensors are read"
            )
        }
        guard let type = ONNXElementType(standardNumber: tensor.elemType) else {
            throw CrypTenError(
                .unsupportedOperator,
                "\(file.name): unsupported \(role) '\(value.name)': its element type is \(elementTypeName(tensor.elemType)); floats, integers and booleans are read"
            )
        }
        guard tensor.hasShape else { return (type, nil) }
        let dimensions = tensor.shape.dim.map { dimension -> ONNXModel.Dimension in
            switch dimension.value {
            // Old exporters write -1 for an extent that the input decides.
            case .dimValue(let extent)? where extent >= 0: .fixed(Int(extent))
            case .dimParam(let name)? where !name.isEmpty: .named(name)
            default: .unknown
            }
        }
        return (type, dimensions)
    }
}
