import CrypTen
import CrypTenExpressions
import CrypTenONNX
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("Labels whose texts stay with the model's owner")
struct HiddenLabelTests {
    private static let named = OperatorCase.classical.filter { item in
        (try? ONNXModel(bytes: item.model))?.texts.isEmpty == false
    }

    private func texts(_ model: ONNXModel) -> [String] { model.texts.values.flatMap { $0 } }

    @Test("the skeleton has no text, the owner has all, and what is computed is the same")
    func skeletons() throws {
        #expect(Self.named.count >= 5)
        for item in Self.named where item.name != "mapper_to_texts" {
            let model = try ONNXModel(bytes: item.model, name: item.name)
            let hidden = try model.withHiddenLabels()
            #expect(hidden.texts == model.texts, "\(item.name)")
            let others = try ONNXModel(skeleton: try hidden.skeleton())
            #expect(others.texts.isEmpty && others.outputs.map(\.name) == model.outputs.map(\.name), "\(item.name)")
            let shown = try ONNXModel(skeleton: try model.skeleton())
            #expect(shown.texts == model.texts, "\(item.name)")
            let inputs = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.tensor) })
            #expect(
                try Imported(others, inputs).canonicalGraph == Imported(shown, inputs).canonicalGraph,
                "\(item.name)"
            )
        }
    }

    /// A classifier of three kinds, whose label goes through `operation` where there is one, and is an output or not.
    private func model(_ kinds: [String], then operation: String? = nil, showsLabel: Bool = true) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.proto.opsetImport.append(.with { ($0.domain, $0.version) = ("ai.onnx.ml", 3) })
        builder.input("x", .float, [2, 2])
        builder.node("LinearClassifier", ["x"], ["label", "scores"], [:])
        builder.node("ZipMap", ["scores"], ["maps"], [:])
        if let operation { builder.node(operation, ["label"], ["read"], [:]) }
        for index in builder.proto.graph.node.indices { builder.proto.graph.node[index].domain = "ai.onnx.ml" }
        builder.proto.graph.node[0].attribute = [
            .with { ($0.name, $0.type, $0.floats) = ("coefficients", .floats, [1, 0, 0, 1, 1, 1]) },
            .with { ($0.name, $0.type, $0.floats) = ("intercepts", .floats, [0, 0, 0]) },
        ]
        for index in 0..<2 {
            builder.proto.graph.node[index].attribute.append(
                .with {
                    ($0.name, $0.type, $0.strings) = ("classlabels_strings", .strings, kinds.map { Data($0.utf8) })
                }
            )
        }
        if operation != nil {
            builder.proto.graph.node[2].attribute = [
                .with { ($0.name, $0.type, $0.strings) = ("cats_strings", .strings, kinds.map { Data($0.utf8) }) }
            ]
            builder.output("read", .float)
        }
        if showsLabel { builder.output("label", .float) }
        builder.output("maps", .float)
        for index in builder.proto.graph.output.indices where builder.proto.graph.output[index].name == "label" {
            builder.proto.graph.output[index].type.tensorType.elemType = 8
        }
        return try ONNXModel(bytes: try builder.bytes)
    }

    @Test("no byte of a label's text is in what the others get, nor in the plan that they make of it")
    func bytes() throws {
        let kinds = ["creditworthy", "doubtful", "refused"]
        for showsLabel in [true, false] {
            let model = try model(kinds, showsLabel: showsLabel)
            #expect(model.shownLabels.values.contains(kinds))
            let (shown, hidden) = (try model.skeleton(), try model.withHiddenLabels())
            let bytes = try hidden.skeleton()
            for kind in kinds {
                #expect(shown.range(of: Data(kind.utf8)) != nil && bytes.range(of: Data(kind.utf8)) == nil, "\(kind)")
            }
            #expect(hidden.shownLabels.isEmpty)
        }
    }

    @Test("a text that the model reads itself can't be hidden, and the node is named")
    func read() throws {
        for showsLabel in [true, false] {
            let model = try model(["a", "b", "c"], then: "OneHotEncoder", showsLabel: showsLabel)
            let error = #expect(throws: CrypTenError.self) { _ = try model.withHiddenLabels() }
            #expect(error?.code == .unsupportedOperator)
            #expect(error?.message.contains("it reads the texts of 'label'") == true, "\(error?.message ?? "")")
        }
        let mapper = try #require(Self.named.first { $0.name == "mapper_to_texts" })
        #expect(throws: CrypTenError.self) { _ = try ONNXModel(bytes: mapper.model).withHiddenLabels() }
    }
}
