import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("sequences and optional values")
struct SequenceTests {
    /// x of shape [2, 5], of which column j holds j and 10 + j.
    private let x = Tensor([0.0, 1, 2, 3, 4, 10, 11, 12, 13, 14], shape: [2, 5])

    private func builder(_ nodes: Onnx_NodeProto..., type: ONNXElementType = .float) -> ModelBuilder {
        var builder = ModelBuilder(opset: 18)
        builder.input("x", .float, [2, 5])
        for number in -6...6 { builder.constant("\(number)", integers: [number], []) }
        builder.constant("parts", integers: [2, 0, 3])
        builder.constant("axis", integers: [1])
        builder.proto.graph.node = nodes
        builder.output("y", type)
        return builder
    }

    private func result(_ builder: ModelBuilder) throws -> Tensor {
        let model = try ONNXModel(bytes: try builder.bytes)
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        let own = try Imported(model, ["x": x]).canonicalGraph
        #expect(try Imported(skeleton, ["x": x]).canonicalGraph == own)
        return try #require(try evaluate(model, ["x": x])["y"])
    }

    private func failure(_ builder: ModelBuilder) -> String {
        do {
            _ = try Imported(try ONNXModel(bytes: try builder.bytes), ["x": x])
            return "none"
        } catch {
            return (error as? CrypTenError)?.message ?? "another error"
        }
    }

    private func split(_ lengths: String...) -> Onnx_NodeProto {
        node("SplitToSequence", ["x"] + lengths, ["s"], name: "split", [.int("axis", 1)])
    }

    @Test(
        "pieces of one length, of given ones and of one element",
        arguments: [
            ("2", 0, [0.0, 1, 10, 11]), ("2", -1, [4, 14]), ("parts", 2, [2, 3, 4, 12, 13, 14]), ("", 3, [3, 13]),
        ]
    )
    func pieces(lengths: String, place: Int, expected: [Double]) throws {
        let piece = try result(builder(split(lengths), node("SequenceAt", ["s", "\(place)"], ["y"])))
        #expect(piece == Tensor(expected, shape: [2, expected.count / 2]))
    }

    @Test("without its axis, inserted, erased, counted and joined again")
    func changes() throws {
        let pieces = node("SplitToSequence", ["x"], ["s"], [.int("axis", 1), .int("keepdims", 0)])
        let rows = try result(
            builder(
                pieces,
                node("SequenceAt", ["s", "-2"], ["e"]),
                node("SequenceErase", ["s", "0"], ["s1"]),
                node("SequenceErase", ["s1"], ["s2"]),
                node("SequenceInsert", ["s2", "e", "-3"], ["s3"]),
                node("SequenceInsert", ["s3", "e"], ["s4"]),
                node("ConcatFromSequence", ["s4"], ["y"], [.int("axis", 0), .int("new_axis", 1)])
            )
        )
        #expect(rows == Tensor([3.0, 13, 1, 11, 2, 12, 3, 13, 3, 13], shape: [5, 2]))
        let count = builder(split("2"), node("SequenceLength", ["s"], ["y"]), type: .int64)
        #expect(try result(count).integers == [3])
        let joined = builder(split("2"), node("ConcatFromSequence", ["s"], ["y"], [.int("axis", -1)]))
        #expect(try result(joined) == x)
    }

    @Test("a graph for each tensor of a sequence, and a sequence that a loop makes")
    func graphs() throws {
        let map = node(
            "SequenceMap",
            ["s", "s", "x"],
            ["m"],
            [
                try .graph(
                    "body",
                    graph(
                        ["a", "b", "all"],
                        [
                            node("ReduceSum", ["all", "axis"], ["sum"]), node("Mul", ["a", "b"], ["p"]),
                            node("Add", ["p", "sum"], ["q"]),
                        ],
                        ["q"]
                    )
                )
            ]
        )
        let mapped = try result(builder(split("2"), map, node("SequenceAt", ["m", "2"], ["y"])))
        #expect(mapped == Tensor([16.0 + 10, 196 + 60], shape: [2, 1]))
        let loop = node(
            "Loop",
            ["3", "", "empty"],
            ["s"],
            [
                try .graph(
                    "body",
                    graph(
                        ["i", "c", "list"],
                        [
                            node("Gather", ["x", "i"], ["column"], [.int("axis", 1)]), node("Identity", ["c"], ["d"]),
                            node("SequenceInsert", ["list", "column", "0"], ["longer"]),
                        ],
                        ["d", "longer"]
                    )
                )
            ]
        )
        let made = builder(
            node("SequenceEmpty", [], ["empty"]),
            loop,
            node("ConcatFromSequence", ["s"], ["y"], [.int("axis", 0)])
        )
        #expect(try result(made) == Tensor([2.0, 12, 1, 11, 0, 10], shape: [6]))
    }

