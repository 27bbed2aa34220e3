import CrypTen
import CrypTenBase
import CrypTenONNX
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("Checked models")
struct CheckedModelTests {
    @Test(
        "no value of a committed network leaves its range, and none is far from the clear one",
        arguments: ReferenceModel.committed
    )
    func committed(reference: ReferenceModel) async throws {
        let url = reference.url("\(reference.file).onnx", in: ReferenceModel.fixtures)
        let input = try #require(try reference.inputs(in: ReferenceModel.fixtures)[reference.input.name])
        // Some of the batch: the convolutions are evaluated once more in double.
        let rows = min(4, input.shape[0])
        let part = Tensor(
            Array(input.doubles[..<(input.shape.count / input.shape[0] * rows)]),
            shape: Shape([rows] + input.shape.dimensions.dropFirst())
        )
        let reports = try await withInsecureCheckedParties(2) { session in
            let model = try await session.load(onnx: url, from: .party(1))
            let x = try await session.input(from: .party(0), name: reference.input.name) { part }
            return try await session.check(model(x), revealingTo: .party(0))
        }
        for report in reports {
            #expect(report.violation == nil)
            #expect(report.layers.count > 1)
            for layer in report.layers {
                #expect(layer.largestError < 0.005, "\(layer)")
                #expect(layer.headRoomBits.map { $0 > 4 } ?? true, "\(layer)")
            }
        }
        #expect(reports[0].values?[0].shape[0] == rows)
        #expect(reports[1].values == nil)
    }

    @Test("with exponents of its weights a network is right, too; all parties read the same, and none that can't be")
    func exponents() async throws {
        let reference = try #require(ReferenceModel.committed.first)
        let url = reference.url("\(reference.file).onnx", in: ReferenceModel.fixtures)
        let model = try ONNXModel(contentsOf: url).withWeightExponents()
        #expect(!model.weightExponents.isEmpty)
        for parameter in model.parameters {
            guard let largest = parameter.value?.doubles.map(\.magnitude).max(), largest > 0 else { continue }
            let exponent = try #require(model.weightExponents[parameter.name])
            #expect(largest < pow(2, Double(exponent)) && largest >= pow(2, Double(exponent - 1)))
        }
        #expect(try ONNXModel(skeleton: model.skeleton()).weightExponents == model.weightExponents)
        #expect(try ONNXModel(skeleton: ONNXModel(contentsOf: url).skeleton()).weightExponents.isEmpty)
        let proto = try Onnx_ModelProto(serializedBytes: model.skeleton())
        for text in ["", "1", "999", "x", String(repeating: ",", count: model.parameters.count)] {
            var broken = proto
            let place = try #require(broken.metadataProps.firstIndex { $0.value.contains(",") })
            broken.metadataProps[place].value = text
            let bytes = try broken.serializedData() as Data
            let error = #expect(throws: CrypTenError.self) { try ONNXModel(skeleton: bytes) }
            #expect(error?.code == .malformedFile)
        }
        let input = try #require(try reference.inputs(in: ReferenceModel.fixtures)[reference.input.name])
        let part = Tensor(
            Array(input.doubles[..<(input.shape.count / input.shape[0])]),
            shape: Shape([1] + input.shape.dimensions.dropFirst())
        )
        let reports = try await withInsecureCheckedParties(2) { session in
            let module = try await session.load(onnx: url, from: .party(1), weightExponents: true)
            let x = try await session.input(from: .party(0), name: reference.input.name) { part }
            return try await session.check(module(x))
        }
        for report in reports { #expect(report.violations.isEmpty && report.imprecisions.isEmpty) }
    }

    @Test(
        "what leaves the range in a model of whole numbers is told by input, node and operation, and by no line of this package"
    )
    func integers() async throws {
        var builder = ModelBuilder()
        builder.input("count", .int64, [2])
        builder.output("y", .float)
        builder.constant("w", [3.7, 1.3], [2])
        builder.node("Cast", ["count"], ["real"], name: "cast", ["to": .int(1)])
        builder.node("Mul", ["real", "w"], ["product"], name: "scale")
        builder.node("Relu", ["product"], ["y"], name: "relu")
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).onnx")
        try builder.bytes.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let products = try await withInsecureCheckedParties(2) { session in
            let module = try await session.load(onnx: file, from: .party(1))
            let x = try await session.input(from: .party(0), name: "count") { Tensor([1 << 52, Int64(5)], shape: [2]) }
            return try await session.check(module(x), revealingTo: .party(0))
        }
        for report in products {
            let finding = try #require(report.violations.first)
            #expect(finding.message.hasPrefix("scale / multiply: "), "\(finding.message)")
            #expect(finding.origin == nil && !finding.message.contains(".swift:"))
        }
        // Differences of inputs themselves are the inputs'.
        let reports = try await withInsecureCheckedParties(2) { session in
            let x = try await session.input(from: .party(0), name: "count") {
                Tensor([Int64.max / 4 * 3, Int64.min / 4 * 3], shape: [2])
            }
            return try await session.check([x.toReal().max()])
        }
        for report in reports {
            #expect(report.violations.first?.message.hasPrefix("count / input: ") == true, "\(report.violations)")
        }
    }
}
