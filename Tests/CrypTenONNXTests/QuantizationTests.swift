import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("Grids of quantised networks")
struct QuantizationTests {
    /// A node on a float input x, with a scale and a zero point as initialisers.
    private func model(
        _ operation: String,
        scale: [Double],
        scaleShape: [Int] = [],
        zeroPoint: (type: ONNXElementType, values: [Int32])? = nil,
        input: ONNXElementType = .float,
        output: ONNXElementType = .uint8,
        opset: Int = 21,
        _ attributes: [String: ModelBuilder.Attribute] = [:]
    ) throws -> ONNXModel {
        var builder = ModelBuilder(opset: opset)
        builder.input("x", input, [2, 4])
        builder.constant("s", scale, scaleShape)
        if let zeroPoint {
            builder.proto.graph.initializer.append(
                .with {
                    $0.name = "z"
                    $0.dataType = zeroPoint.type.standardNumber
                    $0.dims = scaleShape.map { Int64($0) }
                    $0.int32Data = zeroPoint.values
                }
            )
        }
        builder.node(operation, ["x", "s"] + (zeroPoint == nil ? [] : ["z"]), ["y"], attributes)
        builder.output("y", output)
        return try ONNXModel(bytes: try builder.bytes)
    }

    private let x: Tensor = Tensor([-1000, -3.2, -0.3, 0.2, 0.3, 7.7, 63.4, 1000], shape: [2, 4])

    /// The standard's definition.
    private func levels(_ x: [Double], _ scale: Double, _ zeroPoint: Double, _ range: ClosedRange<Double>) -> [Double] {
        x.map { min(max(($0 / scale).rounded(.toNearestOrEven) + zeroPoint, range.lowerBound), range.upperBound) }
    }

    @Test("levels are rounded and held within the type")
    func rounding() throws {
        let cases: [(ONNXElementType, Int32, ClosedRange<Double>)] = [
            (.uint8, 3, 0...255), (.int8, -5, -128...127), (.int16, 100, -32768...32767), (.uint16, 9, 0...65535),
            (.int4, 1, -8...7),
            (.uint4, 7, 0...15),
        ]
        for (type, zero, range) in cases {
            let stored: Int32 = type == .int4 || type == .uint4 ? zero & 15 : zero
            let model = try model("QuantizeLinear", scale: [0.25], zeroPoint: (type, [stored]), output: type)
            let y = try #require(try evaluate(model, ["x": x])["y"])
            #expect(y.doubles == levels(x.doubles, 0.25, Double(zero), range), "\(type)")
        }
    }

    @Test("a scale that isn't a positive number is refused by name of its node", arguments: [0, -0.5, .nan, .infinity])
    func scales(scale: Double) throws {
        for operation in ["QuantizeLinear", "DequantizeLinear"] {
            let isFrom = operation == "DequantizeLinear"
            let error = #expect(throws: CrypTenError.self) {
                try model(operation, scale: [scale], input: isFrom ? .int8 : .float, output: isFrom ? .float : .uint8)
            }
            #expect(error?.code == .malformedFile)
            #expect(
                error?.message.contains("node n (\(operation)): its scale 's' isn't a positive number at index 0")
                    == true
            )
        }
    }

    private func message(_ model: ONNXModel, _ input: Tensor) -> String {
        do {
            _ = try evaluate(model, ["x": input])
            return "no error"
        } catch {
            return (error as? CrypTenError)?.message ?? "\(error)"
        }
    }

    private var whole: Tensor { Tensor([1, 2, 3, 4, 5, 6, 7, 8], shape: [2, 4]) }

    @Test("zero points of another type, axes that aren't there and blocks that don't fit are refused")
    func forms() throws {
        let other = try model("DequantizeLinear", scale: [0.5], zeroPoint: (.uint8, [3]), input: .int8, output: .float)
        #expect(message(other, whole).contains("its zero point is uint8, and what it belongs to int8"))
        let axis = try model("QuantizeLinear", scale: [1, 1, 1, 1], scaleShape: [4], ["axis": .int(5)])
        #expect(message(axis, x).contains("axis 5 isn't one of 2"))
        let slices = try model("QuantizeLinear", scale: [1, 1, 1], scaleShape: [3], ["axis": .int(1)])
        #expect(
            message(slices, x).contains(
                "its scale of shape [3] is neither one number nor one for each of 4 slices of axis 1"
            )
        )
        for block in [3, -1, Int.max] {
            let blocks = try model(
                "QuantizeLinear",
                scale: [1, 1, 1, 1, 1, 1],
                scaleShape: [2, 3],
                ["block_size": .int(block)]
            )
            #expect(
                message(blocks, x).contains(
                    "blocks of \(block) along axis 1 of shape [2, 4] don't fit a scale of shape [2, 3]"
                )
            )
        }
        let type = try model(
            "QuantizeLinear",
            scale: [0.5],
            zeroPoint: (.int8, [3]),
            output: .int8,
            ["output_dtype": .int(2)]
        )
        #expect(message(type, x).contains("its zero point is int8, and its output shall be uint8"))
        let floats = try model("QuantizeLinear", scale: [0.5], output: .uint8, ["output_dtype": .int(17)])
        #expect(message(floats, x).contains("it makes elements of type 17"))
    }

    @Test("floats of eight bits are refused by name")
    func smallFloats() throws {
        var builder = ModelBuilder(opset: 21)
        builder.input("x", .float, [2])
        builder.proto.graph.initializer.append(
            .with {
                $0.name = "w"
                $0.dataType = 17
                $0.dims = [2]
                $0.rawData = Data([0, 0])
            }
        )
        builder.node("Add", ["x", "w"])
        builder.output("y")
        let error = #expect(throws: CrypTenError.self) { try ONNXModel(bytes: try builder.bytes) }
        #expect(error?.message.contains("tensor w has element type float8e4m3fn, which isn't read") == true)
    }

    @Test("weights of four bits that don't fill their shape are refused")
    func nibbles() throws {
        for bytes in [0, 1, 3] {
            var builder = ModelBuilder(opset: 21)
            builder.input("x", .float, [1])
            builder.proto.graph.initializer.append(
                .with {
                    $0.name = "w"
                    $0.dataType = ONNXElementType.int4.standardNumber
                    $0.dims = [3]
                    $0.rawData = Data(repeating: 0x21, count: bytes)
                }
            )
            builder.constant("s", [0.5], [])
            builder.node("DequantizeLinear", ["w", "s"], ["d"], name: "d")
            builder.node("Add", ["x", "d"])
            builder.output("y")
            let error = #expect(throws: CrypTenError.self) { try ONNXModel(bytes: try builder.bytes) }
            #expect(error?.code == .malformedFile, "\(bytes) bytes")
        }
    }

    @Test("a network that rounds to a grid isn't trained")
    func training() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.constant("w", [1, 2], [2])
        builder.constant("s", [0.5], [])
        builder.node("Mul", ["x", "w"], ["m"], name: "m")
        builder.node("QuantizeLinear", ["m", "s"], ["q"], name: "q")
        builder.node("DequantizeLinear", ["q", "s"], name: "d")
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes, for: .training)
        let text = message(model, Tensor([1.0, 2], shape: [2]))
        #expect(text.contains("unsupported operator QuantizeLinear (node q)"), "\(text)")
    }
}
