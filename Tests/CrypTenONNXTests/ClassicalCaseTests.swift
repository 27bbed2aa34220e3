import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

extension OperatorCase {
    static let classical: [OperatorCase] =
        (try? OperatorCase.read(from: ReferenceModel.fixtures.appendingPathComponent("classical.json"))) ?? []

    /// Those that are run between parties: one of each way of computing.
    static let secretClassical = classical.filter { item in
        [
            "scaler", "regressor_amounts", "classes_softmax_zero", "two_classes_logistic", "vectors_rbf_3",
            "vectors_probabilities_2",
            "vectors_probabilities_4", "vectors_poly_2", "vectors_linear_4", "regressor_sigmoid",
            "regressor_of_amounts", "normalizer_l2",
            "normalizer_max", "imputer_missing_moved", "extractor_of_labels", "onehot_of_texts",
            "encoder_whole_to_floats", "encoder_floats",
        ].contains(item.name)
    }

    /// How far results may be from onnxruntime's, which stops some iterations early, in the clear and in secret.
    var tolerance: (clear: Double, secret: Double) {
        name.hasPrefix("vectors_probabilities") && !name.hasSuffix("_2") ? (1e-2, 1e-2) : (5e-4, 4e-3)
    }
}

@Suite("Classical models against another runtime")
struct ClassicalCaseTests {
    @Test("there are as many cases as the script makes, each of another name")
    func count() {
        #expect(OperatorCase.classical.count == 62)
        #expect(Set(OperatorCase.classical.map(\.name)).count == 62)
        #expect(OperatorCase.secretClassical.count == 18)
    }

    @Test("in the clear, at the owner and by the skeleton", arguments: OperatorCase.classical)
    func clear(item: OperatorCase) throws {
        let model = try ONNXModel(bytes: item.model, name: item.name)
        let inputs = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.tensor) })
        let results = try evaluate(model, inputs)
        for output in item.outputs {
            let bound = output.kind == .real ? item.tolerance.clear : 0
            #expect(output.difference(from: results[output.name]!) <= bound, "\(output.name)")
        }
        // The others import the same program.
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        let others = try Imported(skeleton, inputs)
        let own = try Imported(model, inputs)
        #expect(own.canonicalGraph == others.canonicalGraph)
    }

    @Test("between two parties", arguments: OperatorCase.secretClassical)
    func secret(item: OperatorCase) async throws {
        let answers = try await withLocalParties(2) { try await item.results(on: $0) }
        let got = try #require(answers[0])
        for (tensor, output) in zip(got, item.outputs) {
            #expect(
                output.difference(from: tensor) <= (output.kind == .real ? item.tolerance.secret : 0),
                "\(output.name)"
            )
        }
    }

    @Test("a skeleton holds no number of a scaler, a model of lines or of support vectors")
    func skeleton() throws {
        for item in OperatorCase.classical
        where !["extractor", "onehot", "mapper"].contains(where: item.name.hasPrefix) {
            let model = try ONNXModel(bytes: item.model, name: item.name)
            let bytes = try model.skeleton()
            for constant in model.constants where constant.type.kind == .real {
                #expect(constant.visibility == .secret, "\(item.name): \(constant.name)")
            }
            // Names, attributes and shapes are all that is there: none of the weights' bits are.
            let copy = try ONNXModel(skeleton: bytes)
            #expect(copy.parameters.allSatisfy { $0.value == nil }, "\(item.name)")
        }
    }
}
