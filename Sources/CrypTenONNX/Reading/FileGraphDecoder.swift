internal import CrypTenBase
internal import Foundation
internal import SwiftProtobuf

/// Makes a ``FileGraph`` of what a file has, graphs inside of nodes included.
///
/// A file holds those as bytes within bytes, so that depth is a choice of whoever wrote it: it is bounded here.
struct FileGraphDecoder {
    let problem: FileProblem

    /// How deep graphs may stand in graphs, and how many of those around one may run more than once.
    static let (mostLevels, mostLoops) = (16, 5)

    func graph(_ proto: Onnx_GraphProto) throws -> FileGraph {
        try graph(proto, levels: 0, loops: 0)
    }

    /// The nodes of a function's body.
    func nodes(_ protos: [Onnx_NodeProto]) throws -> [FileNode] {
        try protos.map { try node($0, levels: 0, loops: 0) }
    }

    private func graph(_ proto: Onnx_GraphProto, levels: Int, loops: Int) throws -> FileGraph {
        FileGraph(
            name: proto.name,
            inputs: proto.input,
            outputs: proto.output,
            initializers: proto.initializer.map { FileConstant(name: $0.name, tensor: $0) }
                + proto.sparseInitializer.map { FileConstant(name: $0.values.name, tensor: $0.values, sparse: $0) },
            nodes: try proto.node.map { try node($0, levels: levels, loops: loops) }
        )
    }

    private func node(_ proto: Onnx_NodeProto, levels: Int, loops: Int) throws -> FileNode {
        var node = FileNode(
            name: proto.title,
            domain: proto.domain,
            operation: proto.opType,
            overload: proto.overload,
            inputs: proto.input,
            outputs: proto.output
        )
        for attribute in proto.attribute {
            guard attribute.type == .graph, attribute.refAttrName.isEmpty else {
                node.attributes.append(attribute)
                continue
            }
            guard !node.graphs.contains(where: { $0.name == attribute.name }) else {
                throw problem.malformed("node \(node.name) has attribute \(onOneLine(attribute.name)) twice")
            }
            let isLoop = node.operation != "If"
            guard levels < Self.mostLevels, loops + (isLoop ? 1 : 0) <= Self.mostLoops else {
                throw problem.malformed(
                    "node \(node.name) stands too deep in graphs of other nodes: at most \(Self.mostLevels) levels are read, "
                        + "\(Self.mostLoops) of them loops"
                )
            }
            let inner = try decode(attribute, of: node)
            node.graphs.append(
                FileNode.NamedGraph(
                    name: attribute.name,
                    graph: try graph(inner, levels: levels + 1, loops: loops + (isLoop ? 1 : 0))
                )
            )
        }
        node.graphs.sort { $0.name < $1.name }
        return node
    }

    private func decode(_ attribute: Onnx_AttributeProto, of node: FileNode) throws -> Onnx_GraphProto {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 16
        options.discardUnknownFields = true
        do {
            return try Onnx_GraphProto(serializedBytes: attribute.g, options: options)
        } catch {
            throw problem.malformed("node \(node.name): its graph can't be read", cause: error)
        }
    }
}

extension Onnx_NodeProto {
    /// The node's name, or its first output's where it has none, on one line.
    var title: String {
        onOneLine(name.isEmpty ? output.first { !$0.isEmpty } ?? "?" : name)
    }
}
