import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

@Suite("operators that rearrange")
struct StructureOperatorTests {
    /// 0, 1, 2 … in a shape.
    private func counting(_ shape: Shape) -> Tensor {
        Tensor((0..<shape.count).map(Double.init), shape: shape)
    }

    @Test("shapes change")
    func shapes() throws {
        let x = counting([2, 3, 1, 4])
        func shape(
            _ operation: String,
            opset: Int = 17,
            _ constants: [(String, [Int])] = [],
            _ attributes: [String: ModelBuilder.Attribute] = [:]
        ) throws -> Shape {
            let result = try evaluate(operation, opset: opset, [("x", x)], constants: constants, attributes)[0]
            #expect(result.doubles == x.doubles)
            return result.shape
        }
        #expect(try shape("Flatten") == [2, 12])
        #expect(try shape("Flatten", [], ["axis": .int(0)]) == [1, 24])
        #expect(try shape("Flatten", [], ["axis": .int(-1)]) == [6, 4])
        #expect(try shape("Flatten", [], ["axis": .int(4)]) == [24, 1])
        #expect(try shape("Reshape", [("s", [0, -1])]) == [2, 12])
        #expect(try shape("Reshape", [("s", [4, 6])]) == [4, 6])
        #expect(try shape("Squeeze", [("a", [2])]) == [2, 3, 4])
        #expect(try shape("Squeeze") == [2, 3, 4])
        #expect(try shape("Squeeze", opset: 11, [], ["axes": .ints([-2])]) == [2, 3, 4])
        #expect(try shape("Unsqueeze", [("a", [0, -1])]) == [1, 2, 3, 1, 4, 1])
        #expect(try shape("Unsqueeze", opset: 11, [], ["axes": .ints([1])]) == [2, 1, 3, 1, 4])
        for broken in [[5, 5], [-1, -1], [5, -1], [0, 0, 0, 0, 0]] {
            #expect(throws: CrypTenError.self) { try shape("Reshape", [("s", broken)]) }
        }
    }

    @Test("axes move")
    func transpose() throws {
        let x = counting([2, 3])
        #expect(try evaluate("Transpose", [("x", x)])[0] == Tensor([0.0, 3, 1, 4, 2, 5], shape: [3, 2]))
        let cube = try evaluate("Transpose", [("x", counting([2, 1, 3]))], ["perm": .ints([1, 2, 0])])[0]
        #expect(cube == Tensor([0.0, 3, 1, 4, 2, 5], shape: [1, 3, 2]))
    }

    @Test("parts are cut as Python cuts them")
    func slices() throws {
        let x = counting([4, 5])
        func rows(_ starts: [Int], _ ends: [Int], _ axes: [Int]? = nil, _ steps: [Int]? = nil) throws -> Tensor {
            var constants = [("s", starts), ("e", ends)]
            var order = ["x", "s", "e"]
            if let axes {
                constants.append(("a", axes))
                order.append("a")
            }
            if let steps {
                constants.append(("t", steps))
                order += axes == nil ? ["", "t"] : ["t"]
            }
            return try evaluate("Slice", [("x", x)], constants: constants, order: order)[0]
        }
        #expect(try rows([1], [3]) == Tensor((5..<15).map(Double.init), shape: [2, 5]))
        #expect(try rows([1, -2], [99, .max]).doubles == [8, 9, 13, 14, 18, 19])
        #expect(try rows([0], [2], [-1]).doubles == [0, 1, 5, 6, 10, 11, 15, 16])
        #expect(try rows([-1], [.min], [1], [-2]).doubles == [4, 2, 0, 9, 7, 5, 14, 12, 10, 19, 17, 15])
        #expect(try rows([3], [1], [0]).shape == [0, 5])
        #expect(try rows([0], [4], nil, [3]).doubles == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19])
        let old = try evaluate(
            "Slice",
            opset: 9,
            [("x", x)],
            ["starts": .ints([1]), "ends": .ints([-1]), "axes": .ints([0])]
        )[0]
        #expect(old.doubles == (5..<15).map(Double.init))
    }

