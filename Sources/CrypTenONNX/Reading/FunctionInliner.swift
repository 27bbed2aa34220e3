internal import CrypTenBase
internal import Foundation

/// Puts the bodies of functions that a model defines in the place of their calls, before anything else looks at the graph.
///
/// A node of the body is named `call/node` then, and what it computes `call/name`, with a prime where that is taken. A function
/// that its file defines goes before an operator of the same domain and name.
struct FunctionInliner {
    private let problem: FileProblem
    private let functions: [Key: Function]
    /// Every name of the graph so far.
    private var names: Set<String>
    /// How many nodes, and bytes of their tensors, calls may still add.
    private var (nodesLeft, bytesLeft) = (mostNodes, 0)
    /// Versions of domains that only functions use.
    private(set) var opsets: [OperatorDomain: Int] = [:]

    /// All calls of a model add at most so many nodes: functions that call each other twice make a number of them that no file justifies.
    private static let mostNodes = 1 << 17
    /// At most so many calls stand in each other.
    private static let mostCalls = 64

    private struct Key: Hashable {
        var domain: String
        var name: String
        var overload: String

        init(_ domain: String, _ name: String, _ overload: String) {
            (self.domain, self.name, self.overload) = (domain == "ai.onnx" ? "" : domain, name, overload)
        }

        var title: String {
            onOneLine(
                [domain, overload.isEmpty ? name : "\(name):\(overload)"].filter { !$0.isEmpty }.joined(separator: ".")
            )
        }
    }

    private struct Function {
        var proto: Onnx_FunctionProto
        var nodes: [FileNode]
        var opsets: [OperatorDomain: Int]
        /// Of the tensors in its body.
        var bytes: Int
    }

    init(_ model: Onnx_ModelProto, _ graph: FileGraph, file: ModelFile) throws {
        problem = file.problem
        names = graph.allNames
        bytesLeft = 16 * (file.bytes.count + ImportBudget.allowance)
        var functions: [Key: Function] = [:]
        for proto in model.functions {
            let key = Key(proto.domain, proto.name, proto.overload)
            guard !proto.name.isEmpty else { throw problem.malformed("a function that it defines has no name") }
            let nodes = try FileGraphDecoder(problem: problem).nodes(proto.node)
            var opsets: [OperatorDomain: Int] = [:]
            for claim in proto.opsetImport {
                guard let domain = OperatorDomain(claim.domain) else { continue }
                guard let version = Int(exactly: claim.version), domain.versions.contains(version) else {
                    throw CrypTenError(
                        .unsupportedOperator,
                        "\(file.name): unsupported operator set \(claim.version) of \(domain.title) in function \(key.title): versions "
                            + "\(domain.versions.lowerBound) to \(domain.versions.upperBound) are read; convert the model"
                    )
                }
                opsets[domain] = version
            }
            let bytes = FileGraph(nodes: nodes).tensorBytes
            guard
                functions.updateValue(Function(proto: proto, nodes: nodes, opsets: opsets, bytes: bytes), forKey: key)
                    == nil
            else { throw problem.malformed("function \(key.title) is defined twice") }
        }
        self.functions = functions
    }

    /// The graph without calls.
    ///
    /// - Throws: `CrypTenError.Code.malformedFile` naming the call: for a function that calls itself, directly or through others, one
    ///   that reads what it doesn't define, and more inputs or outputs than the function has.
    mutating func inlined(_ graph: FileGraph) throws -> FileGraph {
        functions.isEmpty ? graph : try inlined(graph, [])
    }

