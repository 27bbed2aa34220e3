import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

/// An ensemble, rows, and what onnxruntime computes of them; `Scripts/make_tree_cases.py` makes them.
struct TreeCase: Sendable, CustomTestStringConvertible {
    struct Output: Decodable {
        var shape: [Int]
        var values: [Entry]
    }

    /// A number, or the text of a label.
    enum Entry: Decodable, Equatable {
        case number(Double)
        case text(String)

        init(from decoder: any Swift.Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    private struct File: Decodable {
        var shape: [Int]
        var x: [Double]
        var outputs: [String: Output]
    }

    var name: String
    var rows: Tensor
    var outputs: [String: Output]

    var testDescription: String { name }
    var url: URL { TreeCase.folder.appendingPathComponent(name + ".onnx") }

    static let folder = ReferenceModel.fixtures.appendingPathComponent("trees")
    static let all: [TreeCase] = {
        guard let bytes = try? Data(contentsOf: folder.appendingPathComponent("cases.json")),
            let files = try? JSONDecoder().decode([String: File].self, from: bytes)
        else { return [] }
        return files.sorted { $0.key < $1.key }.map {
            TreeCase(name: $0.key, rows: Tensor($0.value.x, shape: Shape($0.value.shape)), outputs: $0.value.outputs)
        }
    }()

    /// What is wrong with outputs; nil where labels are equal, and scores near.
    func fault(_ outputs: [(ONNXModel.Output, Tensor)], within tolerance: Double) -> String? {
        for (output, tensor) in outputs {
            guard let expected = self.outputs[output.name] else { return "\(output.name) isn't expected" }
            guard tensor.shape.dimensions == expected.shape else { return "\(output.name) has shape \(tensor.shape)" }
            for (index, entry) in expected.values.enumerated() {
                let number = tensor.doubles[index]
                switch entry {
                case .text(let text):
                    guard output.texts?[Int(number)] == text else { return "\(output.name)[\(index)] isn't \(text)" }
                case .number(let value):
                    let bound = output.type.kind == .real ? tolerance * (1 + value.magnitude) : 0
                    guard (number - value).magnitude <= bound else {
                        return "\(output.name)[\(index)] is \(number), not \(value)"
                    }
                }
            }
        }
        return nil
    }
}

@Suite("Ensembles of trees")
struct TreeEnsembleTests {
    @Test("there are as many cases as the script makes")
    func count() {
        #expect(TreeCase.all.count == 29)
    }

    @Test("in the clear as onnxruntime, at the owner and by the skeleton", arguments: TreeCase.all)
    func clear(item: TreeCase) throws {
        for trees in ONNXModel.TreeVisibility.allCases where trees == .features || item.canBePadded {
            let model = try ONNXModel(contentsOf: item.url, trees: trees)
            let inputs = [model.inputs[0].name: item.rows]
            let results = try evaluate(model, inputs)
            #expect(item.fault(model.outputs.map { ($0, results[$0.name]!) }, within: 2e-6) == nil, "\(trees)")
            if model.inputs[0].isOrdered {
                let places = try model.inputs[0].encoded(item.rows, texts: nil, name: "x")
                let exact = try evaluate(model, [model.inputs[0].name: places])
                #expect(
                    item.fault(model.outputs.map { ($0, exact[$0.name]!) }, within: 2e-6) == nil,
                    "\(trees), by order"
                )
            }
            let skeleton = try ONNXModel(skeleton: try model.skeleton())
            #expect(skeleton.outputs == model.outputs)
            #expect(try Imported(skeleton, inputs).canonicalGraph == Imported(model, inputs).canonicalGraph)
        }
    }

    @Test("between parties as onnxruntime", arguments: TreeCase.all, [2, 3])
    func secret(item: TreeCase, parties: Int) async throws {
        if parties == 3, item.name.hashValue(modulo: 4) != 0 { return }
        try await run(item, parties, .features)
    }

    @Test("hidden features and shapes change nothing", arguments: TreeCase.all.filter(\.canBePadded))
    func hidden(item: TreeCase) async throws {
        if item.name.hashValue(modulo: 3) != 0 { return }
        try await run(item, 2, .shapes)
        try await run(item, 2, .counts)
    }

    private func run(_ item: TreeCase, _ parties: Int, _ trees: ONNXModel.TreeVisibility) async throws {
        let faults = try await withLocalParties(parties) { session -> [String?] in
            guard let (outputs, values) = try await item.results(on: session, trees) else { return [] }
            return [item.fault(Array(zip(outputs, values)), within: 4e-4)]
        }
        #expect(faults.flatMap { $0 } == [nil])
    }

