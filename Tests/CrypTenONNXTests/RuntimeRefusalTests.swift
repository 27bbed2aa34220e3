import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

extension ModelBuilder {
    /// A model of one node of onnxruntime's own.
    init(
        runtime operation: String,
        _ inputs: [(String, Tensor)],
        constants: [(String, [Int])] = [],
        order: [String]? = nil,
        _ attributes: [String: Attribute] = [:],
        outputs: [String] = ["y"],
        domain: String = "com.microsoft"
    ) {
        self.init(opset: 17)
        proto.opsetImport.append(.with { ($0.domain, $0.version) = (domain, 1) })
        for (name, tensor) in inputs { input(name, like: tensor) }
        for (name, integers) in constants { constant(name, integers: integers) }
        node(operation, order ?? (inputs.map(\.0) + constants.map(\.0)), outputs, attributes)
        proto.graph.node[0].domain = domain
        for name in outputs { output(name) }
    }
}

@Suite("what onnxruntime's operators can't take is refused with a sentence")
struct RuntimeRefusalTests {
    struct Form: Sendable, CustomTestStringConvertible {
        var operation: String
        var shapes: [Shape]
        var integers: [[Int]] = []
        /// Names of the node's inputs: `a`, `b` … are tensors, `i`, `j` … lists of integers.
        var order: [String]?
        var attributes: [String: ModelBuilder.Attribute] = [:]
        var message: String

        var testDescription: String { "\(operation) \(message)" }
    }

    private static let heads: [String: ModelBuilder.Attribute] = ["num_heads": .int(2)]
    private static let groups: [String: ModelBuilder.Attribute] = ["num_heads": .int(2), "kv_num_heads": .int(1)]

    static let forms: [Form] = [
        Form(operation: "BiasSplitGelu", shapes: [[2, 3], [3]], message: "can't be split in two"),
        Form(operation: "BiasSoftmax", shapes: [[2, 3], [2, 2, 3]], message: "can't be added to shape"),
        Form(operation: "FusedMatMul", shapes: [[], [2, 2]], message: "is one number"),
        Form(operation: "FusedMatMul", shapes: [[2, 3], [2, 3]], message: "matmul"),
        Form(
            operation: "FusedConv",
            shapes: [[1, 1, 4, 4], [1, 1, 3, 3]],
            attributes: ["activation": .string("Dance")],
            message: "its activation Dance isn't one of"
        ),
        Form(
            operation: "FusedConv",
            shapes: [[1, 1, 4, 4], [1, 1, 3, 3], [1], [1, 1, 4, 4]],
            message: "Z of shape [1, 1, 4, 4] can't be added"
        ),
        Form(operation: "NhwcConv", shapes: [[1, 4], [1, 4]], message: "isn't [N, …, C]"),
        Form(
            operation: "NhwcConv",
            shapes: [[1, 4, 4, 2], [1, 3, 3, 2]],
            attributes: ["group": .int(0)],
            message: "of 0 groups"
        ),
        Form(
            operation: "SkipLayerNormalization",
            shapes: [[1, 2], [2, 1, 2], [2]],
            message: "can't be added to shape"
        ),
        Form(operation: "GroupNorm", shapes: [[1, 2, 2, 4], [4], [4]], message: "a number of groups"),
        Form(
            operation: "GroupNorm",
            shapes: [[1, 2, 2, 4], [4], [4]],
            attributes: ["groups": .int(3)],
            message: "must divide the channels"
        ),
        Form(operation: "ExpandDims", shapes: [[2]], integers: [[9]], message: "axis 9 isn't one of 2"),
        Form(
            operation: "Rfft",
            shapes: [[2, 4]],
            attributes: ["normalized": .int(1)],
            message: "one axis (signal_ndim = 1"
        ),
        Form(operation: "Irfft", shapes: [[2, 3]], message: "isn't half a spectrum"),
        Form(
            operation: "RelativePositionBias",
            shapes: [[8, 2]],
            integers: [[1 << 40], [4]],
            attributes: ["max_distance": .int(6)],
            message: "a number of queries"
        ),
        Form(
            operation: "RelativePositionBias",
            shapes: [[8, 2]],
            integers: [[1 << 16], [1 << 16]],
            attributes: ["max_distance": .int(6)],
            message: "would be computed"
        ),
        Form(operation: "CDist", shapes: [[2, 3], [2, 2]], message: "aren't two lists of points"),
        Form(
            operation: "CDist",
            shapes: [[2, 3], [2, 3]],
            attributes: ["metric": .string("cosine")],
            message: "isn't euclidean or sqeuclidean"
        ),
        Form(operation: "Attention", shapes: [[1, 2, 4], [4, 12]], message: "a number of heads"),
        Form(
            operation: "Attention",
            shapes: [[1, 2, 4], [4, 12]],
            attributes: ["num_heads": .int(3)],
            message: "can't be queries, keys and values"
        ),
        Form(
            operation: "Attention",
            shapes: [[1, 2, 4], [4, 12]],
            attributes: ["num_heads": .int(2), "qkv_hidden_sizes": .ints([.max, .max, 2])],
            message: "can't be queries, keys and values"
        ),
        Form(
            operation: "Attention",
            shapes: [[1, 2, 4], [4, 12]],
            attributes: ["num_heads": .int(2), "do_rotary": .int(1)],
            message: "export the model with RotaryEmbedding"
        ),
        Form(
            operation: "Attention",
            shapes: [[1, 2, 4], [4, 12], [12]],
            integers: [[1, 1, 1]],
            attributes: heads,
            message: "a mask of shape [3] doesn't fit 1 samples of 2 queries and 2 keys"
        ),
        Form(
            operation: "Attention",
            shapes: [[1, 2, 4], [4, 12], [2, 1, 2, 3]],
            order: ["a", "b", "", "", "c"],
            attributes: heads,
            message: "isn't [2, N, H, P, D]"
        ),
        Form(
            operation: "MultiHeadAttention",
            shapes: [[1, 2, 4]],
            attributes: heads,
            message: "its keys or values are missing"
        ),
        Form(
            operation: "MultiHeadAttention",
            shapes: [[1, 2, 3, 3, 2]],
            attributes: heads,
            message: "isn't [N, L, 2, 3, D]"
        ),
        Form(
            operation: "MultiHeadAttention",
            shapes: [[1, 2, 4], [1, 3, 4], [1, 2, 4]],
            attributes: heads,
            message: "aren't queries, keys and values"
        ),
        Form(
            operation: "MultiHeadAttention",
            shapes: [[1, 2, 4], [1, 3, 4], [1, 3, 4], [5]],
            attributes: heads,
            message: "a bias of shape [5] doesn't fit heads"
        ),
        Form(
            operation: "GroupQueryAttention",
            shapes: [[1, 2, 4], [1, 2, 2], [1, 2, 2]],
            integers: [[9], [2]],
            order: ["a", "b", "c", "", "", "i", "j"],
            attributes: groups,
            message: "a sample's last token 9 isn't one of 2"
        ),
        Form(
            operation: "GroupQueryAttention",
            shapes: [[1, 2, 4], [1, 2, 2], [1, 2, 2]],
            integers: [[4], [5]],
            order: ["a", "b", "c", "", "", "i", "j"],
            attributes: groups,
            message: "it has tokens before and no cache of them"
        ),
        Form(
            operation: "GroupQueryAttention",
            shapes: [[1, 2, 4], [1, 2, 2], [1, 2, 2]],
            integers: [[1], [2]],
            order: ["a", "b", "c", "", "", "i", "j"],
            attributes: groups.merging(["sliding_window_cache": .int(1)]) { $1 },
            message: "a plain one is computed here"
        ),
        Form(
            operation: "RotaryEmbedding",
            shapes: [[1, 2, 4], [9, 2], [9, 2]],
            integers: [[1, 2, 3]],
            order: ["a", "i", "b", "c"],
            message: "positions of shape [3] aren't those of 1 samples of 2 tokens"
        ),
        Form(
            operation: "RotaryEmbedding",
            shapes: [[1, 2, 4], [9, 2], [9, 2]],
            integers: [[-1]],
            order: ["a", "i", "b", "c"],
            message: "tokens can't start at -1"
        ),
        Form(
            operation: "RotaryEmbedding",
            shapes: [[1, 2, 4], [9, 2], [9, 2]],
            integers: [[0]],
            order: ["a", "i", "b", "c"],
            attributes: ["rotary_embedding_dim": .int(.min), "num_heads": .int(1)],
            message: "it can't rotate"
        ),
    ]

