import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("hostile and broken files")
struct HostileFileTests {
    private func failure(_ load: () throws -> ONNXModel) -> CrypTenError? {
        do {
            _ = try load()
            return nil
        } catch {
            return error as? CrypTenError
        }
    }

    /// A model with a weight, shape arithmetic, a constant and two operators.
    private func builder() -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 4])
        builder.constant("w", (0..<12).map(Double.init), [3, 4])
        builder.constant("shape", integers: [0, 3, 1])
        builder.node("Gemm", ["x", "w"], ["h"], name: "gemm", ["transB": .int(1)])
        builder.node("Reshape", ["h", "shape"], name: "reshape")
        builder.output("y", .float, ["N", 3, 1])
        return builder
    }

    @Test("every truncation of a model is an error that names the file, and none crashes")
    func truncations() throws {
        let fixture = ReferenceModel.fixtures.appendingPathComponent("breast-cancer/logreg.onnx")
        for bytes in [try builder().bytes, try Data(contentsOf: fixture)] {
            _ = try ONNXModel(bytes: bytes)
            for length in 0..<bytes.count {
                let error = failure { try ONNXModel(bytes: bytes.prefix(length), name: "m.onnx") }
                #expect(
                    error?.message.hasPrefix("m.onnx: ") == true,
                    "\(length) bytes: \(error?.message ?? "no error")"
                )
            }
        }
    }

    @Test("flipped bits and bytes never crash the reader or the import", arguments: [UInt64(1), 2, 3])
    func flips(seed: UInt64) throws {
        let bytes = try builder().bytes
        let skeleton = try ONNXModel(bytes: bytes).skeleton()
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<3000 {
            var (model, bones) = (bytes, skeleton)
            for _ in 0...random(3) {
                model[random(model.count)] = UInt8(random(256))
                bones[random(bones.count)] ^= 1 << random(8)
            }
            for load in [{ try ONNXModel(bytes: model) }, { try ONNXModel(skeleton: bones) }] {
                do {
                    let loaded = try load()
                    let inputs = loaded.inputs.map { input in
                        let extents = (input.dimensions ?? []).map { dimension in
                            if case .fixed(let extent) = dimension { return min(extent, 8) }
                            return 2
                        }
                        return (
                            input.name,
                            Tensor([Double](repeating: 0, count: Shape(extents).count), shape: Shape(extents))
                        )
                    }
                    _ = try Imported(loaded, Dictionary(inputs, uniquingKeysWith: { first, _ in first }))
                } catch is CrypTenError {
                    continue
                }
            }
        }
    }

    @Test("missing files, folders, empty files and files of another kind are errors")
    func wrongFiles() throws {
        let missing = failure { try ONNXModel(contentsOf: URL(fileURLWithPath: "/nowhere/m.onnx")) }
        #expect(missing?.code == .fileNotReadable)
        #expect(missing?.message.contains("m.onnx") == true)
        let folder = failure { try ONNXModel(contentsOf: ReferenceModel.fixtures) }
        #expect(folder?.code == .fileNotReadable)
        let empty = failure { try ONNXModel(bytes: Data(), name: "m.onnx") }
        #expect(empty?.code == .malformedFile)
        #expect(empty?.message == "m.onnx: it is empty, not an ONNX model")
        let other = failure {
            try ONNXModel(contentsOf: ReferenceModel.fixtures.appendingPathComponent("digits/x_100.npy"))
        }
        #expect(other?.code == .malformedFile)
        #expect(other?.message.contains("isn't an ONNX model") == true)
    }

    @Test(
        "a graph that breaks a rule is refused, and the message says which",
        arguments: [
            ("undefined input", "node gemm (Gemm) reads 'v', which nothing defines"),
            ("cycle", "a cycle: nodes reshape (Reshape), gemm (Gemm) each read a result of the next one"),
            ("own result", "node gemm (Gemm) reads its own result"),
            ("two definitions", "'x' is defined twice"), ("undefined output", "output 'z' is computed by no node"),
            ("no outputs", "no outputs"), ("short data", "has 12 elements, but 11"),
            ("long data", "has 12 elements, but 13"),
            ("raw data", "takes 48 bytes, but 47 are there"), ("negative extent", "aren't a shape"),
            ("huge extent", "aren't a shape"),
            ("strings", "texts are there"), ("unknown type", "element type number 77"),
            ("no opset", "which version of the operators"),
            ("no operator", "has no operator"), ("two attributes", "twice"),
        ]
    )
    func rules(rule: String, expected: String) throws {
        var builder = builder()
        switch rule {
        case "undefined input": builder.proto.graph.node[0].input[0] = "v"
        case "cycle": builder.proto.graph.node[0].input[0] = "y"
        case "own result": builder.proto.graph.node[0].input[0] = "h"
        case "two definitions": builder.proto.graph.node[0].output[0] = "x"
        case "undefined output": builder.output("z")
        case "no outputs": builder.proto.graph.output = []
        case "short data": builder.proto.graph.initializer[0].floatData.removeLast()
        case "long data": builder.proto.graph.initializer[0].floatData.append(1)
        case "raw data": builder.proto.graph.initializer[0].rawData = Data(count: 47)
        case "negative extent": builder.proto.graph.initializer[0].dims = [-3, -4]
        case "huge extent": builder.proto.graph.initializer[0].dims = [1 << 40, 1 << 40]
        case "strings": builder.proto.graph.initializer[0].dataType = 8
        case "unknown type": builder.proto.graph.initializer[0].dataType = 77
        case "no opset": builder.proto.opsetImport = []
        case "no operator": builder.proto.graph.node[0].opType = ""
        default: builder.proto.graph.node[0].attribute.append(builder.proto.graph.node[0].attribute[0])
        }
        let bytes = try builder.bytes
        let error = failure { try ONNXModel(bytes: bytes, name: "m.onnx") }
        #expect(error?.code == .malformedFile)
        #expect(error?.message.hasPrefix("m.onnx: ") == true)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "no error")")
    }

    @Test("weights that aren't finite are named with their index")
    func notFinite() throws {
        var builder = builder()
        builder.proto.graph.initializer[0].floatData[7] = .nan
        let bytes = try builder.bytes
        let error = failure { try ONNXModel(bytes: bytes, name: "m.onnx") }
        #expect(error?.code == .outOfRange)
        #expect(error?.message == "m.onnx: parameter 'w' (from w) isn't finite at index 7")
    }

    @Test("a skeleton is no model, and a model no skeleton")
    func skeletons() throws {
        let bytes = try builder().bytes
        let skeleton = try ONNXModel(bytes: bytes).skeleton()
        #expect(failure { try ONNXModel(bytes: skeleton) }?.message.contains("is a skeleton") == true)
        #expect(failure { try ONNXModel(skeleton: bytes) }?.message.contains("not a skeleton") == true)
        for length in 0..<skeleton.count { _ = failure { try ONNXModel(skeleton: skeleton.prefix(length)) } }
    }

    // MARK: External data

    /// A folder with a model whose weight lies in another file.
    private func withExternalModel(
        location: String = "w.bin",
        offset: Int = 8,
        length: Int? = 48,
        _ body: (URL) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var builder = builder()
        builder.proto.graph.initializer[0].floatData = []
        builder.proto.graph.initializer[0].dataLocation = .external
        builder.proto.graph.initializer[0].externalData = [
            .with { ($0.key, $0.value) = ("location", location) },
            .with { ($0.key, $0.value) = ("offset", "\(offset)") },
        ]
        if let length {
            builder.proto.graph.initializer[0].externalData.append(
                .with { ($0.key, $0.value) = ("length", "\(length)") }
            )
        }
        let numbers = (0..<12).flatMap { number in
            withUnsafeBytes(of: Float(number).bitPattern.littleEndian) { Array($0) }
        }
        try (Data(count: 8) + Data(numbers)).write(to: folder.appendingPathComponent("w.bin"))
        try builder.bytes.write(to: folder.appendingPathComponent("m.onnx"))
        try body(folder.appendingPathComponent("m.onnx"))
    }

    @Test("external data are read from the model's folder, with and without a length", arguments: [48, nil])
    func external(length: Int?) throws {
        try withExternalModel(length: length) { url in
            let model = try ONNXModel(contentsOf: url)
            #expect(model.parameters.map(\.value) == [Tensor(.float((0..<12).map { Float($0) }), shape: [3, 4])])
        }
    }

    @Test(
        "external data outside of the folder or of the file are refused",
        arguments: [
            ("../w.bin", 8, 48, "outside"), ("/etc/passwd", 0, 48, "outside"), ("a/../../w.bin", 8, 48, "outside"),
            ("link", 8, 48, "outside"), ("nothing.bin", 8, 48, "no such file"), ("w.bin", 9, 48, "has 56"),
            ("w.bin", 8, 47, "takes 48 bytes"), ("w.bin", -1, 48, "isn't a number"), (".", 0, 48, "outside"),
        ]
    )
    func escapes(location: String, offset: Int, length: Int, expected: String) throws {
        try withExternalModel(location: location, offset: offset, length: length) { url in
            let link = url.deletingLastPathComponent().appendingPathComponent("link")
            try FileManager.default.createSymbolicLink(
                at: link,
                withDestinationURL: URL(fileURLWithPath: "/etc/hostname")
            )
            let error = failure { try ONNXModel(contentsOf: url) }
            #expect(error?.message.contains(expected) == true, "\(error?.message ?? "no error")")
        }
    }
}