    @Test("a skeleton shows no threshold, no leaf and no rate of hits", arguments: TreeCase.all)
    func skeleton(item: TreeCase) throws {
        let file = try Onnx_ModelProto(serializedBytes: Data(contentsOf: item.url))
        let node = file.graph.node[0]
        let names = ["nodes_values", "class_weights", "target_weights", "base_values", "nodes_hitrates"]
        let weights = node.attribute.filter { names.contains($0.name) }
        for trees in ONNXModel.TreeVisibility.allCases where trees == .features || item.canBePadded {
            let model = try ONNXModel(contentsOf: item.url, trees: trees)
            let bytes = try model.skeleton()
            for number in Set(weights.flatMap(\.floats)) {
                let pattern = withUnsafeBytes(of: number.bitPattern.littleEndian) { Data($0) }
                // Few different bytes stand everywhere.
                if Set(pattern).count < 3 { continue }
                #expect(bytes.range(of: pattern) == nil, "\(number)")
            }
            #expect(bytes.range(of: Data("hitrates".utf8)) == nil)
            #expect((bytes.range(of: Data("featureids".utf8)) != nil), "by attribute or as a constant's name")
            #expect(model.constants.allSatisfy { $0.visibility == .secret })
            let read = try Onnx_ModelProto(serializedBytes: bytes)
            let attributes = read.graph.node[0].attribute.map(\.name)
            #expect(attributes.contains("nodes_featureids") == (trees == .features))
        }
    }

    @Test("constants among attributes have names, and can be opened")
    func names() throws {
        let url = TreeCase.folder.appendingPathComponent("two-classes-mixed-none.onnx")
        let names = try ONNXModel(contentsOf: url).constants.map(\.name)
        #expect(names == ["trees/nodes_values", "trees/class_weights"])
        let open = try ONNXModel(contentsOf: url, open: ["trees/nodes_values"])
        #expect(open.constants.map(\.visibility) == [.public, .secret])
        let item = TreeCase.all.first { $0.name == "two-classes-mixed-none" }!
        let results = try evaluate(open, ["x": item.rows])
        #expect(item.fault(open.outputs.map { ($0, results[$0.name]!) }, within: 2e-6) == nil)
        let skeleton = try ONNXModel(skeleton: try open.skeleton())
        #expect(skeleton.constants.map(\.visibility) == [.public, .secret])
    }

    @Test("what is no ensemble is refused in a sentence", arguments: Damage.all)
    func hostile(damage: Damage) throws {
        let url = TreeCase.folder.appendingPathComponent("aggregate-sum.onnx")
        var file = try Onnx_ModelProto(serializedBytes: Data(contentsOf: url))
        damage.change(&file.graph.node[0])
        do {
            let model = try ONNXModel(bytes: try file.serializedData())
            _ = try evaluate(model, ["x": Tensor([Double](repeating: 0, count: 8), shape: [2, 4])])
            Issue.record("no error")
        } catch let error as CrypTenError {
            #expect(error.message.contains(damage.sentence), "\(error.message)")
        }
    }

    @Test("trees aren't trained")
    func training() throws {
        let url = TreeCase.folder.appendingPathComponent("aggregate-sum.onnx")
        let model = try ONNXModel(contentsOf: url, for: .training)
        do {
            _ = try evaluate(model, ["x": Tensor([Double](repeating: 0, count: 8), shape: [2, 4])])
            Issue.record("no error")
        } catch let error as CrypTenError {
            #expect(error.message.contains("trees are computed with, and not trained"))
        }
    }
}

@Suite("Tests of membership")
struct TreeMembershipTests {
    private func model(_ change: (inout Onnx_NodeProto) -> Void) throws -> ONNXModel {
        let item = try #require(TreeCase.all.first { $0.name == "trees-of-sets" })
        var file = try Onnx_ModelProto(serializedBytes: Data(contentsOf: item.url))
        change(&file.graph.node[0])
        return try ONNXModel(bytes: try file.serializedData())
    }

    private func tensor(
        _ name: String,
        _ change: @escaping (inout Onnx_TensorProto) -> Void
    ) -> (inout Onnx_NodeProto) -> Void {
        { node in
            guard let index = node.attribute.firstIndex(where: { $0.name == name }) else { return }
            change(&node.attribute[index].t)
        }
    }

    @Test("modes that are no whole numbers of the standard's, and lists that don't fit, are errors with a name")
    func hostile() throws {
        let doubles = { (numbers: [Double]) in
            { (tensor: inout Onnx_TensorProto) in
                (tensor.dataType, tensor.int32Data, tensor.doubleData) = (11, [], numbers)
            }
        }
        let whole = { (numbers: [Int64]) in
            { (tensor: inout Onnx_TensorProto) in
                (tensor.dataType, tensor.int32Data, tensor.int64Data) = (7, [], numbers)
            }
        }
        let damages: [(String, (inout Onnx_NodeProto) -> Void)] = [
            ("not a number", tensor("nodes_modes", doubles([.nan, 6, .infinity, 1e300]))),
            ("beyond 32 bits", tensor("nodes_modes", whole([6, 1 << 40, 0, 0]))),
            ("the largest", tensor("nodes_modes", whole([.max, 6, .min, 0]))),
            ("a set without members", tensor("membership_values") { $0.floatData[1...2] = [.nan, .nan] }),
            (
                "too few sets",
                tensor("membership_values") {
                    $0.floatData = [1]
                    $0.dims = [1]
                }
            ),
            (
                "too few splits",
                tensor("nodes_splits") {
                    $0.floatData.removeLast()
                    $0.dims = [3]
                }
            ),
        ]
        for (name, damage) in damages {
            let error = #expect(throws: CrypTenError.self, "\(name)") {
                let model = try model(damage)
                _ = try evaluate(model, ["x": Tensor([Double](repeating: 0.5, count: 4), shape: [1, 4])])
            }
            #expect([.malformedFile, .unsupportedOperator].contains(error?.code), "\(name): \(error?.message ?? "")")
        }
    }
}

