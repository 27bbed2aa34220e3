import CrypTen
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

/// Features that trees alone read, given as their places among all floats.
@Suite("Features of trees by their order")
struct OrderedFeatureTests {
    /// One node, `x` compared with a threshold: 1 where that holds, 2 where it doesn't.
    private func stump(
        _ mode: String,
        _ threshold: Float,
        missing: Int64,
        ofTrees trees: ONNXModel.TreeVisibility
    ) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.proto.opsetImport.append(.with { ($0.domain, $0.version) = ("ai.onnx.ml", 3) })
        builder.input("x", .float, ["N", 1])
        builder.node("TreeEnsembleRegressor", ["x"])
        builder.proto.graph.node[0].domain = "ai.onnx.ml"
        func add(_ name: String, _ change: (inout Onnx_AttributeProto) -> Void) {
            var attribute = Onnx_AttributeProto.with { $0.name = name }
            change(&attribute)
            builder.proto.graph.node[0].attribute.append(attribute)
        }
        func ints(_ name: String, _ list: [Int64]) { add(name) { ($0.type, $0.ints) = (.ints, list) } }
        func floats(_ name: String, _ list: [Float]) { add(name) { ($0.type, $0.floats) = (.floats, list) } }
        add("nodes_modes") { ($0.type, $0.strings) = (.strings, [mode, "LEAF", "LEAF"].map { Data($0.utf8) }) }
        ints("nodes_treeids", [0, 0, 0])
        ints("nodes_nodeids", [0, 1, 2])
        ints("nodes_featureids", [0, 0, 0])
        ints("nodes_truenodeids", [1, 0, 0])
        ints("nodes_falsenodeids", [2, 0, 0])
        ints("nodes_missing_value_tracks_true", [missing, 0, 0])
        floats("nodes_values", [threshold, 0, 0])
        ints("target_treeids", [0, 0])
        ints("target_nodeids", [1, 2])
        ints("target_ids", [0, 0])
        floats("target_weights", [1, 2])
        add("n_targets") { ($0.type, $0.i) = (.int, 1) }
        builder.output("y")
        return try ONNXModel(bytes: try builder.bytes, trees: trees)
    }

    private static let comparisons: [(String, @Sendable (Float, Float) -> Bool)] = [
        ("BRANCH_LEQ", { $0 <= $1 }), ("BRANCH_LT", { $0 < $1 }), ("BRANCH_GTE", { $0 >= $1 }),
        ("BRANCH_GT", { $0 > $1 }), ("BRANCH_EQ", { $0 == $1 }), ("BRANCH_NEQ", { $0 != $1 }),
    ]

    @Test(
        "every comparison is the float's own, also next to a threshold, and of what is missing",
        arguments: [0, 1] as [Int64]
    )
    func comparisons(missing: Int64) throws {
        for threshold in [0.038_075_9, -1e-30, 0, 3e9] as [Float] {
            let x = [
                threshold, threshold.nextUp, threshold.nextDown, -threshold, 0, -0.0, 1e30, -1e30, .infinity, .nan,
            ]
            for (mode, holds) in OrderedFeatureTests.comparisons {
                let model = try stump(mode, threshold, missing: missing, ofTrees: .features)
                let input = model.inputs[0]
                #expect(input.isOrdered && input.mayMissPlaces)
                let given = try input.encoded(Tensor(.float(x), shape: [x.count, 1]), texts: nil, name: "x")
                let y = try #require(evaluate(model, ["x": given])["y"]).doubles
                let expected = x.map { number in (number.isNaN && missing == 1) || holds(number, threshold) ? 1.0 : 2 }
                #expect(y == expected, "\(mode) \(threshold)")
                // What the encoding rounds is taken as well, and compares as far as that goes.
                let reals = try evaluate(model, ["x": Tensor([-2.0, 5e8], shape: [2, 1])])["y"]?.doubles
                #expect(threshold.magnitude > 1 || reals == [-2, 5e8].map { holds($0, threshold) ? 1 : 2 })
            }
        }
    }

    @Test("places keep the order of floats; where features are hidden nothing may be missing")
    func places() throws {
        let model = try stump("BRANCH_LEQ", 1, missing: 0, ofTrees: .features)
        let numbers: [Float] = [
            -.infinity, -3e38, -1, -.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude, 1, 1.000_000_1, 3e38, .infinity,
        ]
        let places = try model.inputs[0].encoded(Tensor(.float(numbers), shape: [10, 1]), texts: nil, name: "x")
            .integers
        #expect(try #require(places) == #require(places).sorted() && Set(try #require(places)).count == 10)
        let hidden = try stump("BRANCH_LEQ", 1, missing: 0, ofTrees: .shapes)
        #expect(hidden.inputs[0].isOrdered && !hidden.inputs[0].mayMissPlaces)
        let error = #expect(throws: CrypTenError.self) {
            try hidden.inputs[0].encoded(Tensor(.float([.nan]), shape: [1, 1]), texts: nil, name: "x")
        }
        #expect(error?.message == "x: the number at index [0, 0] is nan; numbers must be finite")
    }
}
