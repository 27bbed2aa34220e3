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
    /// What a skeleton will show of ensembles of trees.
    let trees: ONNXModel.TreeVisibility
    /// The version of each domain's operators that the model uses.
    private(set) var opsets: [OperatorDomain: Int] = [:]
    /// What a skeleton says of its weights' exponents; nil where it says nothing.
    private(set) var exponents: String?

    init(file: ModelFile, isSkeleton: Bool, trees: ONNXModel.TreeVisibility = .features) {
        self.file = file
        self.isSkeleton = isSkeleton
        self.trees = trees
    }

    /// The key under which a skeleton says that it is one.
    static let skeletonKey = "swift-crypten.skeleton"
    /// The key under which a skeleton has the exponents of its weights.
    static let exponentsKey = "swift-crypten.exponents"
    /// The most floats that an attribute has in the standard's operators: a scale for each axis, or a factor for each gate of
    /// a recurrent layer.
    static let mostAttributeFloats = 64

    mutating func read() throws -> Graph {
        let model = try decode()
        opsets = try opsets(of: model)
        var graph = try FileGraphDecoder(problem: file.problem).graph(try withoutWeightAttributes(model.graph))
        var inliner = try FunctionInliner(model, graph, file: file)
        graph = try inliner.inlined(graph)
        opsets.merge(inliner.opsets) { own, _ in own }
        graph = try withoutNestedConstants(try graph.inOrder(file.problem))
        try checkNames(graph)
        guard !graph.outputs.isEmpty else { throw file.problem.malformed("its graph has no outputs") }

        let (live, used) = liveNodes(graph)
        var sparse = SparseBudget()
        var (nodes, constantNodes): ([GraphNode], [GraphConstant]) = ([], [])
        for index in live {
            let node = graph.nodes[index]
            if node.isConstant {
                constantNodes.append(try constant(of: node, &sparse))
            } else {
                nodes.append(try self.node(node, name: node.name, used: used))
            }
        }
        let initializers = Set(graph.initializers.map(\.name))
        let constants =
            try graph.initializers.filter { used.contains($0.name) }.map { try constant($0, &sparse) } + constantNodes
        let given = graph.inputs.filter { !initializers.contains($0.name) }
        let texts = try texts(constants, inputs: given, &nodes)
        return Graph(
            name: graph.name,
            opsets: opsets,
            inputs: try given.map { value in
                var input = try self.input(value, texts: texts[value.name])
                input.mayLackNumbers =
                    input.type.kind == .real
                    && MissingNumbers.isReplaced(value.name, in: nodes, outputs: graph.outputs.map(\.name))
                return input
            },
            outputs: try graph.outputs.map { try output($0, texts: texts[$0.name], nodes) },
            constants: constants,
            nodes: nodes,
            texts: texts
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

    /// The version of the operators of each domain that is read; others stand in a file that doesn't use them, too.
    private func opsets(of model: Onnx_ModelProto) throws -> [OperatorDomain: Int] {
        guard !model.opsetImport.isEmpty else {
            throw file.problem.malformed("it doesn't say which version of the operators it uses, or it is truncated")
        }
        var opsets: [OperatorDomain: Int] = [:]
        for claim in model.opsetImport {
            guard let domain = OperatorDomain(claim.domain) else { continue }
            guard let version = Int(exactly: claim.version), domain.versions.contains(version) else {
                throw CrypTenError(
                    .unsupportedOperator,
                    "\(file.name): unsupported operator set \(claim.version)\(domain == .standard ? "" : " of \(domain.rawValue)"): versions "
                        + "\(domain.versions.lowerBound) to \(domain.versions.upperBound) are read; convert the model"
                )
            }
            guard opsets.updateValue(version, forKey: domain) ?? version == version else {
                throw file.problem.malformed("it claims different versions of the operators of \(domain.title)")
            }
        }
        return opsets
    }

    // MARK: Names

    /// Every name is defined once, and before it is used; outputs are defined.
    private func checkNames(_ graph: FileGraph) throws {
        var defined: Set<String> = []
        func define(_ name: String, as what: String) throws {
            guard !name.isEmpty else { throw file.problem.malformed("an \(what) has no name") }
            guard defined.insert(name).inserted else {
                throw file.problem.malformed("\(what) '\(name)' is defined twice")
            }
        }
        for constant in graph.initializers { try define(constant.name, as: "initialiser") }
        let initializers = defined
        var inputs: Set<String> = []
        for value in graph.inputs {
            // Before IR version 4 initialisers had to be listed as inputs too.
            guard inputs.insert(value.name).inserted else {
                throw file.problem.malformed("input '\(value.name)' is defined twice")
            }
            if !initializers.contains(value.name) { try define(value.name, as: "input") }
        }
        for node in graph.nodes {
            guard !node.operation.isEmpty else { throw file.problem.malformed("node \(node.name) has no operator") }
            guard node.outputs.contains(where: { !$0.isEmpty }) else {
                throw file.problem.malformed("node \(node.title) has no outputs")
            }
            for input in node.inputs where !input.isEmpty && !defined.contains(input) {
                throw file.problem.malformed("node \(node.title) reads '\(onOneLine(input))', which nothing defines")
            }
            for output in node.outputs where !output.isEmpty { try define(output, as: "output of node \(node.name)") }
        }
        var outputs: Set<String> = []
        for value in graph.outputs {
            guard outputs.insert(value.name).inserted else {
                throw file.problem.malformed("output '\(value.name)' is listed twice")
            }
            guard defined.contains(value.name) else {
                throw file.problem.malformed("output '\(value.name)' is computed by no node")
            }
        }
    }

    /// Positions of the nodes on which an output depends, in order, and all names that they or the outputs read.
    private func liveNodes(_ graph: FileGraph) -> (nodes: [Int], used: Set<String>) {
        var used = Set(graph.outputs.map(\.name))
        var live: [Int] = []
        for index in graph.nodes.indices.reversed() {
            let node = graph.nodes[index]
            guard node.outputs.contains(where: used.contains) else { continue }
            live.append(index)
            used.formUnion(node.inputs.lazy.filter { !$0.isEmpty })
        }
        return (live.reversed(), used)
    }

    // MARK: Nodes

    func node(_ node: FileNode, name: String, used: Set<String>) throws -> GraphNode {
        guard let domain = OperatorDomain(node.domain) else {
            throw unsupportedOperator(
                onOneLine("\(node.domain).\(node.operation)"),
                node: name,
                why: OperatorTable.refusedDomains[node.domain]
                    ?? "operators of domain \(onOneLine(node.domain)) aren't read; those of \(OperatorDomain.list) are"
            )
        }
        guard let opset = opsets[domain] else {
            throw file.problem.malformed(
                "node \(name) (\(onOneLine(node.operation))) is of \(domain.title), whose version the file doesn't say"
            )
        }
        let operation = domain.operation(node.operation)
        let version = try OperatorTable.version(of: operation, opset: opset, node: name)
        if let other = node.opsets?[domain], other != opset,
            try OperatorTable.version(of: operation, opset: other, node: name) != version
        {
            throw unsupportedOperator(
                operation,
                node: name,
                why:
                    "its function uses operator set \(other), the model \(opset), and the operator changed between them"
            )
        }
        var attributes = try attributes(of: node, name: name)
        if domain == .classical { try checkWeightsAreMoved(attributes, of: operation, node: name) }
        for inner in node.graphs {
            let path = node.graphs.count == 1 ? name : "\(name)/\(inner.name)"
            attributes[inner.name] = .graph(try body(inner.graph, of: path))
        }
        for (key, attribute) in attributes {
            // A skeleton shows attributes, so none may hold weights.
            if case .tensor(_, let tensor) = attribute, tensor.shape.count > 1 {
                throw file.problem.malformed(
                    "node \(name): attribute \(key) holds \(tensor.shape.count) numbers, where one belongs"
                )
            }
            if case .floats(let numbers) = attribute, node.operation != "Constant",
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
            operation: operation,
            version: version,
            inputs: node.inputs,
            outputs: node.outputs.map { used.contains($0) ? $0 : "" },
            attributes: attributes
        )
    }

    // MARK: Constants

    private func constant(_ constant: FileConstant, _ budget: inout SparseBudget) throws -> GraphConstant {
        if constant.sparse == nil, constant.tensor.isOfTexts {
            return try constantOfTexts(constant.tensor, name: constant.name, isNode: false)
        }
        let reader = TensorReader(file: file, allowsMissingNumbers: isSkeleton)
        let (type, shape, numbers) =
            if let sparse = constant.sparse {
                try reader.read(sparse, name: constant.name, &budget)
            } else {
                try reader.read(constant.tensor, name: constant.name)
            }
        return GraphConstant(name: constant.name, type: type, shape: shape, tensor: numbers, isSecret: numbers == nil)
    }

    /// The value of a `Constant` node, under its output's name.
    private func constant(of node: FileNode, _ budget: inout SparseBudget) throws -> GraphConstant {
        let name = node.name
        guard let output = node.outputs.first(where: { !$0.isEmpty }), node.attributes.count == 1, node.inputs.isEmpty,
            node.graphs.isEmpty
        else {
            throw file.problem.malformed("node \(name) (Constant) needs one attribute that is its value")
        }
        // A sparse tensor of any size is a weight, as an initialiser is.
        if case let attribute = node.attributes[0], attribute.name == "sparse_value", attribute.type == .sparseTensor {
            return try self.constant(
                FileConstant(name: output, tensor: attribute.sparseTensor.values, sparse: attribute.sparseTensor),
                &budget
            )
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
        if let tensor = node.attributes.first(where: { $0.type == .tensor })?.t, tensor.isOfTexts {
            return try constantOfTexts(tensor, name: output, isNode: true)
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

    func type(
        of value: Onnx_ValueInfoProto,
        role: String
    ) throws -> (ONNXElementType, [ONNXModel.Dimension]?) {
        guard case .tensorType(let tensor)? = value.type.value else {
            let kind =
                switch value.type.value {
                case .sequenceType?: "a sequence"
                case .optionalType?: "an optional value"
                case .mapType?: "a map"
                case .sparseTensorType?: "a sparse tensor"
                default: "of no type"
                }
            throw CrypTenError(
                .unsupportedOperator,
                "\(file.name): unsupported \(role) '\(onOneLine(value.name))': it is \(kind), and only dense tensors are read and written"
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
            case .dimParam(let name)? where ONNXModel.Dimension.isPromise(name): .named(name)
            default: .unknown
            }
        }
        return (type, dimensions)
    }
}
