import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

/// A network with its inputs and the outputs that onnxruntime computes.
struct ReferenceModel: Sendable, CustomTestStringConvertible {
    var name: String
    var folder: String
    var file: String
    /// The input's name and file.
    var input: (name: String, file: String)
    var output: String
    /// Whether the input holds public numbers such as tokens.
    var isPublic = false

    var testDescription: String { name }

    static let fixtures = Bundle.module.resourceURL!.appendingPathComponent("Fixtures")

    /// The folder of larger models, where the environment names one.
    static let larger = ProcessInfo.processInfo.environment["CRYPTEN_MODELS"].map { URL(fileURLWithPath: $0) }

    static let committed: [ReferenceModel] = [
        .init(name: "digits-cnn", folder: "digits", file: "cnn", input: ("x", "x_100"), output: "logits"),
        .init(name: "digits-mlp", folder: "digits", file: "mlp", input: ("x", "x_100"), output: "logits"),
        .init(
            name: "breast-cancer-logreg",
            folder: "breast-cancer",
            file: "logreg",
            input: ("x", "x_test"),
            output: "p"
        ),
        .init(
            name: "breast-cancer-mlp",
            folder: "breast-cancer",
            file: "mlp",
            input: ("x", "x_test"),
            output: "logits"
        ),
        .init(
            name: "tiny-resnet18",
            folder: "tiny",
            file: "resnet18_tiny",
            input: ("x", "resnet18_tiny.x"),
            output: "logits"
        ),
        .init(
            name: "tiny-resnet50",
            folder: "tiny",
            file: "resnet50_tiny",
            input: ("x", "resnet50_tiny.x"),
            output: "logits"
        ),
        .init(
            name: "tiny-plain-resnet18",
            folder: "tiny_plain",
            file: "resnet18_tiny",
            input: ("x", "resnet18_tiny.x"),
            output: "logits"
        ),
        .init(
            name: "tiny-plain-resnet50",
            folder: "tiny_plain",
            file: "resnet50_tiny",
            input: ("x", "resnet50_tiny.x"),
            output: "logits"
        ),
    ]

    static let uncommitted: [ReferenceModel] = [
        .init(name: "mnist-lenet5", folder: "mnist", file: "lenet5", input: ("x", "x_100"), output: "logits"),
        .init(name: "mnist-mlp", folder: "mnist", file: "mlp", input: ("x", "x_100"), output: "logits"),
        .init(
            name: "text-mean-of-words",
            folder: "text",
            file: "mean_of_words",
            input: ("ids", "ids_100"),
            output: "logits",
            isPublic: true
        ),
        .init(name: "text-counts", folder: "text", file: "counts", input: ("counts", "counts_20"), output: "logits"),
    ]

    func url(_ file: String, in root: URL) -> URL {
        root.appendingPathComponent(folder).appendingPathComponent(file)
    }

    func model(in root: URL) throws -> ONNXModel {
        try ONNXModel(contentsOf: url("\(file).onnx", in: root))
    }

    func inputs(in root: URL) throws -> [String: Tensor] {
        [input.name: try Tensor(contentsOfNumpyFile: url("\(input.file).npy", in: root))]
    }

    /// The largest difference between the imported network's outputs in the clear and the expected ones.
    func error(in root: URL) throws -> Double {
        let got = try evaluate(try model(in: root), try inputs(in: root), publicInputs: isPublic ? [input.name] : [])
        let expected = try Tensor(contentsOfNumpyFile: url("\(file).\(output).npy", in: root))
        return distance(got[output]!, expected)
    }
}

@Suite("reference models")
struct ReferenceModelTests {
    @Test("in the clear, an imported network computes what onnxruntime does", arguments: ReferenceModel.committed)
    func committed(model: ReferenceModel) throws {
        #expect(try model.error(in: ReferenceModel.fixtures) < 1e-4)
    }

    @Test(
        "in the clear, a larger imported network computes what onnxruntime does",
        .enabled(if: ReferenceModel.larger != nil, "CRYPTEN_MODELS names no folder of larger models"),
        arguments: ReferenceModel.uncommitted
    )
    func uncommitted(model: ReferenceModel) throws {
        let root = try #require(ReferenceModel.larger)
        #expect(try model.error(in: root) < 1e-4)
    }

    @Test("a skeleton imports to the same expressions as the model itself", arguments: ReferenceModel.committed)
    func skeleton(reference: ReferenceModel) throws {
        let model = try reference.model(in: ReferenceModel.fixtures)
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        let inputs = try reference.inputs(in: ReferenceModel.fixtures)
        #expect(try Imported(model, inputs).canonicalGraph == Imported(skeleton, inputs).canonicalGraph)
        #expect(model.parameters.allSatisfy { $0.value != nil })
        #expect(skeleton.parameters.allSatisfy { $0.value == nil })
        #expect(try skeleton.skeleton() == model.skeleton())
    }

    @Test("every node of a network belongs to the layer of its ONNX node")
    func layers() throws {
        let reference = ReferenceModel.committed[0]
        let model = try reference.model(in: ReferenceModel.fixtures)
        let imported = try Imported(model, try reference.inputs(in: ReferenceModel.fixtures))
        let operations = imported.canonicalGraph.filter { !$0.hasPrefix("input") && !$0.hasPrefix("logits:") }
        #expect(operations.allSatisfy { $0.contains("/") }, "\(operations.filter { !$0.contains("/") })")
    }

    @Test("batch normalisation leaves nothing behind in a network of convolutions")
    func foldedResNet() throws {
        let model = try ReferenceModel.committed[4].model(in: ReferenceModel.fixtures)
        let plain = try ReferenceModel.committed[6].model(in: ReferenceModel.fixtures)
        let inputs = try ReferenceModel.committed[4].inputs(in: ReferenceModel.fixtures)
        #expect(model.parameters.count == plain.parameters.count)
        #expect(model.parameters.contains { $0.sources.count == 3 })
        #expect(try Imported(model, inputs).canonicalGraph.count == Imported(plain, inputs).canonicalGraph.count)
    }
}
