import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

/// Quantised operators and networks, what onnxruntime computes of them, and how far off a result may be: one quantum of a grid, or
/// nothing where whole numbers are exact. `Scripts/make_quantised_cases.py` makes them.
struct QuantizedCase: Sendable, CustomTestStringConvertible {
    var item: OperatorCase
    var tolerance: Double

    var testDescription: String { item.name }

    private struct File: Decodable {
        struct Tolerance: Decodable {
            var tolerance: Double
        }

        var cases: [Tolerance]
    }

    static let all: [QuantizedCase] = {
        let url = ReferenceModel.fixtures.appendingPathComponent("quantised.json")
        guard let items = try? OperatorCase.read(from: url), let data = try? Data(contentsOf: url),
            let file = try? JSONDecoder().decode(File.self, from: data)
        else { return [] }
        return zip(items, file.cases).map { QuantizedCase(item: $0, tolerance: $1.tolerance) }
    }()

    /// One of each kind, for runs with secrets.
    static let secret = all.filter { entry in
        [
            "quantise_s8", "int4_blocks", "qlinear_conv", "qlinear_matmul_of_inputs", "conv_integer",
            "dynamic_quantise", "qlinear_mul",
            "qlinear_concat", "qgemm", "matmul_4_bits_zero_points", "add_uint8", "sub_int8", "cast_to_int8",
            "dense_dynamic_s8_channels",
            "image_qdq_s8s8", "image_operators_u8s8_channels",
        ].contains(entry.item.name)
    }

    /// Whether a result has the shape and kind, and is near enough.
    func accepts(_ got: Tensor?, _ want: OperatorCase.Entry) -> Bool {
        guard let got, got.shape.dimensions == want.shape, got.kind == want.kind else { return false }
        return zip(got.doubles, want.values).allSatisfy { abs($0 - $1) <= tolerance }
    }
}

@Suite("Quantised networks against another runtime")
struct QuantizedCaseTests {
    @Test("there are as many cases as the script makes, each of another name")
    func count() {
        #expect(QuantizedCase.all.count == 53)
        #expect(Set(QuantizedCase.all.map(\.item.name)).count == 53)
        #expect(QuantizedCase.secret.count == 16)
    }

    @Test(
        "within one quantum in the clear, at the owner; the others import the same program",
        arguments: QuantizedCase.all
    )
    func clear(entry: QuantizedCase) throws {
        let model = try ONNXModel(bytes: entry.item.model, name: entry.item.name)
        let inputs = Dictionary(uniqueKeysWithValues: entry.item.inputs.map { ($0.name, $0.tensor) })
        let results = try evaluate(model, inputs)
        for output in entry.item.outputs {
            #expect(
                entry.accepts(results[output.name], output),
                "\(output.name): \(String(describing: results[output.name]))"
            )
        }
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        let others = try Imported(skeleton, inputs)
        let own = try Imported(model, inputs)
        #expect(own.canonicalGraph == others.canonicalGraph)
    }

    @Test("no weight, scale or zero point is public", arguments: QuantizedCase.all)
    func secrets(entry: QuantizedCase) throws {
        let model = try ONNXModel(bytes: entry.item.model, name: entry.item.name)
        let shown = model.constants.filter { $0.visibility == .public }
        // What is left are shapes: a bias is reshaped before it is added to channels.
        #expect(shown.allSatisfy { $0.type == .int64 }, "\(shown.map(\.name))")
    }

    @Test("within one quantum between two parties", arguments: QuantizedCase.secret)
    func secret(entry: QuantizedCase) async throws {
        let answers = try await withLocalParties(2) { try await entry.item.results(on: $0) }
        let got = try #require(answers[0])
        for (tensor, output) in zip(got, entry.item.outputs) {
            #expect(entry.accepts(tensor, output), "\(output.name): \(tensor)")
        }
    }
}