    @Test("optional values that are there and that aren't")
    func optional() throws {
        let there = builder(
            node("Optional", ["x"], ["o"]),
            node("OptionalHasElement", ["o"], ["c"]),
            node(
                "If",
                ["c"],
                ["y"],
                [
                    try .graph("then_branch", graph([], [node("OptionalGetElement", ["o"], ["v"])], ["v"])),
                    try .graph("else_branch", graph([], [node("Neg", ["x"], ["v"])], ["v"])),
                ]
            )
        )
        #expect(try result(there) == x)
        var none = there
        none.proto.graph.node[0].input = []
        #expect(try result(none).doubles == x.doubles.map { -$0 })
    }

    @Test("weights in a sequence stay secret")
    func weights() throws {
        var builder = builder(
            node("SequenceConstruct", ["w", "x"], ["s"]),
            node("SequenceAt", ["s", "0"], ["v"]),
            node("Add", ["v", "x"], ["y"])
        )
        builder.constant("w", [1, 2, 3, 4, 5], [1, 5])
        #expect(try result(builder).doubles == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
        #expect(try ONNXModel(bytes: try builder.bytes).parameters.map(\.name) == ["w"])
    }

    @Test("places outside, lists where tensors belong, and tensors where lists do, are refused with a sentence")
    func refusals() throws {
        for place in ["3", "-4"] {
            #expect(
                failure(builder(split("2"), node("SequenceAt", ["s", place], ["y"], name: "at")))
                    == "node at (SequenceAt): position \(place) lies outside a sequence of 3 tensors"
            )
        }
        #expect(
            failure(builder(split("2"), node("Neg", ["s"], ["y"], name: "neg"))).contains(
                "a sequence of 3 tensors stands where a tensor belongs"
            )
        )
        #expect(
            failure(builder(node("SequenceLength", ["x"], ["y"], name: "n"), type: .int64)).contains(
                "input 0 isn't a sequence"
            )
        )
        #expect(
            failure(builder(node("SplitToSequence", ["x"], ["y"]))).contains(
                "output 'y' is a sequence of 2 tensors, and only tensors are written"
            )
        )
        #expect(
            failure(builder(split("0"), node("SequenceAt", ["s", "0"], ["y"]))).contains("pieces of length 0 are none")
        )
        #expect(failure(builder(split("axis"), node("SequenceAt", ["s", "0"], ["y"]))).contains("don't add up to 5"))
        #expect(
            failure(
                builder(
                    node("SequenceEmpty", [], ["s"]),
                    node("SequenceErase", ["s"], ["t"]),
                    node("SequenceLength", ["t"], ["y"]),
                    type: .int64
                )
            ).contains("an empty sequence has no last tensor")
        )
        #expect(
            failure(builder(node("Optional", [], ["o"]), node("OptionalGetElement", ["o"], ["y"], name: "get")))
                .contains("node get (OptionalGetElement): there is no value to get")
        )
        let secret = builder(
            split("2"),
            node("ReduceMax", ["x"], ["m"]),
            node("Cast", ["m"], ["p"], [.int("to", 7)]),
            node("SequenceAt", ["s", "p"], ["y"], name: "at")
        )
        #expect(failure(secret).contains("input 'x' decides an address that node at (SequenceAt) reads"))
        var file = builder(node("SequenceLength", ["q"], ["y"]), type: .int64)
        file.proto.graph.input.append(.with { ($0.name, $0.type.sequenceType) = ("q", Data()) })
        #expect(failure(file).contains("input 'q': it is a sequence, and only dense tensors are read and written"))
    }
}
