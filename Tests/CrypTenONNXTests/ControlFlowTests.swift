import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("branches and loops that nothing secret decides")
struct ControlFlowTests {
    private func failure(_ builder: ModelBuilder, _ inputs: [String: Tensor] = [:]) -> CrypTenError? {
        do {
            let model = try ONNXModel(bytes: try builder.bytes, name: "m.onnx")
            _ = try Imported(model, inputs)
            return nil
        } catch {
            return error as? CrypTenError
        }
    }

    /// `x·a` where x has more than two rows, otherwise `x + x·b`, where the sum is a branch's own of a condition that is constant.
    private func branches() throws -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 2])
        builder.constant("zero", integers: [0], [])
        builder.constant("two", integers: [2], [])
        builder.constant("true", integers: [1], [])
        builder.node("Shape", ["x"], ["shape"], name: "shape")
        builder.node("Gather", ["shape", "zero"], ["rows"], name: "rows")
        builder.node("Greater", ["rows", "two"], ["many"], name: "many")
        let inner = node(
            "If",
            ["true"],
            ["sum"],
            name: "inner",
            [
                try .graph("then_branch", graph([], [node("Add", ["x", "p"], ["s"])], ["s"])),
                try .graph("else_branch", graph([], [node("Sub", ["x", "w"], ["s"])], ["s"], ["w": [9, 9]])),
            ]
        )
        builder.nodes(
            node(
                "If",
                ["many"],
                ["y"],
                name: "if",
                [
                    try .graph("then_branch", graph([], [node("Mul", ["x", "w"], ["p"])], ["p"], ["w": [2, 3]])),
                    try .graph(
                        "else_branch",
                        graph([], [inner, node("Mul", ["x", "w"], ["p"], name: "product")], ["sum"], ["w": [5, 7]])
                    ),
                ]
            )
        )
        builder.output("y", .float, ["N", 2])
        return builder
    }

    @Test(
        "of a branch on an extent the one runs that the input's shape chooses; its constants are secret as others are"
    )
    func branch() throws {
        let model = try ONNXModel(bytes: try branches().bytes)
        let many = Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2])
        let few = Tensor([1.0, 2], shape: [1, 2])
        #expect(try evaluate(model, ["x": many])["y"]?.doubles == [2, 6, 6, 12, 10, 18])
        #expect(try evaluate(model, ["x": few])["y"]?.doubles == [6, 16])
        #expect(
            Set(model.constants.filter { $0.visibility == .secret }.map(\.name))
                == ["if/then_branch/w", "if/else_branch/w", "if/else_branch/inner/else_branch/w"]
        )
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        #expect(skeleton.parameters.map(\.name) == model.parameters.map(\.name))
        for x in [many, few] {
            let own = try Imported(model, ["x": x]).canonicalGraph
            #expect(try Imported(skeleton, ["x": x]).canonicalGraph == own)
        }
        #expect(try skeleton.skeleton() == model.skeleton())
    }

    @Test(
        "a condition that is a public input must be known; one that depends on a secret is refused, with what can be done"
    )
    func conditions() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.input("flag", .bool, [])
        builder.nodes(
            node(
                "If",
                ["flag"],
                ["y"],
                name: "if",
                [
                    try .graph("then_branch", graph([], [node("Neg", ["x"], ["s"])], ["s"])),
                    try .graph("else_branch", graph([], [node("Identity", ["x"], ["s"])], ["s"])),
                ]
            )
        )
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.inputs.map(\.mustBeKnown) == [false, true])
        let x = Tensor([1.0, -2], shape: [2])
        for (flag, expected) in [(true, [-1.0, 2]), (false, [1, -2])] {
            let value = Tensor(.bool([flag]), shape: [])
            #expect(try evaluate(model, ["x": x], publicValues: ["flag": value])["y"]?.doubles == expected)
        }
        let message = failure(builder, ["x": x, "flag": Tensor(.bool([true]), shape: [])])?.message ?? ""
        #expect(message.contains("input 'flag' decides a condition that node if (If) reads"))
        #expect(message.contains("compute both and choose with Where"))
        builder.proto.graph.node[0].input = ["c"]
        builder.node("ReduceMax", ["x"], ["c"], name: "max", ["keepdims": .int(0)])
        let computed = failure(builder, ["x": x, "flag": Tensor(.bool([true]), shape: [])])?.message ?? ""
        #expect(computed.contains("input 'x' decides a condition that node if (If) reads, through arithmetic"))
    }

    /// A state that is multiplied by 2 and to which x is added, and what is kept of each turn: the state and the turn's number.
    private func loop(
        _ inputs: [String],
        next: [Onnx_NodeProto] = [node("Identity", ["goes"], ["on"])]
    ) throws -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.constant("four", integers: [4], [])
        builder.constant("many", integers: [1 << 62], [])
        builder.constant("least", integers: [Int.min], [])
        builder.constant("most", integers: [Int.max], [])
        builder.constant("one", integers: [1], [])
        builder.constant("three", integers: [3], [])
        builder.constant("two", [2], [])
        builder.node("Cast", ["one"], ["true"], name: "true", ["to": .int(9)])
        builder.nodes(
            node(
                "Loop",
                inputs,
                ["last", "states", "turns"],
                name: "loop",
                [
                    try .graph(
                        "body",
                        graph(
                            ["turn", "goes", "state"],
                            [
                                node("Mul", ["state", "two"], ["d"]), node("Add", ["d", "x"], ["new"]),
                                node("Add", ["turn", "one"], ["number"]),
                            ] + next,
                            ["on", "new", "new", "number"]
                        )
                    )
                ]
            )
        )
        builder.output("last")
        builder.output("states")
        builder.output("turns", .int64)
        return builder
    }

    @Test(
        "a loop runs as often as is known, keeps states and what each turn gives, and ends early by a condition that is known"
    )
    func loops() throws {
        let x = Tensor([1.0, -1], shape: [2])
        let stops = [node("Less", ["turn", "one"], ["on"])]
        let counts = [node("Less", ["number", "three"], ["on"])]
        for (inputs, next, turns) in [
            (["four", "true", "x"], nil, 4), (["four", "", "x"], nil, 4), (["four", "true", "x"], stops, 2),
            (["", "true", "x"], counts, 3), (["most", "true", "x"], counts, 3), (["least", "true", "x"], nil, 0),
        ] as [([String], [Onnx_NodeProto]?, Int)] {
            let builder = try next.map { try loop(inputs, next: $0) } ?? loop(inputs)
            let model = try ONNXModel(bytes: try builder.bytes)
            let results = try evaluate(model, ["x": x])
            var (state, states) = ([1.0, -1], [Double]())
            for _ in 0..<turns {
                state = zip(state, [1.0, -1]).map { 2 * $0 + $1 }
                states += state
            }
            #expect(results["last"]?.doubles == state)
            #expect(results["states"]?.doubles == states)
            #expect(results["states"]?.shape == [turns, 2])
            #expect(results["turns"]?.integers == (1..<Int64(turns + 1)).map { $0 })
            let skeleton = try ONNXModel(skeleton: try model.skeleton())
            let own = try Imported(model, ["x": x]).canonicalGraph
            #expect(try Imported(skeleton, ["x": x]).canonicalGraph == own)
        }
    }

    @Test("loops without end, and those that a secret would end, are refused with a sentence")
    func refusedLoops() throws {
        let x = Tensor([1.0, -1], shape: [2])
        for inputs in [["many", "true", "x"], ["", "", "x"], ["", "true", "x"]] {
            let error = failure(try loop(inputs), ["x": x])
            #expect(error?.message.contains("unsupported operator Loop (node loop): it takes too many steps") == true)
        }
        let secret = try loop(
            ["four", "true", "x"],
            next: [node("ReduceMax", ["x"], ["m"]), node("Cast", ["m"], ["on"], [.int("to", 9)])]
        )
        let message = failure(secret, ["x": x])?.message ?? ""
        #expect(message.contains("input 'x' decides a condition that node loop (Loop) reads, through arithmetic"))
        var few = try loop(["four", "true", "x"])
        few.proto.graph.node[1].input.append("x")
        #expect(failure(few, ["x": x])?.message.contains("its graph takes 3 inputs and gives 4, with 2 states") == true)
    }

    @Test("graphs in graphs read what is around them, loops in loops and a scan in a branch")
    func nested() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [3, 2])
        for (name, number) in [("three", 3), ("one", 1)] { builder.constant(name, integers: [number], []) }
        builder.constant("start", [0, 0], [2])
        // Three times: the state becomes the sums of x's rows so far, and then one is added as many times as there were turns.
        let scan = node(
            "Scan",
            ["start", "state"],
            ["", "sums"],
            name: "scan",
            [
                .int("num_scan_inputs", 1),
                try .graph(
                    "body",
                    graph(
                        ["s", "row"],
                        [node("Add", ["s", "row"], ["t"]), node("Identity", ["t"], ["u"])],
                        ["t", "u"]
                    )
                ),
            ]
        )
        let inner = node(
            "Loop",
            ["turn", "", "sums"],
            ["more"],
            name: "inner",
            [
                try .graph(
                    "body",
                    graph(
                        ["i", "c", "v"],
                        [node("Add", ["v", "w"], ["v2"]), node("Identity", ["c"], ["c2"])],
                        ["c2", "v2"],
                        ["w": [1]]
                    )
                )
            ]
        )
        builder.nodes(
            node(
                "Loop",
                ["three", "", "x"],
                ["y"],
                name: "outer",
                [
                    try .graph(
                        "body",
                        graph(
                            ["turn", "c", "state"],
                            [inner, scan, node("Identity", ["c"], ["d"])],
                            ["d", "more"]
                        )
                    )
                ]
            )
        )
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.constants.contains { $0.name == "outer/inner/w" && $0.visibility == .secret })
        var state: [[Double]] = [[1, 2], [3, 4], [5, 6]]
        for turn in 0..<3 {
            var sum = [0.0, 0]
            for row in state.indices {
                sum = zip(sum, state[row]).map { $0 + $1 }
                state[row] = sum.map { $0 + Double(turn) }
            }
        }
        let x = Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2])
        #expect(try evaluate(model, ["x": x])["y"]?.doubles == state.flatMap { $0 })
    }

    @Test("a branch without a condition, or without one of its graphs, is refused")
    func incomplete() throws {
        let x = Tensor([1.0, 2], shape: [2])
        for (inputs, name, words) in [
            ([], "then_branch", "its condition is missing"), ([""], "then_branch", "its condition is missing"),
            (["c"], "then_branch", "it has no graph else_branch"), (["c"], "body", "its attribute body is a graph"),
            (["c", "c"], "then_branch", "it has no graph else_branch"),
        ] {
            var builder = ModelBuilder()
            builder.input("x", .float, [2])
            builder.constant("c", integers: [0], [])
            let graph = try Onnx_AttributeProto.graph(name, graph([], [node("Neg", ["x"], ["r"])], ["r"]))
            builder.nodes(node("If", inputs, ["y"], name: "if", [graph]))
            builder.output("y")
            let message = failure(builder, ["x": x])?.message ?? "none"
            #expect(message.contains(words), "\(message)")
        }
    }

    @Test("graphs too deep in graphs are refused")
    func depth() throws {
        var body = graph([], [node("Neg", ["x"], ["y"])], ["y"])
        for level in 0..<40 {
            let nodes = [
                node(
                    "If",
                    ["c"],
                    ["y"],
                    [
                        try .graph("then_branch", body),
                        try .graph("else_branch", graph([], [node("Neg", ["x"], ["y"])], ["y"])),
                    ]
                )
            ]
            body = graph([], nodes, ["y"])
            var builder = ModelBuilder()
            builder.input("x", .float, [2])
            builder.constant("c", integers: [1], [])
            builder.proto.graph.node = body.node
            builder.output("y")
            let error = failure(builder, ["x": Tensor([1.0, 2], shape: [2])])
            #expect((error == nil) == (level < 16))
            if let error { #expect(error.message.contains("stands too deep in graphs of other nodes")) }
        }
    }
}
