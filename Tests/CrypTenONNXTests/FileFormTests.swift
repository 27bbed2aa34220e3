import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("forms that files have")
struct FileFormTests {
    private let x = Tensor([1.0, -2, 3, 4, 5, -6], shape: [2, 3])

    private func failure(_ builder: ModelBuilder) -> String {
        do {
            _ = try ONNXModel(bytes: try builder.bytes, name: "m.onnx")
            return "none"
        } catch {
            return (error as? CrypTenError)?.message ?? "another error"
        }
    }

    // MARK: Order

    @Test("nodes in any order are the same network as in the order in which they run")
    func order() throws {
        let nodes = [
            node("MatMul", ["x", "w"], ["a"], name: "a"), node("Relu", ["a"], ["b"], name: "b"),
            node("Neg", ["x"], ["n"], name: "n"), node("Add", ["b", "a"], ["y"], name: "y"),
        ]
        func model(_ places: [Int]) throws -> ONNXModel {
            var builder = ModelBuilder()
            builder.input("x", .float, [2, 3])
            builder.constant("w", [1, 2, 3, 4, 5, 6], [3, 2])
            builder.proto.graph.node = places.map { nodes[$0] }
            builder.output("y")
            builder.output("n")
            return try ONNXModel(bytes: try builder.bytes)
        }
        let sorted = try model([0, 1, 2, 3])
        let expected = try evaluate(sorted, ["x": x])
        for places in [[3, 2, 1, 0], [3, 1, 0, 2], [1, 0, 3, 2], [2, 3, 0, 1]] {
            let results = try evaluate(try model(places), ["x": x])
            #expect(results == expected)
        }
        // What stands in order stays where it is.
        #expect(try Onnx_ModelProto(serializedBytes: sorted.skeleton()).graph.node.map(\.name) == ["a", "b", "n", "y"])
    }

