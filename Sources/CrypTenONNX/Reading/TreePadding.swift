internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import Foundation
internal import SwiftProtobuf

/// Ensembles whose trees are all full, and as deep as the deepest: then their shape says how many there are, and no more.
///
/// A leaf that stands higher becomes nodes that decide nothing, and leaves of the same values.
struct TreePadding {
    private let trees: TreeEnsemble
    private let thresholds: [Double]
    private let values: [Double]
    private let mode: String
    /// The targets to which each tree adds.
    private let targets: [[Int]]
    private var nodes = Nodes()
    private var leaves = Leaves()

    private struct Nodes {
        var (trees, numbers, features, trues, falses): ([Int64], [Int64], [Int64], [Int64], [Int64]) = (
            [], [], [], [], []
        )
        var thresholds: [Float] = []
        var modes: [String] = []
    }

    private struct Leaves {
        var (trees, numbers, targets): ([Int64], [Int64], [Int64]) = ([], [], [])
        var values: [Float] = []
    }

    /// Leaves of all padded trees, times targets, at most.
    private static let most = 1 << 22

    init(_ operation: Operation, thresholds: [Double], values: [Double]) throws {
        trees = try TreeEnsemble(operation)
        (self.thresholds, self.values) = (thresholds, values)
        guard !operation.node.isTreesOfIndices else {
            throw operation.unsupported(
                "its trees are padded as TreeEnsembleClassifier or TreeEnsembleRegressor only: convert it"
            )
        }
        guard thresholds.count == trees.thresholds, values.count == trees.values else {
            throw operation.malformed("its thresholds or its leaves' values are missing")
        }
        let modes = Set(trees.branches.map(\.comparison))
        guard modes.count <= 1, case let modeNames = try operation.strings("nodes_modes") ?? [] else {
            throw operation.unsupported(
                "its nodes compare in \(modes.count) ways, and padded ones in one: leave the trees as they are"
            )
        }
        mode = modeNames.first { $0 != "LEAF" } ?? "BRANCH_LEQ"
        var targets = [Set<Int>](repeating: [], count: trees.trees)
        for contribution in trees.contributions {
            targets[trees.leaves[contribution.leaf].tree].insert(contribution.target)
        }
        self.targets = targets.map { $0.sorted() }
        let depth = trees.depth
        let most = self.targets.lazy.map(\.count).max() ?? 1
        guard depth < 22, trees.trees << depth <= TreePadding.most / max(most, 1) else {
            throw operation.unsupported(
                "\(trees.trees) full trees of depth \(depth) are more than \(TreePadding.most) leaves: leave the trees as they are"
            )
        }
        var sums = [[Int: Double]](repeating: [:], count: trees.leaves.count)
        for contribution in trees.contributions {
            sums[contribution.leaf][contribution.target, default: 0] += values[contribution.place]
        }
        var ofTree = [[Int]](repeating: [], count: trees.trees)
        for (leaf, way) in trees.leaves.enumerated() { ofTree[way.tree].append(leaf) }
        for tree in 0..<trees.trees {
            var number = 0
            _ = grow(tree, ofTree[tree], level: 0, depth, &number, sums)
        }
    }

    /// Adds a node and what lies behind it.
    ///
    /// - Parameters:
    ///   - tree: Its tree.
    ///   - behind: The leaves that lie there.
    ///   - level: How many nodes lie before it.
    ///   - depth: Levels of all trees.
    ///   - number: How many nodes the tree has so far.
    ///   - sums: What each leaf adds to each target.
    /// - Returns: its number.
    private mutating func grow(
        _ tree: Int,
        _ behind: [Int],
        level: Int,
        _ depth: Int,
        _ number: inout Int,
        _ sums: [[Int: Double]]
    ) -> Int64 {
        let own = Int64(number)
        number += 1
        nodes.trees.append(Int64(tree))
        nodes.numbers.append(own)
        if level == depth {
            nodes.modes.append("LEAF")
            nodes.features.append(0)
            nodes.thresholds.append(0)
            nodes.trues.append(0)
            nodes.falses.append(0)
            for target in targets[tree] {
                leaves.trees.append(Int64(tree))
                leaves.numbers.append(own)
                leaves.targets.append(Int64(target))
                leaves.values.append(Float(sums[behind[0]][target] ?? 0))
            }
            return own
        }
        let place = nodes.modes.count
        let step = trees.leaves[behind[0]].path.dropFirst(level).first
        let branch = step.map { trees.branches[$0.branch] }
        nodes.modes.append(mode)
        nodes.features.append(Int64(branch?.feature ?? 0))
        nodes.thresholds.append(Float(branch.map { thresholds[$0.place] } ?? 0))
        nodes.trues.append(0)
        nodes.falses.append(0)
        let holding = step == nil ? behind : behind.filter { trees.leaves[$0].path[level].holds }
        let failing = step == nil ? behind : behind.filter { !trees.leaves[$0].path[level].holds }
        nodes.trues[place] = grow(tree, holding, level: level + 1, depth, &number, sums)
        nodes.falses[place] = grow(tree, failing, level: level + 1, depth, &number, sums)
        return own
    }

