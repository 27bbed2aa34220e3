import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

extension OperatorCase: CustomTestStringConvertible {
    /// The case's name.
    var testDescription: String { name }

    static let all: [OperatorCase] =
        (try? OperatorCase.read(from: ReferenceModel.fixtures.appendingPathComponent("operators.json"))) ?? []

    /// Those of onnxruntime's own operators.
    static let ofRuntime: [OperatorCase] =
        (try? OperatorCase.read(from: ReferenceModel.fixtures.appendingPathComponent("runtime.json"))) ?? []

    /// A sample of them that takes each way through masks, caches and layouts once.
    static let secretOfRuntime = ofRuntime.filter { item in
        [
            "fast_gelu_bias", "bias_softmax_rows", "fused_matmul_batch_turned", "fused_gemm_leaky", "fused_conv_sum",
            "nhwc_conv", "skip_layer_sum", "skip_simplified_sum", "skip_group_norm", "embed_mask", "embed_positions",
            "attention_lengths_secret", "attention_raw_secret", "attention_raw_lowest", "attention_past_raw",
            "heads_cross_bias", "heads_packed_kv", "heads_past", "groups_rotary", "groups_next_apart", "groups_sink",
            "rotary_offset", "relative_positions_1", "irfft",
        ].contains(item.name)
    }

    /// Those whose secret runs take comparisons, products and moves only, so that few of them take long.
    static let secret = all.filter { item in
        [
            "conv1d", "conv2d_groups", "conv3d", "convtranspose2d", "convtranspose3d", "maxpool3d", "maxpool_indices",
            "avgpool3d", "col2im", "gatherelements", "scatterelements_none", "scatterelements_add",
            "scatterelements_max",
            "scatternd_mul", "compress", "trilu", "pad_reflect", "einsum", "einsum_diagonal", "det", "topk", "cumsum",
            "cumprod",
            "reduceprod", "floor", "ceil", "round_half", "hardswish", "thresholdedrelu", "shrink", "prelu_channels",
            "resize_linear_align_corners", "resize_cubic_half_pixel", "gridsample_linear_reflection", "affinegrid",
            "dft",
            "deformconv", "gru", "rnn_both_ways", "scan",
        ].contains(item.name)
    }
}

@Suite("Operators against another runtime")
struct OperatorCaseTests {
    @Test("there are as many cases as the script makes, each of another name")
    func count() {
        #expect(OperatorCase.all.count == 195)
        #expect(Set(OperatorCase.all.map(\.name)).count == 195)
        #expect(Set(OperatorCase.all.map(\.operator)).count == 116)
        #expect(OperatorCase.secret.count == 40)
        #expect(OperatorCase.ofRuntime.count == 79)
        #expect(Set(OperatorCase.ofRuntime.map(\.name)).count == 79)
        #expect(Set(OperatorCase.ofRuntime.map(\.operator)).count == 36)
        #expect(OperatorCase.secretOfRuntime.count == 24)
    }

    @Test("in the clear, at the owner and by the skeleton", arguments: OperatorCase.all + OperatorCase.ofRuntime)
    func clear(item: OperatorCase) throws {
        let model = try ONNXModel(bytes: item.model, name: item.name)
        let inputs = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.tensor) })
        let open = Set(item.inputs.filter(\.public).map(\.name))
        let known = Set(model.inputs.filter(\.isKnownWherePublic).map(\.name))
        #expect(known.isSubset(of: open))
        let values = inputs.filter { known.contains($0.key) }
        let results = try evaluate(model, inputs, publicInputs: open, publicValues: values)
        for output in item.outputs {
            let exact = output.kind != .real
            #expect(output.difference(from: results[output.name]!) <= (exact ? 0 : 5e-4), "\(output.name)")
        }
        // The others import the same program.
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        let others = try Imported(skeleton, inputs, publicInputs: open, publicValues: values)
        let own = try Imported(model, inputs, publicInputs: open, publicValues: values)
        #expect(own.canonicalGraph == others.canonicalGraph)
    }

    /// Whose addresses or exponents may be secret, and are public inputs of the case.
    private static let placed = OperatorCase.all.filter { item in
        guard let model = try? ONNXModel(bytes: item.model, name: item.name) else { return false }
        let open = Set(item.inputs.filter(\.public).map(\.name))
        return model.inputs.contains { !$0.mustBeKnown && open.contains($0.name) }
    }

    @Test("with the public inputs secret, too: the same, or refused by name", arguments: placed)
    func secretPlaces(item: OperatorCase) throws {
        let model = try ONNXModel(bytes: item.model, name: item.name)
        var (inputs, values): ([String: Tensor], [String: Tensor]) = ([:], [:])
        for entry in item.inputs {
            if model.inputs.contains(where: { $0.name == entry.name && $0.mustBeKnown }) {
                values[entry.name] = entry.tensor
            } else {
                inputs[entry.name] =
                    try model.words[entry.name]?.expanded(entry.tensor, name: entry.name) ?? entry.tensor
            }
        }
        let results: [String: Tensor]
        do {
            results = try evaluate(model, inputs.merging(values) { a, _ in a }, publicValues: values)
        } catch let problem as CrypTenError {
            #expect(problem.code == .unsupportedOperator, "\(problem.message)")
            #expect(problem.message.contains("secret") || problem.message.contains("base"), "\(problem.message)")
            return
        }
        for output in item.outputs {
            #expect(
                output.difference(from: results[output.name]!) <= (output.kind == .real ? 5e-4 : 0),
                "\(output.name)"
            )
        }
    }

    @Test("between two parties", arguments: OperatorCase.secret + OperatorCase.secretOfRuntime)
    func secret(item: OperatorCase) async throws {
        let answers = try await withLocalParties(2) { try await item.results(on: $0) }
        let got = try #require(answers[0])
        for (tensor, output) in zip(got, item.outputs) {
            #expect(output.difference(from: tensor) <= (output.kind == .real ? 2e-3 : 0), "\(output.name)")
        }
    }
}
