import CrypTenExpressions
import CrypTenONNX
package import Foundation
import SwiftProtobuf

/// Small models, together of every operator that is read.
package enum ModelSeeds {
    /// The files' bytes, by operator and how often it stands in the list.
    package static func all() throws -> [String: Data] {
        var seeds: [String: Data] = [:]
        for (index, node) in nodes.enumerated() {
            seeds["\(node.operation)-\(index)"] = try model(node).serializedData()
        }
        return seeds
    }

    private struct Node {
        var operation: String
        var inputs: [String]
        var attributes: [Onnx_AttributeProto] = []
        var opset = 17
        var outputs = 1
    }

    private static func node(
        _ operation: String,
        _ inputs: String...,
        opset: Int = 17,
        outputs: Int = 1,
        attributes: [Onnx_AttributeProto] = []
    ) -> Node {
        Node(operation: operation, inputs: inputs, attributes: attributes, opset: opset, outputs: outputs)
    }

    private static func int(_ name: String, _ value: Int64) -> Onnx_AttributeProto {
        .with { ($0.name, $0.type, $0.i) = (name, .int, value) }
    }

    private static func ints(_ name: String, _ values: [Int64]) -> Onnx_AttributeProto {
        .with { ($0.name, $0.type, $0.ints) = (name, .ints, values) }
    }

    private static func float(_ name: String, _ value: Float) -> Onnx_AttributeProto {
        .with { ($0.name, $0.type, $0.f) = (name, .float, value) }
    }

    private static func text(_ name: String, _ value: String) -> Onnx_AttributeProto {
        .with { ($0.name, $0.type, $0.s) = (name, .string, Data(value.utf8)) }
    }

    // Inputs: x [2, 3], y [2, 3], i [1, 2, 4, 4], t [2] of int64, b [2, 3] of bool. Constants: w [3, 2], k [2, 2, 3, 3],
    // c [2], s one number, n [2, 3], and small lists of int64: l0, l1, l2, l3, shape, pads.
    private static let nodes: [Node] = [
        node("Add", "x", "y"), node("Sub", "x", "n"), node("Mul", "x", "s"), node("Div", "x", "n"), node("Neg", "x"),
        node("Abs", "x"), node("Sign", "x"), node("Pow", "x", "s"), node("Sum", "x", "y", "n"), node("Mean", "x", "y"),
        node("Max", "x", "y"), node("Min", "x", "y"), node("Mod", "l1", "l2"), node("Relu", "x"),
        node("LeakyRelu", "x", attributes: [float("alpha", 0.1)]), node("Clip", "x", "", "s"),
        node("Clip", "x", opset: 7, attributes: [float("min", -1), float("max", 1)]), node("HardSigmoid", "x"),
        node("Sigmoid", "x"), node("Tanh", "x"), node("Erf", "x"), node("Softplus", "x"), node("Sin", "x"),
        node("Cos", "x"), node("Gelu", "x", opset: 20), node("Equal", "x", "y"), node("Less", "x", "y"),
        node("LessOrEqual", "x", "y"), node("Greater", "x", "n"), node("GreaterOrEqual", "x", "y"),
        node("And", "b", "b"),
        node("Or", "b", "b"), node("Xor", "b", "b"), node("Not", "b"), node("Where", "b", "x", "y"),
        node("Conv", "i", "k", "c", attributes: [ints("pads", [1, 1, 1, 1]), ints("strides", [2, 1])]),
        node("Conv", "i", "k", attributes: [text("auto_pad", "SAME_UPPER"), int("group", 1)]), node("MatMul", "x", "w"),
        node("Gemm", "x", "w", "c", attributes: [float("alpha", 0.5), int("transB", 0)]),
        node(
            "MaxPool",
            "i",
            attributes: [ints("kernel_shape", [2, 2]), ints("strides", [1, 2]), int("ceil_mode", 1)]
        ),
        node("AveragePool", "i", attributes: [ints("kernel_shape", [3, 3]), ints("pads", [1, 1, 1, 1])]),
        node("GlobalAveragePool", "i"), node("GlobalMaxPool", "i"),
        node("BatchNormalization", "i", "c", "c", "c", "c", attributes: [float("epsilon", 0.001)]),
        node("Dropout", "x", outputs: 2), node("ReduceSum", "x", "l1"),
        node("ReduceMean", "x", attributes: [ints("axes", [1])]),
        node("ReduceMax", "x", attributes: [ints("axes", [0])]), node("ReduceMin", "x"), node("ReduceProd", "l2"),
        node("ArgMax", "x", attributes: [int("axis", 1)]), node("ArgMin", "x", attributes: [int("keepdims", 0)]),
        node("Identity", "x"), node("Flatten", "i", attributes: [int("axis", 2)]), node("Reshape", "x", "shape"),
        node("Transpose", "x", attributes: [ints("perm", [1, 0])]), node("Squeeze", "i", "l0"),
        node("Unsqueeze", "x", "l1"),
        node("Concat", "x", "n", attributes: [int("axis", 1)]), node("Expand", "s", "shape"), node("Tile", "x", "l2"),
        node("Shape", "x"), node("Size", "i"), node("ConstantOfShape", "l2"), node("Range", "r0", "r3", "r1"),
        node("Cast", "l2", attributes: [int("to", 1)]), node("CastLike", "b", "x"),
        node("Slice", "x", "l0", "l2", "l1"),
        node("Split", "x", outputs: 2, attributes: [int("axis", 0)]), node("Pad", "x", "pads", "s"),
        node("Pad", "x", "pads", attributes: [text("mode", "reflect")]), node("Gather", "x", "l1"),
        node("Gather", "x", "t"),
        node("Sqrt", "n"), node("Reciprocal", "n"), node("Floor", "n"), node("Ceil", "n"),
    ]

    private static func model(_ node: Node) -> Onnx_ModelProto {
        .with { model in
            model.irVersion = 8
            model.opsetImport = [.with { $0.version = Int64(node.opset) }]
            model.graph.name = "g"
            let inputs: [(String, Int32, [Int64])] = [
                ("x", 1, [2, 3]), ("y", 1, [2, 3]), ("i", 1, [1, 2, 4, 4]), ("t", 7, [2]), ("b", 9, [2, 3]),
            ]
            for (name, type, extents) in inputs where node.inputs.contains(name) {
                model.graph.input.append(
                    .with {
                        $0.name = name
                        $0.type.tensorType.elemType = type
                        $0.type.tensorType.shape.dim = extents.map { extent in .with { $0.dimValue = extent } }
                    }
                )
            }
            let reals: [(String, [Int64])] = [
                ("w", [3, 2]), ("k", [2, 2, 3, 3]), ("c", [2]), ("s", []), ("n", [2, 3]),
            ]
            for (name, extents) in reals where node.inputs.contains(name) {
                model.graph.initializer.append(
                    .with {
                        ($0.name, $0.dataType, $0.dims) = (name, 1, extents)
                        $0.floatData = (0..<extents.reduce(1, *)).map { 2 - Float($0 % 5) * 0.5 + ($0 == 4 ? 1 : 0) }
                    }
                )
            }
            let lists: [(String, [Int64], [Int64])] = [
                ("l0", [0], [1]), ("l1", [1], [1]), ("l2", [2, 1], [2]), ("shape", [3, 2], [2]),
                ("pads", [1, 0, 0, 1], [4]),
                ("r0", [0], []), ("r3", [3], []), ("r1", [1], []),
            ]
            for (name, numbers, extents) in lists where node.inputs.contains(name) {
                model.graph.initializer.append(
                    .with { ($0.name, $0.dataType, $0.dims, $0.int64Data) = (name, 7, extents, numbers) }
                )
            }
            let outputs = (0..<node.outputs).map { "o\($0)" }
            model.graph.node.append(
                .with {
                    ($0.name, $0.opType, $0.input, $0.output) = ("n", node.operation, node.inputs, outputs)
                    $0.attribute = node.attributes
                }
            )
            model.graph.output = outputs.map { name in
                .with {
                    $0.name = name
                    $0.type.tensorType.elemType = type(of: node.operation)
                }
            }
        }
    }

    /// Of the outputs: a wrong one is an error only after all has been computed.
    private static func type(of operation: String) -> Int32 {
        switch operation {
        case "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not": 9
        case "Shape", "Size", "ArgMax", "ArgMin", "Mod", "ReduceProd", "Range": 7
        default: 1
        }
    }
}