    /// The operator's attributes, those of its nodes and leaves replaced.
    func attributes(_ old: [Onnx_AttributeProto], kind: String) -> [Onnx_AttributeProto] {
        func ints(_ name: String, _ numbers: [Int64]) -> Onnx_AttributeProto {
            .with { ($0.name, $0.type, $0.ints) = (name, .ints, numbers) }
        }
        func floats(_ name: String, _ numbers: [Float]) -> Onnx_AttributeProto {
            .with { ($0.name, $0.type, $0.floats) = (name, .floats, numbers) }
        }
        let kept = old.filter {
            !$0.name.hasPrefix("nodes_")
                && !["treeids", "nodeids", "ids", "weights", "weights_as_tensor"].map({ "\(kind)_\($0)" }).contains(
                    $0.name
                )
        }
        return kept + [
            ints("nodes_treeids", nodes.trees), ints("nodes_nodeids", nodes.numbers),
            ints("nodes_featureids", nodes.features), floats("nodes_values", nodes.thresholds),
            ints("nodes_truenodeids", nodes.trues), ints("nodes_falsenodeids", nodes.falses),
            .with {
                ($0.name, $0.type) = ("nodes_modes", .strings)
                $0.strings = nodes.modes.map { Data($0.utf8) }
            },
            ints("\(kind)_treeids", leaves.trees), ints("\(kind)_nodeids", leaves.numbers),
            ints("\(kind)_ids", leaves.targets), floats("\(kind)_weights", leaves.values),
        ]
    }
}

extension GraphReader {
    /// A node of trees with as much of them hidden as their owner wants, and the tensors that hold what is hidden.
    func hidingTrees(
        _ node: Onnx_NodeProto,
        _ operation: String,
        columns: Int?
    ) throws -> (node: Onnx_NodeProto, features: Onnx_TensorProto?) {
        guard trees != .features, WeightAttributes.isTrees(operation) else { return (node, nil) }
        var node = node
        let name = node.title
        if trees == .counts {
            let read = GraphNode(
                name: name,
                operation: operation,
                version: 1,
                inputs: [],
                outputs: [],
                attributes: try attributes(of: FileGraphDecoder(problem: file.problem).nodes([node])[0], name: name)
            )
            func numbers(_ names: [String]) throws -> [Double] {
                guard let attribute = node.attribute.first(where: { names.contains($0.name) }),
                    let tensor = try self.tensor(of: attribute, node: name)
                else { return [] }
                return try TensorReader(file: file, allowsMissingNumbers: false).read(tensor, name: tensor.name).tensor?
                    .doubles ?? []
            }
            let kind = read.isClassifierOfTrees ? "class" : "target"
            let padding = try TreePadding(
                Operation(node: read, inputs: []),
                thresholds: try numbers(["nodes_values", "nodes_values_as_tensor"]),
                values: try numbers(["\(kind)_weights", "\(kind)_weights_as_tensor"])
            )
            node.attribute = padding.attributes(node.attribute, kind: kind)
        }
        guard let features = node.attribute.first(where: { $0.name == WeightAttributes.features })?.ints,
            let largest = features.max(), let least = features.min(), least >= 0
        else {
            throw file.problem.malformed("node \(name) (\(operation)) doesn't say which features its nodes read")
        }
        let count = max(columns ?? 0, Int(min(largest, 1 << 40)) + 1)
        guard count <= 1 << 20, features.count <= (1 << 31) / count else {
            throw file.problem.malformed("node \(name) (\(operation)) reads feature \(largest): too many to hide which")
        }
        var ones = [Float](repeating: 0, count: features.count * count)
        for (index, feature) in features.enumerated() { ones[index * count + Int(feature)] = 1 }
        node.attribute.removeAll { $0.name == WeightAttributes.features }
        return (
            node,
            .with {
                ($0.name, $0.dataType) = (WeightAttributes.features, ONNXElementType.float.standardNumber)
                ($0.dims, $0.floatData) = ([Int64(features.count), Int64(count)], ones)
            }
        )
    }

    /// The columns of a graph's input, where the file fixes them.
    static func columns(of name: String?, in graph: Onnx_GraphProto) -> Int? {
        guard let name, let input = graph.input.first(where: { $0.name == name }),
            case .dimValue(let extent)? = input.type.tensorType.shape.dim.last?.value
        else { return nil }
        return Int(exactly: extent)
    }
}
