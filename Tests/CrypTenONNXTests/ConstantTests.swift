import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("constants and parameters")
struct ConstantTests {
    private func visibilities(_ model: ONNXModel) -> [String: Visibility] {
        Dictionary(uniqueKeysWithValues: model.constants.map { ($0.name, $0.visibility) })
    }

    /// x · w + b, scaled and reshaped; a scale of one element, and a float list that nothing reads but a shape.
    private func builder() -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 2])
        builder.constant("w", [1, 2, 3, 4], [2, 2])
        builder.constant("b", [0.5, -0.5], [2])
        builder.constant("scale", [3], [])
        builder.constant("extents", [2, -1], [2])
        builder.node("MatMul", ["x", "w"], ["p"], name: "product")
        builder.node("Add", ["p", "b"], ["s"], name: "sum")
        builder.node("Mul", ["s", "scale"], ["m"], name: "scaling")
        builder.node("Cast", ["extents"], ["shape"], name: "cast", ["to": .int(7)])
        builder.node("Reshape", ["m", "shape"], name: "reshape")
        builder.output("y", .float, nil)
        return builder
    }

    @Test("secret are floats of any size that nothing public depends on; names override")
    func visibility() throws {
        let bytes = try builder().bytes
        let plain = try ONNXModel(bytes: bytes)
        #expect(visibilities(plain) == ["w": .secret, "b": .secret, "scale": .secret, "extents": .public])
        #expect(plain.parameters.map(\.name) == ["w", "b", "scale"])
        let turned = try ONNXModel(bytes: bytes, secret: ["w"], open: ["b", "scale"])
        #expect(visibilities(turned) == ["w": .secret, "b": .public, "scale": .public, "extents": .public])
        #expect(turned.constants.map(\.rule) == [.secret, .open, .open, .shape])
        #expect(turned.parameters.map(\.name) == ["w"])
        let x = ["x": numbers([3, 2])]
        #expect(try evaluate(plain, x) == evaluate(turned, x))
        for model in [plain, turned] {
            #expect(
                try Imported(model, x).canonicalGraph
                    == Imported(try ONNXModel(skeleton: try model.skeleton()), x).canonicalGraph
            )
        }
    }

    @Test("an override must name a constant, and none that decides a shape can be secret")
    func overrides() throws {
        let bytes = try builder().bytes
        for (secret, open) in [(["v"], []), ([], ["v"]), (["w"], ["w"]), (["extents"], [])]
            as [(Set<String>, Set<String>)]
        {
            let error = #expect(throws: CrypTenError.self) { try ONNXModel(bytes: bytes, secret: secret, open: open) }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test("a skeleton holds no number of a secret constant, and nothing that wasn't understood")
    func skeletonIsBare() throws {
        var builder = builder()
        let marker: [Float] = [1234.5, 2345.5, 3456.5, 4567.5]
        builder.proto.graph.initializer[0].floatData = marker
        builder.constant("unused", [98765.5, 1], [2])
        builder.proto.producerName = "a private name"
        let skeleton = try ONNXModel(bytes: try builder.bytes).skeleton()
        for number in marker + [98765.5, 0.5, -0.5] {
            let pattern = withUnsafeBytes(of: number.bitPattern.littleEndian) { Data($0) }
            #expect(skeleton.range(of: pattern) == nil)
        }
        #expect(skeleton.range(of: Data("private".utf8)) == nil)
        #expect(skeleton.range(of: Data("unused".utf8)) == nil)
    }

    @Test("what is computed of weights alone is one parameter, computed in double at the owner")
    func weightArithmetic() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 2])
        builder.constant("v", [1, 2, 3, 4, 5, 6], [3, 2])
        builder.constant("g", [2, 0.5, 4], [3, 1])
        builder.node("Identity", ["v"], ["v1"], name: "i")
        builder.node("Mul", ["v1", "g"], ["vg"], name: "mul")
        builder.node("Sqrt", ["vg"], ["root"], name: "sqrt")
        builder.node("Transpose", ["root"], ["w"], name: "t")
        builder.node("MatMul", ["x", "w"], name: "product")
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.parameters.map(\.name) == ["w"])
        #expect(model.parameters.map(\.sources) == [["v", "g"]])
        let expected = [2.0, 1.5, 20, 4, 2, 24].map { $0.squareRoot() }
        #expect(distance(model.parameters[0].value!, Tensor(expected, shape: [2, 3])) < 1e-12)
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        #expect(skeleton.parameters.map(\.shape) == [[2, 3]])
        let x = ["x": numbers([4, 2])]
        #expect(try Imported(model, x).canonicalGraph == Imported(skeleton, x).canonicalGraph)
    }

    @Test("a weight behind Identity is the weight itself, and masked once")
    func identity() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.constant("w", [1, 2], [2])
        builder.node("Identity", ["w"], ["w1"], name: "i")
        builder.node("Relu", ["x"], ["r"])
        builder.node("Mul", ["r", "w1"], ["p"], name: "p")
        builder.node("Add", ["p", "w"], name: "s")
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.parameters.map(\.name) == ["w"])
        #expect(try evaluate(model, ["x": Tensor([3.0, 4], shape: [2])])["y"]?.doubles == [4, 10])
    }

    @Test("a layer's division by a secret constant is a product with the reciprocal that the owner computes")
    func division() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.constant("w", [4, 0.5], [2])
        builder.node("Relu", ["x"], ["r"])
        builder.node("Div", ["r", "w"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.parameters.map(\.value) == [Tensor([0.25, 2], shape: [2])])
        #expect(try evaluate(model, ["x": Tensor([3.0, 4], shape: [2])])["y"]?.doubles == [0.75, 8])
    }

    @Test(
        "a secret factor of data is one of moderate size and a divisor, whatever it is, and has no exponent",
        arguments: ["Div", "Mul"]
    )
    func factorsOfData(operation: String) throws {
        let isQuotient = operation == "Div"
        let factors: [Double] = [0.5, -3, isQuotient ? 1 : 0, 2.5e-5, -1e-6, 1e-9, 1e5]
        var builder = ModelBuilder()
        builder.input("x", .float, [7])
        builder.constant("m", [1, 2, 3, 4, 5, 6, 7], [7])
        builder.constant("w", factors.map { isQuotient ? 1 / $0 : $0 }, [7])
        builder.node("Sub", ["x", "m"], ["c"])
        builder.node(operation, ["c", "w"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        let parts = model.parameters.filter { $0.sources == ["w"] }
        #expect(parts.count == 3)
        for part in parts {
            let sizes = try #require(part.value).doubles.map(\.magnitude).filter { $0 > 0 }
            #expect(sizes.allSatisfy { $0 > 0x1p-9 && $0 <= 0x1p22 })
        }
        #expect(model.withWeightExponents().weightExponents.count == 1)
        let x = Tensor([9e5, -8e5, 7e5, 6e5, -5e5, 4e5, 3], shape: [7])
        let y = try #require(try evaluate(model, ["x": x])["y"]).doubles
        for (place, value) in y.enumerated() {
            let want = (x.doubles[place] - Double(place + 1)) * factors[place]
            #expect(abs(value - want) <= 1e-5 * abs(want) + 1e-6)
        }
    }

    @Test("alpha and beta of Gemm go into the weights")
    func gemmFactors() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [1, 2])
        builder.constant("w", [1, 2, 3, 4], [2, 2])
        builder.constant("c", [10, 20], [2])
        builder.node("Gemm", ["x", "w", "c"], ["y"], ["alpha": .float(0.5), "beta": .float(2), "transB": .int(1)])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.parameters.map(\.value?.doubles) == [[0.5, 1, 1.5, 2], [20, 40]])
        #expect(try evaluate(model, ["x": Tensor([1.0, 1], shape: [1, 2])])["y"]?.doubles == [21.5, 43.5])
    }

    @Test("initialisers that are listed as inputs too are constants")
    func listedInitializers() throws {
        var builder = ModelBuilder()
        builder.input("w", .float, [2])
        builder.input("x", .float, [2])
        builder.constant("w", [4, 0.5], [2])
        builder.node("Add", ["x", "w"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.inputs.map(\.name) == ["x"])
        #expect(model.parameters.map(\.name) == ["w"])
    }

    @Test("weights in every type and field are read")
    func types() throws {
        let types: [(ONNXElementType, [UInt8])] = [
            (.float, [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]),
            (.double, [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0]),
            (.float16, [0, 0x3e, 0, 0xc0]), (.bfloat16, [0xc0, 0x3f, 0, 0xc0]),
        ]
        for (type, raw) in types {
            var builder = ModelBuilder()
            builder.input("x", type, [2])
            builder.proto.graph.initializer.append(
                .with { ($0.name, $0.dims, $0.dataType, $0.rawData) = ("w", [2], type.standardNumber, Data(raw)) }
            )
            builder.node("Add", ["x", "w"])
            builder.output("y", type)
            let model = try ONNXModel(bytes: try builder.bytes)
            #expect(model.parameters.map(\.value?.doubles) == [[1.5, -2]], "\(type)")
            #expect(model.outputs.map(\.type) == [type])
            // Opened, it goes through the skeleton in its own type.
            let open = try ONNXModel(bytes: try builder.bytes, open: ["w"])
            let copy = try ONNXModel(skeleton: try open.skeleton())
            #expect(try evaluate(copy, ["x": Tensor([1.0, 1], shape: [2])])["y"]?.doubles == [2.5, -1], "\(type)")
        }
    }

    // MARK: Batch normalisation

    private func normalized(_ before: String?, shared: Bool = false) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.input("x", .float, before == "Gemm" ? ["N", 2] : ["N", 2, "H", "W"])
        builder.constant("gamma", [2, -0.5], [2])
        builder.constant("beta", [1, 2], [2])
        builder.constant("mean", [0.5, -1], [2])
        builder.constant("variance", [3.99, 0.24], [2])
        var input = "x"
        switch before {
        case "Conv"?:
            builder.constant("w", numbers([2, 2, 3, 3]).doubles, [2, 2, 3, 3])
            builder.constant("b", [0.25, 0.75], [2])
            builder.node("Conv", ["x", "w", "b"], ["h"], name: "layer", ["pads": .ints([1, 1, 1, 1])])
            input = "h"
        case "Gemm"?:
            builder.constant("w", [1, 2, 3, 4], [2, 2])
            builder.node("Gemm", ["x", "w"], ["h"], name: "layer")
            input = "h"
        default: break
        }
        builder.node(
            "BatchNormalization",
            [input, "gamma", "beta", "mean", "variance"],
            ["z"],
            name: "bn",
            ["epsilon": .float(0.01)]
        )
        builder.node("Relu", ["z"], name: "relu")
        builder.output("y")
        if shared { builder.output("h") }
        return try ONNXModel(bytes: try builder.bytes)
    }

    @Test("batch normalisation is folded into the layer before it, unless something else reads that")
    func folding() throws {
        let scale = [1.0, -1]
        let shift = [0.5, 1.0]
        for (before, shared) in [("Conv", false), ("Conv", true), ("Gemm", false), (nil, false)] as [(String?, Bool)] {
            let model = try normalized(before, shared: shared)
            let x = numbers(before == "Gemm" ? [3, 2] : [3, 2, 4, 4], seed: 9)
            let results = try evaluate(model, ["x": x])
            var h = x
            if before == "Conv" {
                h = try evaluate(
                    "Conv",
                    [("x", x), ("w", numbers([2, 2, 3, 3])), ("b", Tensor([0.25, 0.75], shape: [2]))],
                    ["pads": .ints([1, 1, 1, 1])]
                )[0]
            } else if before == "Gemm" {
                h = try evaluate("MatMul", [("x", x), ("w", Tensor([1.0, 2, 3, 4], shape: [2, 2]))])[0]
            }
            let inner = h.shape.count / h.shape[0] / 2
            let expected = h.doubles.enumerated().map { index, value in
                max(0, scale[index / inner % 2] * value + shift[index / inner % 2])
            }
            #expect(distance(results["y"]!, Tensor(expected, shape: h.shape)) < 1e-6)
            let operations = try Imported(model, ["x": x]).canonicalGraph.filter { $0.contains(" bn") }
            #expect(operations.isEmpty == (before != nil && !shared))
            #expect(model.parameters.count == (before == nil ? 2 : shared ? 4 : 2))
            let skeleton = try ONNXModel(skeleton: try model.skeleton())
            #expect(try Imported(skeleton, ["x": x]).canonicalGraph == Imported(model, ["x": x]).canonicalGraph)
        }
    }
}
