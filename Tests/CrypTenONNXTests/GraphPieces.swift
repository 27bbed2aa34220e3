import CrypTenONNX
import Foundation
import SwiftProtobuf
import _CrypTenONNXTestSupport

/// A node of a graph inside of another, or of a function.
func node(
    _ operation: String,
    _ inputs: [String],
    _ outputs: [String],
    name: String = "",
    domain: String = "",
    _ attributes: [Onnx_AttributeProto] = []
) -> Onnx_NodeProto {
    .with {
        ($0.opType, $0.name, $0.domain) = (operation, name, domain)
        ($0.input, $0.output, $0.attribute) = (inputs, outputs, attributes)
    }
}

/// A graph to stand in an attribute; constants are floats of one axis.
func graph(
    _ inputs: [String] = [],
    _ nodes: [Onnx_NodeProto],
    _ outputs: [String],
    _ constants: [String: [Float]] = [:]
) -> Onnx_GraphProto {
    .with {
        $0.input = inputs.map { name in .with { $0.name = name } }
        $0.output = outputs.map { name in .with { $0.name = name } }
        $0.node = nodes
        $0.initializer = constants.sorted { $0.key < $1.key }.map { name, numbers in
            .with { ($0.name, $0.dims, $0.dataType, $0.floatData) = (name, [Int64(numbers.count)], 1, numbers) }
        }
    }
}

extension Onnx_AttributeProto {
    static func graph(_ name: String, _ graph: Onnx_GraphProto) throws -> Onnx_AttributeProto {
        let bytes: Data = try graph.serializedData()
        return .with { ($0.name, $0.type, $0.g) = (name, .graph, bytes) }
    }

    static func int(_ name: String, _ number: Int) -> Onnx_AttributeProto {
        .with { ($0.name, $0.type, $0.i) = (name, .int, Int64(number)) }
    }

    static func float(_ name: String, _ number: Float) -> Onnx_AttributeProto {
        .with { ($0.name, $0.type, $0.f) = (name, .float, number) }
    }

    /// The attribute of the function's call that has another name.
    static func reference(_ name: String, to other: String, _ type: AttributeType) -> Onnx_AttributeProto {
        .with { ($0.name, $0.type, $0.refAttrName) = (name, type, other) }
    }
}

extension ModelBuilder {
    /// Adds nodes that the builder has no word for.
    mutating func nodes(_ nodes: Onnx_NodeProto...) {
        proto.graph.node += nodes
    }
}
