import CrypTenONNX
import Testing
import _CrypTenONNXTestSupport

@Suite("Public numbers beyond 2^32 are held as masks' penalties are, and factors among them are told of")
struct HeldFactorTests {
    private func model(_ operation: String, _ number: Double) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.input("x", .float, [2, 2])
        builder.output("y", .float)
        builder.node("Constant", [], ["c"], name: "five", ["value_float": .float(number)])
        builder.node(operation, ["x", "c"], name: "scale")
        return try ONNXModel(bytes: try builder.bytes)
    }

    @Test("of products and quotients, at the owner and at the others", arguments: ["Mul", "Div"], [5e9, -0x1p40])
    func factors(operation: String, number: Double) throws {
        let model = try model(operation, number)
        for model in [model, try ONNXModel(skeleton: model.skeleton())] {
            let found = try #require(model.heldFactors.first)
            #expect(model.heldFactors.count == 1)
            #expect((found.name, found.number) == ("c", number))
            #expect((found.node, found.operation) == ("scale", operation))
        }
    }

    @Test("not of sums, nor of numbers that are kept, nor of penalties")
    func others() throws {
        for (operation, number) in [("Add", 5e9), ("Mul", 4e9), ("Mul", -3.4e38), ("Mul", -1e30)] {
            #expect(try model(operation, number).heldFactors.isEmpty, "\(operation) \(number)")
        }
    }
}
