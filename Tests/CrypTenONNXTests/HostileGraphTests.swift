import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

/// Graphs of a few bytes that ask for memory or time.
@Suite("a graph can't make its reader compute more than its own tensors justify")
struct HostileGraphTests {
    /// What the model ends in when it is read and applied to one input.
    private func failure(_ builder: ModelBuilder, _ shape: Shape = [2, 2]) -> CrypTenError? {
        do {
            let model = try ONNXModel(bytes: try builder.bytes)
            _ = try Imported(model, ["x": numbers(shape)])
            return nil
        } catch {
            return error as? CrypTenError
        }
    }

    private func builder(_ shape: [ONNXModel.Dimension] = [2, 2]) -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, shape)
        builder.output("y", .float)
        return builder
    }

    @Test("one constant of a shape with more elements than the allowance")
    func large() {
        var builder = builder()
        builder.constant("l", integers: [1 << 23])
        builder.node("ConstantOfShape", ["l"], ["c"], name: "c")
        builder.node("Add", ["x", "c"], name: "add")
        #expect(failure(builder)?.message.contains("a tensor of shape [8388608] would be computed") == true)
    }

    @Test("many that together have more, though each is small enough")
    func many() {
        var builder = builder()
        builder.constant("l", integers: [1 << 20])
        builder.node("ReduceSum", ["x"], ["s0"], name: "s0", ["keepdims": .int(0)])
        for index in 0..<16 {
            builder.node("ConstantOfShape", ["l"], ["c\(index)"], name: "c\(index)")
            builder.node("ReduceSum", ["c\(index)"], ["r\(index)"], name: "r\(index)", ["keepdims": .int(0)])
            builder.node("Add", ["s\(index)", "r\(index)"], [index == 15 ? "y" : "s\(index + 1)"], name: "a\(index)")
        }
        #expect(failure(builder)?.message.contains("would be computed") == true)
    }

    @Test("padding that repeats an element a billion times", arguments: ["reflect", "edge", "wrap"])
    func padding(mode: String) {
        var builder = builder()
        builder.constant("pads", integers: [0, 0, 1 << 30, 0])
        builder.node("Pad", ["x", "pads"], name: "pad", ["mode": .string(mode)])
        #expect(failure(builder)?.message.contains("padding of axis 0 would be computed") == true)
    }

    @Test("padding of the least number there is", arguments: [Int.min, .max])
    func padding(number: Int) {
        var builder = builder()
        builder.constant("pads", integers: [0, 0, number, 0])
        builder.node("Pad", ["x", "pads"], name: "pad")
        #expect(failure(builder)?.code == .malformedFile)
    }

    @Test("a product of public matrices, small but for the time it takes")
    func product() {
        var builder = builder()
        builder.constant("l", integers: [1024, 1024])
        builder.node("ConstantOfShape", ["l"], ["c"], name: "c")
        builder.node("MatMul", ["c", "c"], ["d"], name: "d")
        builder.node("Add", ["x", "d"], name: "add")
        #expect(failure(builder)?.message.contains("a product of shape [1024, 1024] would be computed") == true)
    }

    @Test("windows whose means have a factor each")
    func means() {
        var builder = builder([1, 1, .fixed(1 << 13), .fixed(1 << 13)])
        builder.node(
            "AveragePool",
            ["x"],
            name: "pool",
            ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])]
        )
        do {
            let model = try ONNXModel(bytes: try builder.bytes)
            let node = Node(
                source: .input(owner: .party(0), number: 0),
                shape: [1, 1, 1 << 13, 1 << 13],
                kind: .real,
                visibility: .secret,
                session: nil
            )
            _ = try model.apply(inputs: ["x": CrypTensor(node)], parameters: [:])
            Issue.record("it was applied")
        } catch {
            #expect((error as? CrypTenError)?.message.contains("windows of different sizes") == true)
        }
    }

    @Test("axes without end", arguments: ["Unsqueeze", "Tile"])
    func axes(operation: String) {
        var builder = builder()
        if operation == "Unsqueeze" {
            builder.constant("l", integers: Array(0..<5000))
            builder.node("Unsqueeze", ["x", "l"], name: "n")
        } else {
            builder.constant("l", integers: Array(0..<40))
            builder.constant("r", integers: Array(repeating: 1, count: 42))
            builder.node("Unsqueeze", ["x", "l"], ["u"], name: "u")
            builder.node("Tile", ["u", "r"], name: "n")
        }
        #expect(failure(builder)?.code == .shapeMismatch)
    }

    @Test("shape arithmetic and masks of real models are within the allowance")
    func real() throws {
        var builder = builder()
        builder.constant("l", integers: [1024, 1024])
        builder.constant("two", integers: [2, 2])
        builder.node("ConstantOfShape", ["l"], ["mask"], name: "mask")
        builder.node("Slice", ["mask", "zeros", "two"], ["part"], name: "part")
        builder.constant("zeros", integers: [0, 0])
        builder.node("Add", ["x", "part"], name: "add")
        #expect(failure(builder) == nil)
    }

    @Test(
        "numbers that no operator can mean are refused, and nothing traps",
        arguments: [
            ("Trilu", [[Int.max]], [:]), ("Trilu", [[Int.min]], [:]), ("CenterCropPad", [[Int.max, 2]], [:]),
            ("CumSum", [[Int.min]], [:]), ("TopK", [[Int.max]], [:]), ("TopK", [[-1]], [:]),
            ("GatherND", [[Int.min, Int.max]], [:]), ("Compress", [[1]], ["axis": .int(.max)]),
            ("EyeLike", [], ["k": .int(.min)]), ("Einsum", [], ["equation": .string("...........")]),
            ("Einsum", [], ["equation": .string("->->")]), ("SpaceToDepth", [], ["blocksize": .int(.max)]),
            ("LpPool", [], ["p": .int(.max), "kernel_shape": .ints([.max])]), ("LRN", [], ["size": .int(.min)]),
            ("Softmax", [], ["axis": .int(.min)]), ("Hardmax", [], ["axis": .int(.max)]),
            ("DFT", [[Int.max]], [:]), ("RNN", [[0]], [:]), ("Attention", [[0], [0]], [:]),
            ("Resize", [[]], ["mode": .string("quadratic")]), ("Scan", [], ["num_scan_inputs": .int(.max)]),
            ("LayerNormalization", [[1]], ["axis": .int(.min)]), ("LpNormalization", [], ["p": .int(3)]),
            ("ReverseSequence", [[Int.min, 0]], [:]), ("Det", [], [:]), ("OneHot", [[Int.max], [0, 1]], [:]),
        ] as [(String, [[Int]], [String: ModelBuilder.Attribute])]
    )
    func numbersWithoutMeaning(operation: String, constants: [[Int]], attributes: [String: ModelBuilder.Attribute]) {
        var builder = ModelBuilder(opset: 26)
        builder.input("x", .float, [2, 2])
        builder.output("y", .float)
        for (index, values) in constants.enumerated() { builder.constant("c\(index)", integers: values) }
        builder.node(operation, ["x"] + constants.indices.map { "c\($0)" }, name: "n", attributes)
        // A diagonal may lie anywhere, and a matrix has a determinant.
        let isFine = ["EyeLike", "Det"].contains(operation) || (operation == "Trilu" && constants == [[Int.min]])
        #expect((failure(builder) == nil) == isFine)
    }

    @Test("a graph inside an operator reads only what is there, and defines names once")
    func nestedGraphs() throws {
        func message(_ change: (inout Onnx_GraphProto) -> Void) throws -> String {
            var builder = builder()
            var body = Onnx_GraphProto()
            body.input = [.with { $0.name = "row" }]
            body.output = [.with { $0.name = "out" }]
            body.node = [.with { ($0.opType, $0.input, $0.output) = ("Neg", ["row"], ["out"]) }]
            change(&body)
            builder.node("Scan", ["x"], name: "n", ["num_scan_inputs": .int(1)])
            builder.proto.graph.node[0].attribute.append(
                try .with { ($0.name, $0.type, $0.g) = ("body", .graph, try body.serializedData()) }
            )
            return failure(builder)?.message ?? "none"
        }
        #expect(try message { _ in } == "none")
        #expect(try message { $0.node[0].input = ["stranger"] }.contains("reads 'stranger'"))
        #expect(try message { $0.node.append($0.node[0]) }.contains("'out' is defined twice"))
        #expect(try message { $0.input.append($0.input[0]) }.contains("'row' is defined twice in its graph"))
        #expect(try message { $0.output = [] }.contains("no outputs"))
        #expect(try message { $0.output[0].name = "nothing" }.contains("reads 'nothing'"))
        #expect(try message { $0.node[0].opType = "Scan" }.contains("it has no graph body"))
        #expect(try message { $0.node[0].opType = "If" }.contains("decides a condition that node n/out (If) reads"))
        #expect(try message { $0.input = [] }.contains("reads 'row'"))
    }
}
