internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import Foundation
internal import SwiftProtobuf

/// Texts of a file: labels of classes, above all.
///
/// Nothing is computed with a text. A constant of texts is the list of their places, 0, 1, …, and what picks among them works with places;
/// the texts themselves stand beside, in the skeleton, and are looked up when an output is written.
extension GraphReader {
    /// The texts of every name whose numbers are places of texts.
    ///
    /// - Throws: `.unsupportedOperator` for a node that would compute with texts.
    func texts(
        _ constants: [GraphConstant],
        inputs: [Onnx_ValueInfoProto],
        _ nodes: inout [GraphNode]
    ) throws -> [String: [String]] {
        var texts: [String: [String]] = [:]
        for constant in constants { texts[constant.name] = constant.texts }
        // What is text among the inputs may be joined, and so has one list.
        for input in inputs where input.isOfTexts { texts[input.name] = OperatorTexts.vocabulary(of: nodes) }
        for index in nodes.indices {
            let node = nodes[index]
            let readsTexts = node.inputs.first.map { texts[$0] != nil } ?? false
            if let written = OperatorTexts.writers[node.operation]?(node, readsTexts), let output = node.outputs.first,
                !output.isEmpty
            {
                texts[output] = written
            }
            guard let position = node.inputs.firstIndex(where: { texts[$0] != nil }),
                OperatorTexts.readers[node.operation]?.contains(position) != true
            else { continue }
            let moved = Set(node.inputs.map { texts[$0] })
            guard OperatorTexts.movers.contains(node.operation), position == 0,
                node.operation != "Concat" || moved.count == 1
            else {
                throw unsupportedOperator(
                    node.operation,
                    node: node.name,
                    why:
                        "input \(position) ('\(onOneLine(node.inputs[position]))') is text, which is picked and moved here, and not computed with"
                )
            }
            if node.operation == "Cast" {
                guard case .int(let type)? = node.attributes["to"], type == Onnx_TensorProto.DataType.string.rawValue
                else {
                    throw unsupportedOperator("Cast", node: node.name, why: "texts aren't read as numbers here")
                }
                (nodes[index].operation, nodes[index].version, nodes[index].attributes) = ("Identity", 13, [:])
            }
            for output in node.outputs where !output.isEmpty { texts[output] = texts[node.inputs[0]] }
        }
        return texts
    }

    /// An input as the file declares it: of texts, their places.
    func input(_ value: Onnx_ValueInfoProto, texts: [String]?) throws -> ONNXModel.Input {
        var declared = value
        if value.isOfTexts { declared.type.tensorType.elemType = ONNXElementType.int64.standardNumber }
        let (type, dimensions) = try type(of: declared, role: "input")
        return ONNXModel.Input(
            name: value.name,
            type: type,
            dimensions: dimensions,
            mustBeKnown: false,
            texts: value.isOfTexts ? texts ?? [] : nil
        )
    }

    /// An output as the file declares it: of texts, and of maps that `ZipMap` makes, the numbers that are computed.
    func output(
        _ value: Onnx_ValueInfoProto,
        texts: [String]?,
        _ nodes: [GraphNode]
    ) throws -> ONNXModel.Output {
        var declared = value
        if declared.type.tensorType.elemType == Onnx_TensorProto.DataType.string.rawValue {
            guard texts != nil else {
                throw CrypTenError(
                    .unsupportedOperator,
                    "\(file.name): unsupported output '\(value.name)': it is text, and nothing says which texts there are"
                )
            }
            declared.type.tensorType.elemType = ONNXElementType.int64.standardNumber
        } else if texts != nil {
            throw file.problem.malformed("output '\(value.name)' is text, and not declared so")
        }
        if case .sequenceType? = value.type.value, isMadeByZipMap(value.name, nodes) {
            declared.type.tensorType = .with { $0.elemType = ONNXElementType.float.standardNumber }
        }
        let (type, dimensions) = try type(of: declared, role: "output")
        return ONNXModel.Output(name: value.name, type: type, dimensions: dimensions, texts: texts)
    }

    /// Whether a name is a list of maps whose numbers, row by row, are those that `ZipMap` reads.
    private func isMadeByZipMap(_ name: String, _ nodes: [GraphNode]) -> Bool {
        var name = name
        for node in nodes.reversed() where node.outputs.contains(name) {
            if node.operation == OperatorTexts.zipMap { return true }
            guard node.operation == "Identity", let input = node.inputs.first else { return false }
            name = input
        }
        return false
    }

    // MARK: Tensors

    /// A constant of texts.
    func constantOfTexts(_ tensor: Onnx_TensorProto, name: String, isNode: Bool) throws -> GraphConstant {
        let texts = try texts(tensor, name: name)
        guard let dimensions = tensor.dims.map({ Int(exactly: $0) }) as? [Int], dimensions.count <= 64,
            let shape = try? Shape(checking: dimensions), shape.count == texts.count
        else {
            throw file.problem.malformed(
                "tensor \(name) has extents \(tensor.dims), and \(texts.count) texts are there"
            )
        }
        return GraphConstant(
            name: name,
            type: .int64,
            shape: shape,
            tensor: Tensor(texts.indices.map { Int64($0) }, shape: shape),
            texts: texts,
            isSecret: false,
            isNode: isNode
        )
    }

    /// The texts of a tensor.
    func texts(_ tensor: Onnx_TensorProto, name: String) throws -> [String] {
        guard tensor.dataLocation != .external, tensor.rawData.isEmpty else {
            throw file.problem.malformed("tensor \(name): texts stand in the tensor itself")
        }
        return try tensor.stringData.map { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw file.problem.malformed("tensor \(name) holds text that isn't UTF-8")
            }
            return text
        }
    }
}

extension Onnx_TensorProto {
    /// Whether it holds texts.
    var isOfTexts: Bool { dataType == DataType.string.rawValue }
}

extension Onnx_ValueInfoProto {
    /// Whether it is a tensor of texts.
    var isOfTexts: Bool {
        guard case .tensorType(let tensor)? = type.value else { return false }
        return tensor.elemType == Onnx_TensorProto.DataType.string.rawValue
    }
}