    private mutating func inlined(_ graph: FileGraph, _ calls: [Key]) throws -> FileGraph {
        var result = graph
        result.nodes = []
        for var node in graph.nodes {
            for index in node.graphs.indices {
                node.graphs[index].graph = try inlined(node.graphs[index].graph, calls)
            }
            let key = Key(node.domain, node.operation, node.overload)
            guard let function = functions[key] else {
                result.nodes.append(node)
                continue
            }
            if let first = calls.firstIndex(of: key) {
                let chain = (calls[first...] + [key]).map(\.title).joined(separator: " calls ")
                throw problem.malformed("node \(node.name): a function calls itself: \(chain)")
            }
            guard calls.count < Self.mostCalls else {
                throw problem.malformed("node \(node.name): more than \(Self.mostCalls) functions call each other")
            }
            let body = FileGraph(nodes: try body(of: function, key, node))
            result.nodes += try inlined(body, calls + [key]).nodes
        }
        return result
    }

    /// The nodes of a function under the names of a call.
    private mutating func body(of function: Function, _ key: Key, _ call: FileNode) throws -> [FileNode] {
        let proto = function.proto
        guard call.inputs.count <= proto.input.count, call.outputs.count <= proto.output.count else {
            throw problem.malformed(
                "node \(call.name) calls function \(key.title) with \(call.inputs.count) inputs and \(call.outputs.count) outputs, and it "
                    + "has \(proto.input.count) and \(proto.output.count)"
            )
        }
        try spend(FileGraph(nodes: function.nodes).nodeCount + proto.output.count, function.bytes, call)
        for (domain, version) in function.opsets where opsets[domain] == nil { opsets[domain] = version }
        var scope = Scope(title: "function \(key.title)", problem: problem)
        for (index, input) in proto.input.enumerated() {
            try scope.define(input, as: index < call.inputs.count ? call.inputs[index] : "")
        }
        // What the function gives has the names that the call gives it, where a node makes it and nothing else has it, too.
        let made = Set(function.nodes.flatMap(\.outputs))
        var given: [String: String] = [:]
        var copies: [(from: String, to: String)] = []
        for (inner, outer) in zip(proto.output, call.outputs) where !outer.isEmpty {
            if made.contains(inner), given[inner] == nil { given[inner] = outer } else { copies.append((inner, outer)) }
        }
        for output in function.nodes.flatMap(\.outputs) where !output.isEmpty {
            try scope.define(output, as: given[output] ?? names.unused("\(call.name)/\(output)"))
        }
        var nodes = try function.nodes.map { node in
            var node = try renamed(node, scope, call.name)
            node.name = "\(call.name)/\(node.name)"
            return node
        }
        for (from, to) in copies {
            nodes.append(
                FileNode(
                    name: "\(call.name)/\(onOneLine(from))",
                    domain: "",
                    operation: "Identity",
                    inputs: [try scope.name(from)],
                    outputs: [to]
                )
            )
        }
        for index in nodes.indices { try complete(&nodes[index], call, function) }
        return nodes
    }

    private mutating func spend(_ nodes: Int, _ bytes: Int, _ call: FileNode) throws {
        guard nodes <= nodesLeft, bytes <= bytesLeft else {
            throw problem.malformed(
                "node \(call.name): its functions, put in the place of their calls, have more nodes or numbers than the file justifies"
            )
        }
        (nodesLeft, bytesLeft) = (nodesLeft - nodes, bytesLeft - bytes)
    }

    // MARK: Names

    /// What names of a function are called where it is called.
    private struct Scope {
        let title: String
        let problem: FileProblem
        private var names = ["": ""]

        init(title: String, problem: FileProblem) {
            (self.title, self.problem) = (title, problem)
        }

        func name(_ inner: String) throws -> String {
            guard let name = names[inner] else {
                throw problem.malformed("\(title) reads '\(onOneLine(inner))', which nothing in it defines")
            }
            return name
        }

        mutating func define(_ inner: String, as outer: String) throws {
            guard !inner.isEmpty, names.updateValue(outer, forKey: inner) == nil else {
                throw problem.malformed(
                    inner.isEmpty
                        ? "an input of \(title) has no name" : "'\(onOneLine(inner))' is defined twice in \(title)"
                )
            }
        }