extension TreeCase {
    /// Whether its nodes compare in one way and stand in the form that is padded.
    var canBePadded: Bool {
        !["beside-numbers", "modes-mixed-and-deep", "trees-by-index", "trees-of-sets"].contains(name)
    }
}

extension String {
    /// A number that follows from the text alone.
    fileprivate func hashValue(modulo count: Int) -> Int {
        utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 10007 } % count
    }
}

/// A change that makes attributes of an ensemble describe none.
struct Damage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var sentence: String
    var change: @Sendable (inout Onnx_NodeProto) -> Void

    private static func ints(
        _ name: String,
        _ change: @escaping @Sendable (inout [Int64]) -> Void
    ) -> @Sendable (inout Onnx_NodeProto) -> Void {
        { node in
            for index in node.attribute.indices where node.attribute[index].name == name {
                change(&node.attribute[index].ints)
            }
        }
    }

    static let all = [
        Damage(
            testDescription: "a node leads to its own tree's root",
            sentence: "leads to itself: that is no tree",
            change: ints("nodes_truenodeids") { $0[1] = 0 }
        ),
        Damage(
            testDescription: "a node leads nowhere",
            sentence: "has no node 4611686018427387904, to which another leads",
            change: ints("nodes_falsenodeids") { $0[0] = 1 << 62 }
        ),
        Damage(
            testDescription: "a node is there twice",
            sentence: "has node 0 twice",
            change: ints("nodes_nodeids") { $0[1] = 0 }
        ),
        Damage(
            testDescription: "a feature that no row has",
            sentence: "a node reads feature 9223372036854775807, and there are 4",
            change: ints("nodes_featureids") { $0[0] = .max }
        ),
        Damage(
            testDescription: "a negative feature",
            sentence: "a node reads feature -1, and there are 4",
            change: ints("nodes_featureids") { $0[0] = -1 }
        ),
        Damage(
            testDescription: "a target that isn't there",
            sentence: "a leaf adds to target 3, and there are 3",
            change: ints("target_ids") { $0[0] = 3 }
        ),
        Damage(
            testDescription: "a leaf that isn't there",
            sentence: "which isn't there",
            change: ints("target_nodeids") { $0[0] = 999 }
        ),
        Damage(
            testDescription: "too few nodes",
            sentence: "its nodes' attributes differ in length",
            change: ints("nodes_truenodeids") { $0.removeLast() }
        ),
        Damage(
            testDescription: "more targets than anything holds",
            sentence: "it has 9223372036854775807 targets",
            change: { node in
                for index in node.attribute.indices where node.attribute[index].name == "n_targets" {
                    node.attribute[index].i = .max
                }
            }
        ),
        Damage(
            testDescription: "a mode that nobody knows",
            sentence: "a node has mode BRANCH_MEMBER, which isn't computed",
            change: { node in
                for index in node.attribute.indices where node.attribute[index].name == "nodes_modes" {
                    node.attribute[index].strings[0] = Data("BRANCH_MEMBER".utf8)
                }
            }
        ),
        Damage(
            testDescription: "too few thresholds",
            sentence: "are missing, or not as many as its nodes and leaves",
            change: { node in
                for index in node.attribute.indices where node.attribute[index].name == "nodes_values" {
                    node.attribute[index].floats.removeLast()
                }
            }
        ),
        Damage(
            testDescription: "weights in both forms",
            sentence: "has its nodes_values twice",
            change: { node in
                node.attribute.append(
                    .with {
                        ($0.name, $0.type) = ("nodes_values_as_tensor", .tensor)
                        $0.t = .with { ($0.dataType, $0.dims, $0.floatData) = (1, [1], [1]) }
                    }
                )
            }
        ),
        Damage(
            testDescription: "floats that are no weights",
            sentence: "its attribute secrets holds floats, which are read as weights nowhere here",
            change: { node in
                node.attribute.append(.with { ($0.name, $0.type, $0.floats) = ("secrets", .floats, [1]) })
            }
        ),
        Damage(
            testDescription: "an aggregate that nobody knows",
            sentence: "its aggregate_function MEDIAN isn't one of the standard's",
            change: { node in
                for index in node.attribute.indices where node.attribute[index].name == "aggregate_function" {
                    node.attribute[index].s = Data("MEDIAN".utf8)
                }
            }
        ),
    ]
}
