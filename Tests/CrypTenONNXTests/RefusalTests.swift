import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("refusals")
struct RefusalTests {
    private func message(_ body: () throws -> Void) -> (CrypTenError.Code?, String) {
        do {
            try body()
            return (nil, "no error")
        } catch {
            let problem = error as? CrypTenError
            return (problem?.code, problem?.message ?? "\(error)")
        }
    }

    @Test("an operator that isn't known is refused by name when the model is loaded")
    func unknownOperator() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.node("Frobnicate", ["x"], name: "node 7")
        builder.output("y")
        let (code, text) = message { _ = try ONNXModel(bytes: try builder.bytes) }
        #expect(code == .unsupportedOperator)
        #expect(
            text
                == "unsupported operator Frobnicate (node node 7): it isn't among the operators that are computed on secrets here"
        )
    }

    @Test("operators of other domains, functions of graphs, and operators younger than the model are refused")
    func otherForms() throws {
        var builder = ModelBuilder(opset: 10)
        builder.input("x", .float, [2])
        builder.node("Gelu", ["x"])
        builder.output("y")
        #expect(
            message { _ = try ONNXModel(bytes: try builder.bytes) }.1.contains(
                "unsupported operator Gelu (node n): it exists from"
            )
        )
        builder.proto.graph.node[0].domain = "org.example"
        #expect(
            message { _ = try ONNXModel(bytes: try builder.bytes) }.1.contains(
                "org.example.Gelu (node n): operators of domain org.example aren't read"
            )
        )
        builder.proto.graph.node[0].domain = "com.microsoft"
        #expect(
            message { _ = try ONNXModel(bytes: try builder.bytes) }.1.contains(
                "node n (Gelu) is of com.microsoft, whose version the file doesn't say"
            )
        )
        builder.proto.graph.node[0].domain = ""
        builder.proto.graph.node[0].opType = "Relu"
        builder.proto.graph.node[0].attribute = [.with { ($0.name, $0.type) = ("body", .graph) }]
        #expect(message { _ = try ONNXModel(bytes: try builder.bytes) }.1.contains("its attribute body is a graph"))
    }

    @Test("operator sets after 28, and operators of a domain whose version isn't said, are refused")
    func operatorSets() throws {
        for (domain, version, expected) in [
            ("", 0, "m.onnx: unsupported operator set 0: versions 1 to 28"),
            ("", 99, "m.onnx: unsupported operator set 99"),
            ("ai.onnx.ml", 9, "m.onnx: unsupported operator set 9 of ai.onnx.ml: versions 1 to 5"),
        ] {
            var builder = ModelBuilder(opset: version)
            builder.proto.opsetImport[0].domain = domain
            builder.input("x", .float, [2])
            builder.node("Relu", ["x"])
            builder.output("y")
            let (code, text) = message { _ = try ONNXModel(bytes: try builder.bytes, name: "m.onnx") }
            #expect(code == .unsupportedOperator)
            #expect(text.hasPrefix(expected), "\(text)")
        }
    }

    @Test(
        "forms that can't be computed on secrets are refused at import",
        arguments: [
            ("Cast", ["x"], ["to": .int(8)], "unsupported operator Cast (node n): it makes elements of type 8"),
            (
                "MaxPool", ["x"], ["kernel_shape": .ints([1])],
                "unsupported operator MaxPool (node n): its input has shape [2, 3]"
            ),
        ] as [(String, [String], [String: ModelBuilder.Attribute], String)]
    )
    func forms(
        operation: String,
        inputs: [String],
        attributes: [String: ModelBuilder.Attribute],
        expected: String
    ) throws {
        var builder = ModelBuilder(opset: 20)
        builder.input("x", .float, [2, 3])
        builder.input("z", .float, [2, 3])
        builder.input("i", .int64, [2])
        builder.node(operation, inputs, ["y"], attributes)
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        let tensors = ["x": numbers([2, 3]), "z": numbers([2, 3]), "i": Tensor([0, 1], shape: [2])]
        let (code, text) = message { _ = try Imported(model, tensors) }
        #expect(code == .unsupportedOperator)
        #expect(text.hasPrefix(expected), "\(text)")
    }

    @Test("a shape that depends on an input needs the input's value")
    func secretShape() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2, 3])
        builder.input("shape", .int64, [1])
        builder.node("Reshape", ["x", "shape"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.inputs.map(\.mustBeKnown) == [false, true])
        let inputs = ["x": numbers([2, 3]), "shape": Tensor([6], shape: [1])]
        let (code, text) = message { _ = try Imported(model, inputs) }
        #expect(code == .invalidArgument)
        #expect(text.contains("input 'shape' decides a shape"))
        let results = try evaluate(model, inputs, publicValues: ["shape": Tensor([-1], shape: [1])])
        #expect(results["y"]?.shape == [6])
    }

    @Test("inputs of the wrong kind, shape or name are refused, and the message says what would be right")
    func inputs() throws {
        var builder = ModelBuilder()
        builder.input("a", .float, ["N", 3])
        builder.input("b", .float, ["N", 1])
        builder.node("Add", ["a", "b"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        let a = numbers([2, 3])
        let cases: [([String: Tensor], String)] = [
            (["a": a], "input 'b' is missing; the model has a float [N, 3]; b float [N, 1]"),
            (["a": a, "b": numbers([4, 1])], "input 'b' takes shape [N, 1], not [4, 1] (N = 2)"),
            (["a": numbers([2, 4]), "b": numbers([2, 1])], "input 'a' takes shape [N, 3], not [2, 4]"),
            (["a": numbers([2, 3, 1]), "b": numbers([2, 1])], "input 'a' takes shape [N, 3], not [2, 3, 1]"),
            (
                ["a": a, "b": Tensor([1, 2], shape: [2, 1])], "input 'b' takes float elements (kind real), not integer"
            ),
            (["a": a, "b": numbers([2, 1]), "c": a], "the model has no input 'c'"),
        ]
        for (inputs, expected) in cases {
            let text = message { _ = try Imported(model, inputs) }.1
            #expect(text.contains(expected), "\(text)")
        }
    }

    @Test("shapes that don't fit together are an error that names the node")
    func mismatch() throws {
        var builder = ModelBuilder()
        builder.input("a", .float, ["N", "K"])
        builder.constant("w", [1, 2, 3, 4, 5, 6], [3, 2])
        builder.node("MatMul", ["a", "w"], name: "product")
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        let (code, text) = message { _ = try Imported(model, ["a": numbers([2, 4])]) }
        #expect(code == .shapeMismatch)
        #expect(text.hasPrefix("node product (MatMul): "))
    }

    @Test("nodes on which no output depends aren't read")
    func deadNodes() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.node("Frobnicate", ["x"], ["unused"], name: "dead")
        builder.node("Relu", ["x"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(try evaluate(model, ["x": Tensor([-1.0, 2], shape: [2])])["y"]?.doubles == [0, 2])
    }
}
