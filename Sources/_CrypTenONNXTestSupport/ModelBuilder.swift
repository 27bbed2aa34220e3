package import CrypTenExpressions
package import CrypTenONNX
import CrypTenRing
package import Foundation
import SwiftProtobuf

/// Builds a small model, node by node, without any file.
package struct ModelBuilder {
    package var proto = Onnx_ModelProto.with {
        $0.irVersion = 8
        $0.graph.name = "test"
    }

    package init(opset: Int = 17) {
        proto.opsetImport = [.with { $0.version = Int64(opset) }]
    }

    /// The file's bytes, with the operator set last, so that no prefix of them is a model.
    package var bytes: Data {
        get throws { try proto.serializedData() }
    }

    package mutating func input(_ name: String, _ type: ONNXElementType = .float, _ dimensions: [ONNXModel.Dimension]?)
    {
        proto.graph.input.append(ModelBuilder.info(name, type, dimensions))
    }

    /// An input of a tensor's shape, and of the type that its elements have.
    package mutating func input(_ name: String, like tensor: Tensor) {
        let type: ONNXElementType =
            switch tensor.kind {
            case .real: .float
            case .integer: .int64
            case .bit: .bool
            }
        input(name, type, tensor.shape.dimensions.map { .fixed($0) })
    }

    package mutating func output(
        _ name: String,
        _ type: ONNXElementType = .float,
        _ dimensions: [ONNXModel.Dimension]? = nil
    ) {
        proto.graph.output.append(ModelBuilder.info(name, type, dimensions))
    }

    package mutating func constant(_ name: String, _ values: [Double], _ dimensions: [Int]) {
        proto.graph.initializer.append(
            .with {
                $0.name = name
                $0.dataType = ONNXElementType.float.standardNumber
                $0.dims = dimensions.map { Int64($0) }
                $0.floatData = values.map { Float($0) }
            }
        )
    }

    package mutating func constant(_ name: String, integers: [Int], _ dimensions: [Int]? = nil) {
        proto.graph.initializer.append(
            .with {
                $0.name = name
                $0.dataType = ONNXElementType.int64.standardNumber
                $0.dims = (dimensions ?? [integers.count]).map { Int64($0) }
                $0.int64Data = integers.map { Int64($0) }
            }
        )
    }

    package mutating func node(
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

    package enum Attribute {
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