        /// In a graph inside of the function, whose names go before the function's.
        mutating func shadow(_ inner: String, as outer: String) {
            if !inner.isEmpty { names[inner] = outer }
        }
    }

    private mutating func renamed(_ node: FileNode, _ scope: Scope, _ call: String) throws -> FileNode {
        var node = node
        node.inputs = try node.inputs.map(scope.name)
        node.outputs = try node.outputs.map(scope.name)
        for index in node.graphs.indices {
            var (graph, inside) = (node.graphs[index].graph, scope)
            for name in graph.inputs.map(\.name) + graph.initializers.map(\.name) + graph.nodes.flatMap(\.outputs)
            where !name.isEmpty {
                inside.shadow(name, as: names.unused("\(call)/\(name)"))
            }
            for place in graph.inputs.indices { graph.inputs[place].name = try inside.name(graph.inputs[place].name) }
            for place in graph.initializers.indices {
                graph.initializers[place].name = try inside.name(graph.initializers[place].name)
            }
            for place in graph.outputs.indices {
                graph.outputs[place].name = try inside.name(graph.outputs[place].name)
            }
            graph.nodes = try graph.nodes.map { try renamed($0, inside, call) }
            node.graphs[index].graph = graph
        }
        return node
    }

    // MARK: Attributes

    /// Gives a node of a body, and those inside of it, the call's attributes that they refer to, or their defaults, and the versions of
    /// the function.
    private mutating func complete(_ node: inout FileNode, _ call: FileNode, _ function: Function) throws {
        node.opsets = function.opsets
        for index in node.graphs.indices {
            for inner in node.graphs[index].graph.nodes.indices {
                try complete(&node.graphs[index].graph.nodes[inner], call, function)
            }
        }
        var attributes: [Onnx_AttributeProto] = []
        for attribute in node.attributes {
            guard !attribute.refAttrName.isEmpty else {
                attributes.append(attribute)
                continue
            }
            let reference = attribute.refAttrName
            if let passed = call.graphs.first(where: { $0.name == reference }) {
                try spend(passed.graph.nodeCount, passed.graph.tensorBytes, call)
                node.graphs.append(FileNode.NamedGraph(name: attribute.name, graph: passed.graph))
                continue
            }
            let value =
                call.attributes.first { $0.name == reference }
                ?? function.proto.attributeProto.first { $0.name == reference }
            // One that the call doesn't give, and that has no default, isn't there.
            guard var value else { continue }
            guard value.type == attribute.type || attribute.type == .undefined, value.refAttrName.isEmpty else {
                throw problem.malformed(
                    "node \(node.name): attribute \(onOneLine(attribute.name)) has another type than \(onOneLine(reference)) of the call"
                )
            }
            value.name = attribute.name
            guard value.type != .graph else {
                throw problem.malformed("node \(node.name): a function's attribute has a graph as its default")
            }
            attributes.append(value)
        }
        node.attributes = attributes
        node.graphs.sort { $0.name < $1.name }
    }
}

extension FileGraph {
    /// What tensors in it and inside of it take, or would take where they lie in another file.
    fileprivate var tensorBytes: Int {
        let constants = initializers.reduce(0) { $0.adding($1.tensor.bytes) }
        return nodes.reduce(constants) { sum, node in
            let own = node.attributes.reduce(sum) { $0.adding($1.t.bytes).adding($1.sparseTensor.values.bytes) }
            return node.graphs.reduce(own) { $0.adding($1.graph.tensorBytes) }
        }
    }
}

extension Onnx_TensorProto {
    fileprivate var bytes: Int {
        let numbers = floatData.count + int32Data.count + 2 * (int64Data.count + doubleData.count + uint64Data.count)
        guard dataLocation == .external else { return rawData.count + 4 * numbers }
        return dims.reduce(8) { product, extent in
            let (bytes, overflow) = product.multipliedReportingOverflow(by: Int(max(extent, 0)))
            return overflow ? .max : bytes
        }
    }
}

extension Int {
    fileprivate func adding(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
