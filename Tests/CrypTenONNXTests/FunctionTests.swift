import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("functions that a model defines")
struct FunctionTests {
    private func function(
        _ name: String,
        _ inputs: [String],
        _ outputs: [String],
        _ nodes: [Onnx_NodeProto],
        attributes: [String] = [],
        defaults: [Onnx_AttributeProto] = [],
        opset: Int = 17
    ) -> Onnx_FunctionProto {
        .with {
            ($0.domain, $0.name, $0.input, $0.output, $0.node) = ("pkg", name, inputs, outputs, nodes)
            ($0.attribute, $0.attributeProto) = (attributes, defaults)
            $0.opsetImport = [.with { $0.version = Int64(opset) }, .with { ($0.domain, $0.version) = ("pkg", 1) }]
        }
    }

    private func builder(
        _ functions: [Onnx_FunctionProto],
        _ nodes: [Onnx_NodeProto],
        outputs: [String] = ["y"]
    ) -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, [2, 2])
        builder.constant("w", [0.5, -1, 2, 3], [2, 2])
        builder.proto.opsetImport.append(.with { ($0.domain, $0.version) = ("pkg", 1) })
        builder.proto.functions = functions
        builder.proto.graph.node = nodes
        for output in outputs { builder.output(output) }
        return builder
    }

    private func failure(_ builder: ModelBuilder) -> String {
        do {
            _ = try ONNXModel(bytes: try builder.bytes, name: "m.onnx")
            return "none"
        } catch {
            return (error as? CrypTenError)?.message ?? "another error"
        }
    }

    /// A product and a leaky rectifier, whose names are also the caller's.
    private var block: Onnx_FunctionProto {
        function(
            "Block",
            ["a", "b"],
            ["x", "t"],
            [
                node("MatMul", ["a", "b"], ["t"], name: "product"),
                node("LeakyRelu", ["t"], ["x"], name: "leaky", [.reference("alpha", to: "slope", .float)]),
            ],
            defaults: [.float("slope", 0.25)]
        )
    }

    private let x = Tensor([1.0, -2, 3, -4], shape: [2, 2])
    private let w = [0.5, -1, 2, 3]

    private func blockOf(_ x: [Double], slope: Double) -> (x: [Double], t: [Double]) {
        let t = [
            x[0] * w[0] + x[1] * w[2], x[0] * w[1] + x[1] * w[3], x[2] * w[0] + x[3] * w[2], x[2] * w[1] + x[3] * w[3],
        ]
        return (t.map { $0 < 0 ? $0 * slope : $0 }, t)
    }

    @Test(
        "calls, of functions by functions, too, compute what the bodies say, with the call's attributes and their defaults"
    )
    func calls() throws {
        let twice = function(
            "Twice",
            ["x", "w"],
            ["y", "t"],
            [
                node("Block", ["x", "w"], ["t"], domain: "pkg", [.reference("slope", to: "first", .float)]),
                node("Block", ["t", "w"], ["y"], name: "second", domain: "pkg"),
            ],
            attributes: ["first"]
        )
        let nodes = [
            node("Add", ["u", "x"], ["y"], name: "add"),
            node("Twice", ["x", "w"], ["u", "t"], name: "call", domain: "pkg", [.float("first", 0.5)]),
            node("Block", ["x", "w"], ["", "z"], name: "other", domain: "pkg"),
        ]
        let model = try ONNXModel(bytes: try builder([block, twice], nodes, outputs: ["y", "z", "t"]).bytes)
        let first = blockOf(x.doubles, slope: 0.5)
        let second = blockOf(first.x, slope: 0.25)
        let results = try evaluate(model, ["x": x])
        #expect(
            distance(try #require(results["y"]), Tensor(zip(second.x, x.doubles).map { $0 + $1 }, shape: [2, 2])) < 1e-6
        )
        #expect(results["z"]?.doubles == first.t)
        #expect(results["t"]?.doubles == first.x)
        let skeleton = try model.skeleton()
        let read = try Onnx_ModelProto(serializedBytes: skeleton)
        #expect(read.functions.isEmpty)
        #expect(
            Set(read.graph.node.map(\.name)) == [
                "add", "call/t/product", "call/t/leaky", "call/second/product", "call/second/leaky", "other/product",
            ]
        )
        let own = try Imported(model, ["x": x]).canonicalGraph
        #expect(try Imported(try ONNXModel(skeleton: skeleton), ["x": x]).canonicalGraph == own)
    }

    @Test("an output that is an input, one that is given twice, and an input that is left out")
    func ends() throws {
        let ends = function("Ends", ["a", "low"], ["a", "c", "c"], [node("Clip", ["a", "low"], ["c"])])
        let nodes = [
            node("Ends", ["x"], ["p", "q", "r"], name: "call", domain: "pkg"),
            node("Sum", ["p", "q", "r", "o"], ["y"]),
            node("MatMul", ["x", "w"], ["o"]),
        ]
        let model = try ONNXModel(bytes: try builder([ends], nodes).bytes)
        let expected = zip(x.doubles, blockOf(x.doubles, slope: 1).t).map { 3 * $0 + $1 }
        #expect(try evaluate(model, ["x": x])["y"]?.doubles == expected)
    }

    @Test("a graph in a function reads the function's names, whatever the caller calls its own")
    func nested() throws {
        let branch = function(
            "Branch",
            ["a"],
            ["y"],
            [
                node("Constant", [], ["one"], [.int("value_int", 1)]),
                node("Cast", ["one"], ["c"], [.int("to", 9)]),
                node(
                    "If",
                    ["c"],
                    ["y"],
                    name: "if",
                    [
                        try .graph(
                            "then_branch",
                            graph([], [node("Neg", ["a"], ["x"]), node("Mul", ["x", "a"], ["r"])], ["r"])
                        ),
                        try .graph("else_branch", graph([], [node("Neg", ["a"], ["r"])], ["r"])),
                    ]
                ),
            ]
        )
        let model = try ONNXModel(
            bytes: try builder(
                [branch],
                [node("Branch", ["x"], ["h"], name: "call", domain: "pkg"), node("MatMul", ["h", "w"], ["y"])]
            ).bytes
        )
        #expect(try evaluate(model, ["x": x])["y"]?.doubles == blockOf(x.doubles.map { -$0 * $0 }, slope: 1).t)
    }

    @Test("functions that call themselves, read what they don't define, or don't fit their calls are refused by name")
    func hostile() {
        func call(_ name: String, _ inputs: [String] = ["x"], _ outputs: [String] = ["y"]) -> Onnx_NodeProto {
            node(name, inputs, outputs, name: "call", domain: "pkg")
        }
        let own = function("Own", ["a"], ["b"], [node("Own", ["a"], ["b"], domain: "pkg")])
        #expect(
            failure(builder([own], [call("Own")]))
                == "m.onnx: node call/b: a function calls itself: pkg.Own calls pkg.Own"
        )
        let ping = function("Ping", ["a"], ["b"], [node("Pong", ["a"], ["b"], domain: "pkg")])
        let pong = function("Pong", ["a"], ["b"], [node("Ping", ["a"], ["b"], domain: "pkg")])
        #expect(failure(builder([ping, pong], [call("Ping")])).contains("pkg.Ping calls pkg.Pong calls pkg.Ping"))
        let reads = function("Reads", ["a"], ["b"], [node("Add", ["a", "w"], ["b"])])
        #expect(
            failure(builder([reads], [call("Reads")])).contains(
                "function pkg.Reads reads 'w', which nothing in it defines"
            )
        )
        let gives = function("Gives", ["a"], ["c"], [node("Neg", ["a"], ["b"])])
        #expect(
            failure(builder([gives], [call("Gives")])).contains(
                "function pkg.Gives reads 'c', which nothing in it defines"
            )
        )
        let double = function("Double", ["a", "a"], ["b"], [node("Neg", ["a"], ["b"])])
        #expect(failure(builder([double], [call("Double")])).contains("'a' is defined twice in function pkg.Double"))
        #expect(
            failure(builder([block], [call("Block", ["x", "w", "x"])])).contains(
                "with 3 inputs and 1 outputs, and it has 2 and 2"
            )
        )
        #expect(
            failure(builder([block, block], [call("Block", ["x", "w"])])).contains(
                "function pkg.Block is defined twice"
            )
        )
        #expect(failure(builder([], [call("Block", ["x", "w"])])).contains("unsupported operator pkg.Block"))
        // Softmax has another meaning from version 13 on.
        let old = function("Old", ["a"], ["b"], [node("Softmax", ["a"], ["b"])], opset: 11)
        #expect(failure(builder([old], [call("Old")])).contains("its function uses operator set 11, the model 17"))
        let lost = node("LeakyRelu", ["x"], ["y"], [.reference("alpha", to: "slope", .float)])
        #expect(failure(builder([], [lost])).contains("and the node stands in no function"))
        let wrong = function(
            "Wrong",
            ["a"],
            ["b"],
            [node("LeakyRelu", ["a"], ["b"], [.reference("alpha", to: "s", .float)])],
            defaults: [.int("s", 1)]
        )
        #expect(
            failure(builder([wrong], [call("Wrong")])).contains("attribute alpha has another type than s of the call")
        )
    }

    @Test("functions that call each other twice, or in a long row, are refused within the budget")
    func growth() {
        let levels = (0..<60).map { level in
            function(
                "F\(level)",
                ["a"],
                ["b"],
                level == 0
                    ? [node("Neg", ["a"], ["b"])]
                    : [
                        node("F\(level - 1)", ["a"], ["c"], domain: "pkg"),
                        node("F\(level - 1)", ["c"], ["b"], domain: "pkg"),
                    ]
            )
        }
        #expect(
            failure(builder(levels, [node("F59", ["x"], ["y"], domain: "pkg")])).contains("than the file justifies")
        )
        let row = (0..<1000).map { level in
            function(
                "F\(level)",
                ["a"],
                ["b"],
                [level == 0 ? node("Neg", ["a"], ["b"]) : node("F\(level - 1)", ["a"], ["b"], domain: "pkg")]
            )
        }
        #expect(
            failure(builder(row, [node("F999", ["x"], ["y"], domain: "pkg")])).contains(
                "more than 64 functions call each other"
            )
        )
    }
}