    @Test("shapes and attributes", arguments: forms)
    func form(form: Form) throws {
        let letters = ["a", "b", "c", "d", "e", "f"]
        let inputs = zip(letters, form.shapes).map { ($0, numbers($1)) }
        let builder = ModelBuilder(
            runtime: form.operation,
            inputs,
            constants: Array(zip(["i", "j"], form.integers)),
            order: form.order,
            form.attributes
        )
        let problem = #expect(throws: CrypTenError.self) {
            let model = try ONNXModel(bytes: try builder.bytes)
            _ = try Imported(model, Dictionary(uniqueKeysWithValues: inputs))
        }
        let message = problem?.message ?? ""
        #expect(message.contains(form.message), "\(message)")
        #expect(message.contains("com.microsoft.\(form.operation)"), "\(message)")
    }

    @Test(
        "operators that nobody computes on secrets say what to do",
        arguments: [
            ("Inverse", "solve for what it is multiplied by"), ("Unique", "keep all of them"),
            ("NGramRepeatBlock", "the caller's work"), ("BeamSearch", "a token at a time"),
            ("DecoderMaskedMultiHeadAttention", "export the model with MultiHeadAttention"),
            ("PackedAttention", "optimise the model for CPU"), ("Frobnicate", "it isn't among the operators"),
        ]
    )
    func refused(operation: String, remedy: String) {
        let builder = ModelBuilder(runtime: operation, [("x", numbers([2]))])
        let problem = #expect(throws: CrypTenError.self) { _ = try ONNXModel(bytes: try builder.bytes) }
        #expect(problem?.code == .unsupportedOperator)
        #expect(problem?.message.hasPrefix("unsupported operator com.microsoft.\(operation) (node n): ") == true)
        #expect(problem?.message.contains(remedy) == true, "\(problem?.message ?? "")")
    }

    @Test("layouts of one machine are refused by their domain, with the level to optimise at")
    func layouts() {
        let builder = ModelBuilder(runtime: "Conv", [("x", numbers([1]))], domain: "com.microsoft.nchwc")
        let problem = #expect(throws: CrypTenError.self) { _ = try ONNXModel(bytes: try builder.bytes) }
        #expect(
            problem?.message
                == "unsupported operator com.microsoft.nchwc.Conv (node n): it is laid out for one machine's processor: optimise the "
                + "model with ORT_ENABLE_EXTENDED or less, not with ORT_ENABLE_ALL, or give it as it was exported"
        )
    }
}
