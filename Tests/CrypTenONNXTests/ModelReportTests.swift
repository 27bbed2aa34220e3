import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

@Suite("What a model's report says")
struct ModelReportTests {
    private func report(_ builder: ModelBuilder, shapes: [String: [Int]] = [:]) throws -> ONNXModel.Report {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString).onnx")
        try builder.bytes.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try ONNXModel.Report(contentsOf: url, shapes: shapes)
    }

    @Test("networks of the fixtures can be run", arguments: ReferenceModel.committed)
    func fixtures(reference: ReferenceModel) throws {
        let url = reference.url("\(reference.file).onnx", in: ReferenceModel.fixtures)
        let report = try ONNXModel.Report(contentsOf: url)
        #expect(report.isRunnable && report.untried == nil, "\(report.refusals)")
        let model = try ONNXModel(contentsOf: url)
        let secret = model.constants.filter { $0.visibility == .secret }
        #expect(report.parameters.secretTensors == secret.count)
        #expect(report.parameters.secretNumbers == secret.reduce(0) { $0 + $1.shape.count })
        #expect(report.operators.allSatisfy { $0.isSupported })
    }

    @Test("cases of operators can be run, and inputs that must be public are so", arguments: OperatorCase.all)
    func operators(item: OperatorCase) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString).onnx")
        try item.model.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let shapes = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.shape) })
        let report = try ONNXModel.Report(contentsOf: url, shapes: shapes)
        let known = try ONNXModel(bytes: item.model).inputs.filter(\.mustBeKnown).map(\.name)
        // Numbers that decide what is computed are made up, and those that were meant are others.
        if known.isEmpty { #expect(report.isRunnable, "\(report.refusals)") }
        for input in report.inputs where known.contains(input.name) {
            #expect(input.mustBePublic && input.reason?.isEmpty == false)
        }
        let open = Set(item.inputs.filter(\.public).map(\.name))
        for input in report.inputs where input.mustBePublic { #expect(open.contains(input.name), "\(input.name)") }
    }

    @Test("reasons of different kinds are found together, also behind one another")
    func allReasons() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [.named("N"), .fixed(3)])
        builder.constant("weights", [1, 2, 3], [1, 3])
        builder.constant("table", [1, 2, 3, 4, 5, 6], [3, 2])
        builder.node("Frobnicate", ["x"], ["a"], name: "one")
        builder.node("Mul", ["a", "weights"], ["b"], name: "product")
        builder.node("Frobnicate", ["b"], ["c"], name: "two")
        builder.node("ArgMax", ["weights"], ["best"], name: "gate", ["axis": .int(1), "keepdims": .int(0)])
        builder.node("Gather", ["table", "best"], ["expert"], name: "pick")
        builder.node("Grumble", ["c", "expert"], ["y"], name: "three")
        builder.output("y")
        let report = try report(builder)
        #expect(!report.isRunnable)
        let nodes = Dictionary(uniqueKeysWithValues: report.refusals.map { ($0.operation ?? "", $0.nodes) })
        #expect(nodes["Frobnicate"] == ["one", "two"])
        #expect(nodes["Grumble"] == ["three"])
        #expect(report.refusals.allSatisfy { !$0.reason.isEmpty && !$0.reason.contains("\n") })
        #expect(report.operators.filter { !$0.isSupported }.map(\.name).contains("Frobnicate"))
        #expect(report.operators.first { $0.name == "Mul" }?.isSupported == true)
    }

    @Test("weights that lose their numbers and constants that all see are named")
    func precision() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [.fixed(2), .fixed(3)])
        builder.constant("small", [1e-6, 2e-6, -3e-6], [1, 3])
        builder.constant("low", [-1], [])
        builder.constant("high", [1], [])
        builder.node("Relu", ["x"], ["positive"], name: "positive")
        builder.node("Mul", ["positive", "small"], ["a"], name: "scaled")
        builder.node("Clip", ["a", "low", "high"], ["y"], name: "clipped")
        builder.output("y")
        let report = try report(builder)
        #expect(report.isRunnable)
        #expect(report.losses.count == 1 && report.losses[0].vanished == 3)
        #expect(report.publicConstants.map(\.name).sorted() == ["high", "low"])
        #expect(report.publicConstants.allSatisfy { $0.rule == .bound && $0.reason.contains("clipped") })
        #expect(report.parameters.tensors == 3 && report.parameters.numbers == 5 && report.parameters.bytes == 20)
    }

    @Test("bytes that are no model are an error, and every prefix of one is a report or an error")
    func hostile() throws {
        let bytes = try Data(contentsOf: ReferenceModel.committed[3].url("mlp.onnx", in: ReferenceModel.fixtures))
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString).onnx")
        defer { try? FileManager.default.removeItem(at: url) }
        for length in stride(from: 0, to: bytes.count, by: 61) {
            try bytes.prefix(length).write(to: url)
            do {
                let report = try ONNXModel.Report(contentsOf: url)
                #expect(!report.isRunnable, "\(length)")
            } catch let error as CrypTenError {
                #expect(error.code == .malformedFile, "\(length)")
            }
        }
    }
}
