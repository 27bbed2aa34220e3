internal import CrypTenBase
internal import Foundation
internal import SwiftProtobuf

/// Graphs inside of operators: what they read of the outer graph becomes inputs of the operator, and their constants become the
/// outer graph's, so that everything else knows constants and dependencies of nodes only.
extension GraphReader {
    /// The model's graph with the constants of nested graphs moved out, and what those read among their operators' inputs.
    func withoutNestedConstants(_ graph: Onnx_GraphProto) throws -> Onnx_GraphProto {
        guard graph.node.contains(where: { $0.opType == "Scan" && Self.isStandard($0.domain) }) else { return graph }
        var (result, nodes): (Onnx_GraphProto, [Onnx_NodeProto]) = (graph, [])
        for var node in graph.node {
            guard node.opType == "Scan", Self.isStandard(node.domain),
                let position = node.attribute.firstIndex(where: { $0.name == "body" && $0.type == .graph })
            else {
                nodes.append(node)
                continue
            }
            let name = nodeName(node)
            var body = try nestedGraph(node.attribute[position], name: name)
            try checkNames(body, of: name)
            var moved: [String: String] = [:]
            for var tensor in body.initializer {
                moved[tensor.name] = "\(name)/\(tensor.name)"
                tensor.name = "\(name)/\(tensor.name)"
                result.initializer.append(tensor)
            }
            body.initializer = []
            var kept: [Onnx_NodeProto] = []
            for var inner in body.node {
                inner.input = inner.input.map { moved[$0] ?? $0 }
                guard inner.opType == "Constant", Self.isStandard(inner.domain), inner.output.count == 1 else {
                    kept.append(inner)
                    continue
                }
                moved[inner.output[0]] = "\(name)/\(inner.output[0])"
                inner.output = ["\(name)/\(inner.output[0])"]
                nodes.append(inner)
            }
            for index in body.output.indices {
                body.output[index].name = moved[body.output[index].name] ?? body.output[index].name
            }
            body.node = liveNodes(kept, outputs: body.output.map(\.name))
            node.input += try freeNames(body, of: name)
            do {
                node.attribute[position].g = try body.serializedData()
            } catch {
                throw file.problem.malformed("node \(name): its graph can't be read", cause: error)
            }
            nodes.append(node)
        }
        result.node = nodes
        return result
    }

    /// Every name of a nested graph is defined once; the empty one, which stands for what is left out, is none.
    private func checkNames(_ graph: Onnx_GraphProto, of name: String) throws {
        var defined: Set<String> = []
        let outputs = graph.node.flatMap(\.output).filter { !$0.isEmpty }
        for inner in graph.initializer.map(\.name) + Set(graph.input.map(\.name)).sorted() + outputs {
            guard !inner.isEmpty, defined.insert(inner).inserted else {
                throw file.problem.malformed(
                    "node \(name): " + (inner.isEmpty ? "a constant or an input" : "'\(inner)'")
                        + (inner.isEmpty ? " of its graph has no name" : " is defined twice in its graph")
                )
            }
        }
        for node in graph.node where node.opType == "Constant" && node.output.contains("") {
            throw file.problem.malformed("node \(name): a constant of its graph has no name")
        }
    }

    /// The nodes on which an output depends: what others read decides nothing, so no constant is looked at for their sake.
    private func liveNodes(_ nodes: [Onnx_NodeProto], outputs: [String]) -> [Onnx_NodeProto] {
        var used = Set(outputs)
        var live: [Onnx_NodeProto] = []
        for node in nodes.reversed() where node.output.contains(where: { !$0.isEmpty && used.contains($0) }) {
            live.append(node)
            used.formUnion(node.input)
        }
        return live.reversed()
    }

    /// The graph that an attribute holds.
    func nestedGraph(_ attribute: Onnx_AttributeProto, name: String) throws -> Onnx_GraphProto {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 16
        options.discardUnknownFields = true
        do {
            return try Onnx_GraphProto(serializedBytes: attribute.g, options: options)
        } catch {
            throw file.problem.malformed("node \(name): its graph can't be read", cause: error)
        }
    }

    /// A nested graph whose constants have been moved out.
    func body(_ graph: Onnx_GraphProto, of name: String) throws -> GraphBody {
        let nodes = try graph.node.map { node in
            guard node.opType != "Scan" else {
                throw unsupportedOperator("Scan", node: name, why: "there is another one in its graph")
            }
            return try self.node(node, name: "\(name)/\(nodeName(node))", used: Set(node.output))
        }
        return GraphBody(
            inputs: graph.input.map(\.name),
            outputs: graph.output.map(\.name),
            nodes: nodes,
            captures: try freeNames(graph, of: name)
        )
    }

    /// The names that a nested graph reads and doesn't define, in the order of their first use.
    private func freeNames(_ graph: Onnx_GraphProto, of name: String) throws -> [String] {
        var defined = Set(graph.input.map(\.name))
        guard defined.count == graph.input.count, !defined.contains(""), !graph.output.isEmpty else {
            throw file.problem.malformed("node \(name): its graph has no outputs, or an input twice")
        }
        var (free, seen): ([String], Set<String>) = ([], [])
        func read(_ input: String) {
            if !input.isEmpty, !defined.contains(input), seen.insert(input).inserted { free.append(input) }
        }
        for node in graph.node {
            node.input.forEach(read)
            for output in node.output where !output.isEmpty {
                guard defined.insert(output).inserted, !seen.contains(output) else {
                    throw file.problem.malformed(
                        "node \(name): '\(output)' is defined twice in its graph, or after its use"
                    )
                }
            }
        }
        for output in graph.output { read(output.name) }
        return free
    }
}
