internal import CrypTenBase
internal import CrypTenExpressions
internal import Foundation

extension GraphReader {
    /// The attributes of a node by name, those aside that are graphs.
    ///
    /// - Throws: `CrypTenError.Code.malformedFile` where an attribute has no name, is there twice, or holds text that isn't
    ///   UTF-8; `.unsupportedOperator` where it holds a graph or another thing that no supported operator has.
    func attributes(of node: FileNode, name: String) throws -> [String: GraphAttribute] {
        var attributes: [String: GraphAttribute] = [:]
        for attribute in node.attributes {
            guard !attribute.name.isEmpty else {
                throw file.problem.malformed("node \(name) has an attribute without a name")
            }
            guard attributes[attribute.name] == nil else {
                throw file.problem.malformed("node \(name) has attribute \(attribute.name) twice")
            }
            // Of which type a value would be that isn't there.
            if node.operation == "Optional", attribute.type == .typeProto { continue }
            attributes[attribute.name] = try value(of: attribute, node: node, name: name)
        }
        return attributes
    }

    private func value(of attribute: Onnx_AttributeProto, node: FileNode, name: String) throws -> GraphAttribute {
        func text(_ bytes: Data) throws -> String {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw file.problem.malformed("node \(name): attribute \(attribute.name) isn't UTF-8 text")
            }
            return text
        }
        guard attribute.refAttrName.isEmpty else {
            throw file.problem.malformed(
                "node \(name): attribute \(onOneLine(attribute.name)) is said to be that of a function's call, and the node stands in no function"
            )
        }
        switch attribute.type {
        case .float: return .float(attribute.f)
        case .int: return .int(Int(attribute.i))
        case .string: return .string(try text(attribute.s))
        case .floats: return .floats(attribute.floats)
        case .ints: return .ints(attribute.ints.map { Int($0) })
        case .strings: return .strings(try attribute.strings.map(text))
        case .tensor where attribute.t.isOfTexts:
            return .strings(try texts(attribute.t, name: "\(name).\(attribute.name)"))
        case .tensor:
            let reader = TensorReader(file: file, allowsMissingNumbers: false)
            let (type, shape, tensor) = try reader.read(attribute.t, name: "\(name).\(attribute.name)")
            guard let tensor else {
                throw file.problem.malformed("node \(name): tensor \(attribute.name) of shape \(shape) has no data")
            }
            if OperatorDomain(node.domain) == .classical, type.kind != .real, let integers = tensor.integers {
                // Modes of nodes, keys of labels: lists in another form.
                return .ints(integers.map { Int($0) })
            }
            return .tensor(type: type, tensor)
        case .undefined, .graph, .graphs, .tensors, .sparseTensor, .sparseTensors, .typeProto, .typeProtos,
            .UNRECOGNIZED:
            throw unsupportedOperator(
                node.operation,
                node: name,
                why:
                    "its attribute \(attribute.name) has type \(attribute.type.rawValue) of the standard, which isn't read"
            )
        }
    }
}
