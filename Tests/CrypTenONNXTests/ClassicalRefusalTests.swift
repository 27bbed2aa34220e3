import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("Classical models that are refused")
struct ClassicalRefusalTests {
    /// A model of one operator of classical models that reads `x`, `[2, 3]` unless it says otherwise.
    private func model(
        _ operation: String,
        _ attributes: [String: ModelBuilder.Attribute],
        floats: [String: [Double]] = [:],
        texts: [String: [String]] = [:],
        outputs: [(String, ONNXElementType)] = [("y", .float)],
        type: ONNXElementType = .float
    ) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.proto.opsetImport.append(.with { ($0.domain, $0.version) = ("ai.onnx.ml", 3) })
        builder.input("x", type, [2, 3])
        builder.node(operation, ["x"], outputs.map(\.0), attributes)
        builder.proto.graph.node[0].domain = "ai.onnx.ml"
        for (name, numbers) in floats.sorted(by: { $0.key < $1.key }) {
            builder.proto.graph.node[0].attribute.append(
                .with { ($0.name, $0.type, $0.floats) = (name, .floats, numbers.map { Float($0) }) }
            )
        }
        for (name, list) in texts.sorted(by: { $0.key < $1.key }) {
            builder.proto.graph.node[0].attribute.append(
                .with { ($0.name, $0.type, $0.strings) = (name, .strings, list.map { Data($0.utf8) }) }
            )
        }
        for (name, type) in outputs { builder.output(name, type) }
        return try ONNXModel(bytes: try builder.bytes)
    }

    private func problem(_ make: () throws -> ONNXModel) -> String {
        do {
            let model = try make()
            let input = model.inputs[0]
            let count = 6
            let tensor =
                input.type.kind == .integer
                ? Tensor([Int64](repeating: 1, count: count), shape: [2, 3])
                : Tensor([Double](repeating: 0.5, count: count), shape: [2, 3])
            _ = try evaluate(model, ["x": tensor])
            return "no error"
        } catch {
            return (error as? CrypTenError)?.message ?? "\(error)"
        }
    }

    private let classes: [(String, ONNXElementType)] = [("label", .int64), ("scores", .float)]

    @Test("numbers that aren't as many as features, rows or classes")
    func counts() {
        let lines = problem {
            try model(
                "LinearClassifier",
                ["classlabels_ints": .ints([1, 2])],
                floats: ["coefficients": [1, 2, 3, 4], "intercepts": [0, 1]],
                outputs: classes
            )
        }
        #expect(lines.contains("node n") && lines.contains("don't fit together"))
        let labels = problem {
            try model(
                "LinearClassifier",
                ["classlabels_ints": .ints([1])],
                floats: ["coefficients": [1, 2, 3], "intercepts": [0]],
                outputs: classes
            )
        }
        #expect(labels.contains("it has 1 labels and 1 rows of coefficients"))
        let none = problem {
            try model(
                "LinearClassifier",
                [:],
                floats: ["coefficients": [1, 2, 3], "intercepts": [0]],
                outputs: classes
            )
        }
        #expect(none.contains("it needs its classes' labels"))
        let scale = problem { try model("Scaler", [:], floats: ["offset": [1, 2], "scale": [1, 2]]) }
        #expect(scale.contains("node n") && scale.contains("don't fit together"))
        let imputer = problem {
            try model("Imputer", ["replaced_value_float": .float(7)], floats: ["imputed_value_floats": [1, 2]])
        }
        #expect(imputer.contains("its 2 numbers don't fit 3 features"))
    }

    @Test("support vectors whose counts, kernels and numbers don't fit together")
    func supportVectors() {
        func machine(
            _ counts: [Int],
            kernel: String = "RBF",
            labels: [Int] = [1, 2],
            vectors: Int = 6,
            rho: Int = 1,
            _ parameters: [Double] = [0.5, 0, 3]
        ) -> String {
            problem {
                try model(
                    "SVMClassifier",
                    [
                        "vectors_per_class": .ints(counts), "kernel_type": .string(kernel),
                        "classlabels_ints": .ints(labels),
                    ],
                    floats: [
                        "coefficients": [1, -1], "support_vectors": [Double](repeating: 0.25, count: vectors),
                        "rho": [Double](repeating: 0.5, count: rho), "kernel_params": parameters,
                    ],
                    outputs: classes
                )
            }
        }
        #expect(machine([1, 1]) == "no error")
        #expect(machine([1, 1], kernel: "COSINE").contains("its kernel 'COSINE' isn't one of the standard's"))
        #expect(machine([1, 1], kernel: "POLY", [0.5, 0, 300]).contains("needs a degree above 0 and up to 16"))
        #expect(machine([1, 1], vectors: 4).contains("don't fit together"))
        #expect(machine([1, 1], vectors: 5).contains("don't fit together"))
        #expect(machine([Int.max, Int.max]).contains("don't fit together"))
        #expect(machine([-5, 7]).contains("don't fit together"))
        #expect(machine([1, 1, 0]).contains("it has 2 labels and 3 counts of support vectors"))
        #expect(machine([1, 1, 0], labels: [1, 2, 3]).contains("it has 1 values of rho for 3 pairs"))
        #expect(machine([0, 0]).contains("tells 2 classes apart without support vectors"))
        #expect(machine([0], labels: [1]).contains("node n"))
    }

    @Test("a transform that isn't computed, and one that isn't known")
    func transforms() {
        func transform(_ name: String) -> String {
            problem {
                try model(
                    "LinearClassifier",
                    ["post_transform": .string(name), "classlabels_ints": .ints([1, 2])],
                    floats: ["coefficients": [1, 2, 3, 4, 5, 6], "intercepts": [0, 1]],
                    outputs: classes
                )
            }
        }
        #expect(transform("LOGISTIC") == "no error")
        #expect(transform("PROBIT").contains("its post transform is PROBIT"))
        #expect(transform("CUBIC\n").contains("isn't one of the standard's"))
        #expect(
            problem { try model("Normalizer", ["norm": .string("L3")]) }.contains("its norm 'L3' isn't MAX, L1 or L2")
        )
    }

    @Test("categories of texts for numbers, and maps whose sides aren't as long")
    func encoders() {
        let texts = problem { try model("OneHotEncoder", [:], texts: ["cats_strings": ["a", "b"]], type: .int64) }
        #expect(texts.contains("it has no categories of whole numbers"))
        let sides = problem {
            try model(
                "LabelEncoder",
                ["keys_int64s": .ints([1, 2])],
                floats: ["values_floats": [1, 2, 3]],
                type: .int64
            )
        }
        #expect(sides.contains("it needs as many values as keys, and has 2 keys"))
        let keys = problem { try model("LabelEncoder", [:], floats: ["values_floats": [1]], type: .int64) }
        #expect(keys.contains("it needs keys of its input's type"))
    }
}