    @Test("splits, joins and copies")
    func parts() throws {
        let x = counting([2, 5])
        let outputs: [(String, ONNXElementType)] = [("a", .float), ("b", .float)]
        let given = try evaluate("Split", [("x", x)], constants: [("s", [2, 3])], outputs: outputs, ["axis": .int(1)])
        #expect(given.map(\.doubles) == [[0, 1, 5, 6], [2, 3, 4, 7, 8, 9]])
        let equal = try evaluate(
            "Split",
            opset: 18,
            [("x", x)],
            outputs: outputs,
            ["axis": .int(1), "num_outputs": .int(2)]
        )
        #expect(equal.map(\.doubles) == [[0, 1, 2, 5, 6, 7], [3, 4, 8, 9]])
        #expect(try evaluate("Split", opset: 11, [("x", x)], outputs: outputs)[1].doubles == [5, 6, 7, 8, 9])
        let joined = try evaluate("Concat", [("a", given[0]), ("b", given[1])], ["axis": .int(-1)])[0]
        #expect(joined == x)
        #expect(
            try evaluate("Expand", [("x", counting([2, 1]))], constants: [("s", [3, 1, 2])])[0].doubles == [
                0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1,
            ]
        )
        #expect(
            try evaluate("Tile", [("x", counting([1, 2]))], constants: [("r", [2, 2])])[0]
                == Tensor([0.0, 1, 0, 1, 0, 1, 0, 1], shape: [2, 4])
        )
    }

    @Test("padding adds numbers or elements of its own, and takes away where it is negative")
    func pads() throws {
        let x = counting([1, 4])
        func padded(_ mode: String, _ pads: [Int]) throws -> Tensor {
            try evaluate("Pad", opset: 19, [("x", x)], constants: [("p", pads)], ["mode": .string(mode)])[0]
        }
        #expect(try padded("constant", [0, 1, 0, 2]).doubles == [0, 0, 1, 2, 3, 0, 0])
        #expect(try padded("constant", [1, -1, 0, 1]) == Tensor([0.0, 0, 0, 0, 1, 2, 3, 0], shape: [2, 4]))
        #expect(try padded("edge", [0, 2, 0, 1]).doubles == [0, 0, 0, 1, 2, 3, 3])
        #expect(try padded("reflect", [0, 2, 0, 3]).doubles == [2, 1, 0, 1, 2, 3, 2, 1, 0])
        #expect(try padded("wrap", [0, 1, 0, 5]).doubles == [3, 0, 1, 2, 3, 0, 1, 2, 3, 0])
        let old = try evaluate("Pad", opset: 7, [("x", x)], ["pads": .ints([0, 1, 0, 0]), "value": .float(-7)])[0]
        #expect(old.doubles == [-7, 0, 1, 2, 3])
        let axes = try evaluate(
            "Pad",
            opset: 18,
            [("x", x)],
            constants: [("p", [1, 1]), ("a", [-1])],
            order: ["x", "p", "", "a"]
        )[0]
        #expect(axes == Tensor([0.0, 0, 1, 2, 3, 0], shape: [1, 6]))
    }

    @Test("rows are gathered by the model's indices and by public ones of the run")
    func gather() throws {
        let x = counting([3, 2])
        let fixed = try evaluate("Gather", [("x", x)], constants: [("i", [2, -3, 1])])[0]
        #expect(fixed == Tensor([4.0, 5, 0, 1, 2, 3], shape: [3, 2]))
        #expect(
            try evaluate("Gather", [("x", x)], constants: [("i", [1])], ["axis": .int(1)])[0]
                == Tensor([1.0, 3, 5], shape: [3, 1])
        )
        #expect(throws: CrypTenError.self) { try evaluate("Gather", [("x", x)], constants: [("i", [3])]) }

        var builder = ModelBuilder()
        builder.input("ids", .int64, ["N", 2])
        builder.constant("table", x.doubles, [3, 2])
        builder.node("Gather", ["table", "ids"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        let ids = Tensor([2, -3, 1, -2], shape: [2, 2])
        let result = try evaluate(model, ["ids": ids], publicInputs: ["ids"])["y"]
        #expect(result == Tensor([4.0, 5, 0, 1, 2, 3, 2, 3], shape: [2, 2, 2]))
    }

    @Test("shape arithmetic is done at import, for whatever batch comes")
    func shapeArithmetic() throws {
        // y = reshape(x, [shape(x)[0], 2, -1]) + expand(b, …), as exporters write it.
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 6])
        builder.constant("zero", integers: [0], [])
        builder.constant("axes", integers: [0])
        builder.constant("rest", integers: [2, -1])
        builder.constant("ones", integers: [1, 1])
        builder.constant("b", [10, 20, 30], [3])
        builder.node("Shape", ["x"], ["s"], name: "shape")
        builder.node("Gather", ["s", "zero"], ["n"], name: "gather")
        builder.node("Unsqueeze", ["n", "axes"], ["n1"], name: "unsqueeze")
        builder.node("Concat", ["n1", "rest"], ["target"], name: "concat", ["axis": .int(0)])
        builder.node("Reshape", ["x", "target"], ["r"], name: "reshape")
        builder.node("Mul", ["n1", "axes"], ["z"], name: "mul")
        builder.node("Add", ["z", "n1"], ["n2"], name: "add")
        builder.node("Concat", ["n2", "ones"], ["expansion"], name: "concat2", ["axis": .int(0)])
        builder.node("Expand", ["b", "expansion"], ["e"], name: "expand")
        builder.node("Add", ["r", "e"], name: "sum")
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.inputs.map(\.mustBeKnown) == [false])
        for batch in [1, 3] {
            let x = counting([batch, 6])
            let expected = x.doubles.enumerated().map { $1 + [10, 20, 30][$0 % 3] }
            #expect(try evaluate(model, ["x": x])["y"] == Tensor(expected, shape: [batch, 2, 3]))
            #expect(
                try !Imported(model, ["x": x]).canonicalGraph.contains { $0.contains(" gather") || $0.contains(" mul") }
            )
        }
    }

    @Test("shape operators")
    func shapeOperators() throws {
        let x = counting([2, 3, 4])
        func integers(
            _ operation: String,
            opset: Int = 17,
            _ attributes: [String: ModelBuilder.Attribute] = [:]
        ) throws -> [Double] {
            try evaluate(operation, opset: opset, [("x", x)], outputs: [("y", .int64)], attributes)[0].doubles
        }
        #expect(try integers("Shape") == [2, 3, 4])
        #expect(try integers("Shape", ["start": .int(-2), "end": .int(99)]) == [3, 4])
        #expect(try integers("Size") == [24])

        var builder = ModelBuilder()
        builder.input("x", .float, ["N"])
        for (name, value) in [("start", 10), ("limit", 3), ("step", -3)] {
            builder.constant(name, integers: [value], [])
        }
        builder.node("Range", ["start", "limit", "step"], ["r"], name: "range")
        builder.node("Shape", ["x"], ["s"], name: "shape")
        builder.node("ConstantOfShape", ["s"], ["z"], name: "zeros")
        builder.output("r", .int64)
        builder.output("z")
        let results = try evaluate(try ONNXModel(bytes: try builder.bytes), ["x": counting([2])])
        #expect(results == ["r": Tensor([10, 7, 4], shape: [3]), "z": Tensor([0.0, 0], shape: [2])])
    }

    @Test("a hostile graph can't ask for endless memory")
    func endless() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [1])
        builder.constant("s", integers: [1 << 20, 1 << 19])
        builder.node("ConstantOfShape", ["s"], ["c"], name: "c")
        builder.node("Add", ["c", "x"], name: "sum")
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        let error = #expect(throws: CrypTenError.self) { try Imported(model, ["x": counting([1])]) }
        #expect(error?.message.contains("node c (ConstantOfShape): ") == true)
    }
}
