import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

@Suite("guards against what isn't a number")
struct FinitenessTests {
    @Test(
        "a choice by a guard is what it guards, and costs nothing",
        arguments: ["IsNaN", "IsInf", "Not", "Or", "And"]
    )
    func guards(form: String) throws {
        var builder = ModelBuilder(opset: 20)
        builder.input("x", .float, [2, 3])
        builder.constant("zero", [0], [])
        builder.node("Sigmoid", ["x"], ["s"], name: "s")
        builder.node(form == "IsInf" ? "IsInf" : "IsNaN", ["s"], ["bad"], name: "bad")
        switch form {
        case "Not":
            builder.node("Not", ["bad"], ["good"], name: "not")
            builder.node("Where", ["good", "s", "zero"], name: "w")
        case "Or", "And":
            builder.node("IsInf", ["s"], ["far"], name: "far")
            builder.node(form, ["bad", "far"], ["any"], name: "any")
            builder.node("Where", ["any", "zero", "s"], name: "w")
        default:
            builder.node("Where", ["bad", "zero", "s"], name: "w")
        }
        builder.output("y")
        let guarded = try Imported(try ONNXModel(bytes: try builder.bytes), ["x": numbers([2, 3])])
        var plain = ModelBuilder(opset: 20)
        plain.input("x", .float, [2, 3])
        plain.node("Sigmoid", ["x"], ["y"], name: "s")
        plain.output("y")
        let alone = try Imported(try ONNXModel(bytes: try plain.bytes), ["x": numbers([2, 3])])
        #expect(guarded.canonicalGraph == alone.canonicalGraph)
    }

    @Test("a guard that is read as numbers is zero everywhere")
    func counted() throws {
        var builder = ModelBuilder(opset: 20)
        builder.input("x", .float, [2, 3])
        builder.node("IsNaN", ["x"], ["bad"], name: "bad")
        builder.node("Cast", ["bad"], ["n"], name: "n", ["to": .int(1)])
        builder.node("Add", ["x", "n"], name: "sum")
        builder.output("y")
        let x = numbers([2, 3])
        let got = try evaluate(try ONNXModel(bytes: try builder.bytes), ["x": x])
        #expect(distance(got["y"]!, x) == 0)
    }

    @Test("of known numbers the test is made", arguments: [(1, 1), (1, 0), (0, 1)])
    func known(negative: Int, positive: Int) throws {
        let special: [Double] = [1, -.infinity, .infinity, .nan]
        for (operation, expected) in [
            ("IsNaN", [0.0, 0, 0, 1]), ("IsInf", [0, Double(negative), Double(positive), 0]),
        ] {
            var builder = ModelBuilder(opset: 20)
            builder.input("x", .float, [4])
            builder.constant("c", special, [4])
            builder.node(
                operation,
                ["c"],
                ["bad"],
                name: "bad",
                operation == "IsInf" ? ["detect_negative": .int(negative), "detect_positive": .int(positive)] : [:]
            )
            builder.node("Cast", ["bad"], ["n"], name: "n", ["to": .int(1)])
            builder.node("Mul", ["x", "n"], name: "y")
            builder.output("y")
            let model = try ONNXModel(bytes: try builder.bytes, open: ["c"])
            let got = try evaluate(model, ["x": Tensor([1.0, 1, 1, 1], shape: [4])])
            #expect(got["y"]!.doubles == expected, "\(operation)")
        }
    }

    @Test("a secret infinity of a mask has room beside a product with a public factor")
    func secretInfinity() async throws {
        var builder = ModelBuilder()
        builder.input("q", .float, [3, 4])
        builder.input("m", .bool, [3, 3])
        builder.constant("k", numbers([4, 3], seed: 5).doubles, [4, 3])
        builder.constant("zero", [0], [])
        builder.constant("least", [-.infinity], [])
        builder.node("MatMul", ["q", "k"], ["p"], name: "p")
        builder.node("Constant", [], ["factor"], name: "factor", ["value_float": .float(0.353_553)])
        builder.node("Mul", ["p", "factor"], ["s"], name: "s")
        builder.node("Where", ["m", "zero", "least"], ["mask"], name: "mask")
        builder.node("Add", ["s", "mask"], ["a"], name: "a")
        builder.node("Softmax", ["a"], name: "y", ["axis": .int(-1)])
        builder.output("y")
        let bytes = try builder.bytes
        let q = numbers([3, 4], seed: 6)
        let allowed = (0..<9).map { $0 % 3 <= $0 / 3 }
        let answers = try await withLocalParties(2) { session -> [Tensor]? in
            let model = try ONNXModel(bytes: bytes)
            let x = try await session.input(from: .party(0)) { q }
            let mask = try await session.publicInput(from: .party(0)) { Tensor(.bool(allowed), shape: [3, 3]) }.0
            var weights: [String: CrypTensor] = [:]
            for parameter in model.parameters {
                let value = parameter.value
                weights[parameter.name] = try await session.input(from: .party(1)) { try #require(value) }
            }
            let outputs = try model.apply(inputs: ["q": x, "m": mask], parameters: weights)
            return try await session.reveal([try #require(outputs["y"])], to: .party(0))
        }
        let got = try #require(answers[0])[0].doubles
        let (rows, columns) = (q.doubles, numbers([4, 3], seed: 5).doubles)
        for row in 0..<3 {
            let scores = (0..<3).map { column in
                (0..<4).reduce(0) { $0 + rows[row * 4 + $1] * columns[$1 * 3 + column] } * 0.353_553
            }
            let powers = (0..<3).map { allowed[row * 3 + $0] ? exp(scores[$0]) : 0 }
            for column in 0..<3 {
                #expect(abs(got[row * 3 + column] - powers[column] / powers.reduce(0, +)) < 1e-3)
            }
        }
    }
}