    @Test("a chain of a hundred thousand nodes that stands the wrong way around")
    func chain() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [1])
        let count = 100_000
        builder.proto.graph.node = (0..<count).reversed().map { index in
            node("Identity", [index == 0 ? "x" : "v\(index)"], [index == count - 1 ? "y" : "v\(index + 1)"])
        }
        builder.output("y")
        #expect(failure(builder) == "none")
        builder.proto.graph.node[count - 1].input = ["v\(count - 1)"]
        #expect(failure(builder).contains("and 99991 more each read a result of the next one"))
    }

    // MARK: Sparse tensors

    private func sparse(
        _ numbers: [Float],
        _ places: [Int64],
        _ extents: [Int64],
        coordinates: Int64 = 0
    ) -> Onnx_SparseTensorProto {
        .with {
            $0.values = .with {
                ($0.name, $0.dims, $0.dataType, $0.floatData) = ("w", [Int64(numbers.count)], 1, numbers)
            }
            $0.indices = .with {
                ($0.dims, $0.dataType, $0.int64Data) = ([Int64(numbers.count)], 7, places)
                if coordinates > 0 { $0.dims.append(coordinates) }
            }
            $0.dims = extents
        }
    }

    private func model(_ sparse: Onnx_SparseTensorProto, asNode: Bool = false) -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, [2, 3])
        if asNode {
            let value = Onnx_AttributeProto.with {
                ($0.name, $0.type, $0.sparseTensor) = ("sparse_value", .sparseTensor, sparse)
            }
            builder.nodes(node("Constant", [], ["w"], [value]))
        } else {
            builder.proto.graph.sparseInitializer = [sparse]
        }
        builder.node("MatMul", ["x", "w"], name: "product")
        builder.output("y")
        return builder
    }

    @Test(
        "a sparse weight is a secret dense one: neither its numbers nor their places are in the skeleton",
        arguments: [false, true]
    )
    func sparse(asNode: Bool) throws {
        for tensor in [sparse([7, -5], [1, 4], [3, 2]), sparse([7, -5], [0, 1, 2, 0], [3, 2], coordinates: 2)] {
            let model = try ONNXModel(bytes: try model(tensor, asNode: asNode).bytes)
            #expect(model.parameters.map(\.value) == [Tensor(.float([0, 7, 0, 0, -5, 0]), shape: [3, 2])])
            #expect(try evaluate(model, ["x": x])["y"]?.doubles == [-15, 7, 30, 28])
            let skeleton = try Onnx_ModelProto(serializedBytes: model.skeleton())
            #expect(skeleton.graph.sparseInitializer.isEmpty)
            #expect(skeleton.graph.initializer.map(\.dims) == [[3, 2]])
            #expect(
                skeleton.graph.initializer.allSatisfy {
                    $0.rawData.isEmpty && $0.floatData.isEmpty && $0.int64Data.isEmpty
                }
            )
            #expect(skeleton.graph.node.map(\.opType) == ["MatMul"])
        }
    }

    @Test(
        "sparse tensors whose places aren't places, and those that are next to nothing but zeros, are refused by name"
    )
    func hostileSparse() {
        for (tensor, words) in [
            (sparse([7], [6], [3, 2]), "has a position outside of it"),
            (sparse([7], [-1], [3, 2]), "has a position outside of it"),
            (sparse([7], [3, 0], [3, 2], coordinates: 2), "has a position outside of it"),
            (sparse([7, 8], [1, 1], [3, 2]), "has two numbers at one position"),
            (sparse([7, 8], [1, 2, 3, 4, 5, 0], [3, 2], coordinates: 3), "positions of shape [2, 3]"),
            (sparse([7], [1, 2], [3, 2]), "has 1 elements, but 2"), (sparse([7], [1], [3, -2]), "aren't a shape"),
            (sparse([7], [1], [1 << 20, 1 << 10]), "so many zeros aren't written out"),
            (sparse([7], [1], [1 << 40, 1 << 40]), "aren't a shape"),
        ] { #expect(failure(model(tensor)).contains(words), "\(failure(model(tensor)))") }
        var unnamed = model(sparse([7], [1], [3, 2]))
        unnamed.proto.graph.sparseInitializer[0].values.name = ""
        #expect(failure(unnamed).contains("an initialiser has no name"))
    }

    // MARK: External data

    @Test("tensors of every type that lie in one file beside the model are those that lie in the model")
    func external() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var (inside, outside, file) = (ModelBuilder(), ModelBuilder(), Data())
        let types: [(ONNXElementType, [UInt8])] = [
            (.float, [0, 0, 128, 63, 0, 0, 0, 192]), (.double, [0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 192]),
            (.float16, [0, 60, 0, 192]), (.bfloat16, [128, 63, 0, 192]), (.int8, [1, 254]), (.int16, [1, 0, 254, 255]),
            (.int32, [1, 0, 0, 0, 254, 255, 255, 255]),
            (.int64, [1, 0, 0, 0, 0, 0, 0, 0] + [254] + [UInt8](repeating: 255, count: 7)),
        ]
        for (type, bytes) in types {
            for isInside in [true, false] {
                var tensor = Onnx_TensorProto.with {
                    ($0.name, $0.dims, $0.dataType) = ("\(type)", [2], type.standardNumber)
                }
                if isInside {
                    tensor.rawData = Data(bytes)
                    inside.proto.graph.initializer.append(tensor)
                } else {
                    tensor.dataLocation = .external
                    tensor.externalData = [
                        ("location", "w.bin"), ("offset", "\(file.count)"), ("length", "\(bytes.count)"),
                    ].map { key, value in
                        .with { ($0.key, $0.value) = (key, value) }
                    }
                    outside.proto.graph.initializer.append(tensor)
                    // What follows doesn't begin where a number of its size would.
                    file += bytes + [7]
                }
            }
        }
        func results(_ builder: ModelBuilder, _ name: String) throws -> [String: Tensor] {
            var builder = builder
            builder.input("x", .double, [2])
            for (type, _) in types {
                builder.node("Cast", ["\(type)"], ["\(type).d"], name: "\(type)", ["to": .int(11)])
                builder.node("Mul", ["\(type).d", "x"], ["\(type).y"], name: "\(type)")
                builder.output("\(type).y", .double)
            }
            let url = folder.appendingPathComponent(name)
            try builder.bytes.write(to: url)
            return try evaluate(try ONNXModel(contentsOf: url), ["x": Tensor([1.0, 0.5], shape: [2])])
        }
        try file.write(to: folder.appendingPathComponent("w.bin"))
        let (near, far) = (try results(inside, "in.onnx"), try results(outside, "out.onnx"))
        #expect(near == far)
        #expect(near.values.allSatisfy { $0.doubles == [1, -1] })
    }

    // MARK: Names of extents

    @Test(
        "what tools write for an extent that isn't known is no name; another is one extent wherever it stands",
        arguments: [
            ("?", false), ("", false), ("None", false), ("none", false), ("-1", false), ("unk__7", false),
            ("unk__", false),
            ("unknown", false), ("??", false), ("*", false), ("N", true), ("batch", true), ("unk__x", true),
            ("dynamic_1", true),
            ("unknown_batch", true),
        ]
    )
    func extents(name: String, isPromise: Bool) throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [.named(name), 3])
        builder.input("w", .float, [3, .named(name)])
        builder.node("MatMul", ["x", "w"], name: "product")
        builder.output("y", .float, [.named(name), .named(name)])
        let model = try ONNXModel(bytes: try builder.bytes)
        #expect(model.inputs[0].dimensions == [isPromise ? .named(name) : .unknown, .fixed(3)])
        let inputs = ["x": x, "w": Tensor([1.0, 2, 3], shape: [3, 1])]
        let isRun = (try? evaluate(model, inputs)) != nil
        #expect(isRun == !isPromise)
    }
}
