internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import Foundation

/// What the owner makes of an ensemble's weights when the file is loaded.
///
/// The parties add bits times leaves' values, and round nothing. So that what they add has more bits than the encoding, values are
/// multiplied by a public power of two, which the sum is divided by. A class's score decides a label, and of two that are equal the first
/// wins, as with whoever adds them exactly: what rounding may have moved the scores by is subtracted from those of later classes.
extension Preparation {
    /// Inputs of an ensemble of scaled leaves.
    enum ScaledTreeInput {
        static let (data, thresholds, values, base, opposite, margins, features, order) = (0, 1, 2, 3, 4, 5, 6, 7)
    }

    /// The binary logarithm of what leaves' values are multiplied by: classes' scores are small, and targets are amounts.
    static func leafExponent(_ node: GraphNode) -> Int { node.isClassifierOfTrees ? 16 : 4 }

    /// Replaces ensembles of trees by such of scaled leaves; what is wrong with one is said when it is imported.
    mutating func scaleTrees() {
        for index in nodes.indices where WeightAttributes.isTrees(nodes[index].operation) {
            let node = nodes[index]
            let operation = Operation(node: node, inputs: node.inputs.map { constants[$0] })
            guard let trees = try? TreeEnsemble(operation), let scaled = try? scaled(node, trees, operation) else {
                continue
            }
            nodes[index] = scaled
        }
    }

    private mutating func scaled(
        _ node: GraphNode,
        _ trees: TreeEnsemble,
        _ operation: Operation
    ) throws -> GraphNode {
        let names = node.weightsOfTrees
        func flat(_ name: String, _ count: Int) throws -> Value {
            guard let value = operation.weight(name), value.type.kind == .real, value.shape.count == count else {
                throw operation.malformed("its \(name) aren't \(count) numbers")
            }
            return try value.reshaped([count])
        }
        let thresholds = try flat(names.thresholds, trees.thresholds)
        let values = try flat(names.values, trees.values)
        let base = try names.base.flatMap { operation.weight($0) }.map { try $0.reshaped([$0.shape.count]) }
        let unit = Double(sign: .plus, exponent: Preparation.leafExponent(node), significand: 1)
        let aggregate = try TreeAggregate(operation)
        let weight = unit / (aggregate == .average ? Double(trees.trees) : 1)
        var scaled = node
        scaled.operation = OperatorTable.scaledTrees
        scaled.version = 1
        scaled.attributes["operator"] = .string(node.operation)
        var inputs = [node.inputs[0]] + [String](repeating: "", count: 5)
        // A weight keeps its name; what is made of several has one of its own.
        func named(_ name: String) -> String {
            WeightAttributes.table[node.operation]?.position(of: name).map { node.inputs[$0] }
                ?? self.names.free("\(node.name)/\(name)")
        }
        if !trees.branches.isEmpty {
            let used = try thresholds.rows(at: trees.branches.map(\.place))
            inputs[ScaledTreeInput.thresholds] = add(
                try used.mapped { $0.isNaN ? $0 : max(-ThresholdGrid.unreachable, min(ThresholdGrid.unreachable, $0)) },
                named(names.thresholds),
                node
            )
        }
        guard !trees.contributions.isEmpty else { throw operation.malformed("no leaf has a value") }
        let summands = try values.mapped { $0 * weight }
        inputs[ScaledTreeInput.values] = add(summands, named(names.values), node, isSeparated: false)
        if let base {
            inputs[ScaledTreeInput.base] = add(try base.mapped { $0 * unit }, named(names.base ?? ""), node)
        }
        if node.isClassifierOfTrees {
            let labels = TreeLabels(trees, classes: try TreeClasses(operation).count, unit: unit)
            let numbers = values.summary(shape: [2]) { labels.opposite(of: $0) }
            inputs[ScaledTreeInput.opposite] = add(numbers, named("opposite"), node)
            let margins = values.summary(shape: [labels.classes]) { labels.margins(of: $0) }
            inputs[ScaledTreeInput.margins] = add(margins, named("margins"), node)
        }
        while inputs.last == "" { inputs.removeLast() }
        let features = operation.weight(WeightAttributes.features)
        guard (features == nil) == (node.attributes[WeightAttributes.features] != nil) else {
            throw operation.malformed("it doesn't say which features its nodes read")
        }
        if let features {
            guard features.shape.rank == 2, features.shape[0] == trees.thresholds else {
                throw operation.malformed("its features aren't a row for each node")
            }
            inputs += [String](repeating: "", count: ScaledTreeInput.features - inputs.count)
            let used = try features.rows(at: trees.branches.map(\.place))
            inputs.append(add(used, named(WeightAttributes.features), node))
        }
        if !trees.branches.isEmpty,
            let order = OrderedFloats.places(
                of: try thresholds.rows(at: trees.branches.map(\.place)),
                trees.branches.map(\.comparison)
            )
        {
            inputs += [String](repeating: "", count: ScaledTreeInput.order - inputs.count)
            inputs.append(add(order, named("order"), node))
        }
        scaled.inputs = inputs
        return scaled
    }

    private mutating func add(_ value: Value, _ name: String, _ node: GraphNode, isSeparated: Bool = true) -> String {
        let name = adding(value, named: name, readBy: node.name)
        if isSeparated { separated.insert(name) }
        return name
    }
}

/// Numbers that decide labels, and follow from leaves' values.
struct TreeLabels {
    let classes: Int
    private let trees: TreeEnsemble
    private let unit: Double

    init(_ trees: TreeEnsemble, classes: Int, unit: Double) {
        (self.trees, self.classes, self.unit) = (trees, classes, unit)
    }

    /// Of one score for two classes: what it and the other class's add up to, 1 where no value is negative, and beyond which number it is
    /// the second class's.
    func opposite(of values: [Double]) -> [Double] {
        let isProbability = values.allSatisfy { $0 >= 0 }
        return [isProbability ? unit : 0, (isProbability ? unit / 2 : 0) + margin(values)]
    }

    /// What is subtracted from each class's score before they are compared.
    func margins(of values: [Double]) -> [Double] {
        (0..<classes).map { Double($0) * margin(values) }
    }

    /// More than what rounding of values, to floats in the file and to the encoding, moves a sum by.
    private func margin(_ values: [Double]) -> Double {
        var largest = [Double](repeating: 0, count: trees.trees)
        for contribution in trees.contributions {
            let tree = trees.leaves[contribution.leaf].tree
            largest[tree] = max(largest[tree], values[contribution.place].magnitude)
        }
        let rounding = largest.reduce(0, +) * 0x1p-23
        let margin = (rounding.isFinite ? rounding : 0) * unit + Double(trees.trees) * 0x1p-16
        return (margin * 256).rounded(.up) / 256
    }
}

/// How the values of trees become one.
enum TreeAggregate: Int {
    case average, sum, minimum, maximum

    init(_ operation: Operation) throws {
        if operation.node.attributes["aggregate_function"] == nil {
            self = .sum
        } else if operation.node.isTreesOfIndices {
            guard let aggregate = TreeAggregate(rawValue: try operation.int("aggregate_function", default: 1)) else {
                throw operation.malformed("its aggregate_function isn't one of the standard's")
            }
            self = aggregate
        } else {
            let name = try operation.string("aggregate_function", default: "SUM")
            guard let place = ["AVERAGE", "SUM", "MIN", "MAX"].firstIndex(of: name) else {
                throw operation.malformed("its aggregate_function \(onOneLine(name)) isn't one of the standard's")
            }
            self = TreeAggregate(rawValue: place) ?? .sum
        }
    }
}

extension GraphNode {
    /// The names of an ensemble's weights.
    var weightsOfTrees: (thresholds: String, values: String, base: String?) {
        if isTreesOfIndices { return ("nodes_splits", "leaf_weights", nil) }
        return ("nodes_values", isClassifierOfTrees ? "class_weights" : "target_weights", "base_values")
    }
}

extension WeightAttributes {
    /// Where the features are that nodes read, when they are hidden.
    static let features = "nodes_featureids"

    /// Whether an operator of the table is an ensemble of trees.
    static func isTrees(_ operation: String) -> Bool {
        ["TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"].contains {
            OperatorDomain.classical.operation($0) == operation
        }
    }
}

extension Value {
    /// The rows at some places, each as often as it is named: a node to which several ways lead is compared once for each.
    fileprivate func rows(at places: [Int]) throws -> Value {
        if places == Array(0..<shape[0]) { return self }
        let target = try Shape(checking: [places.count] + shape.dimensions.dropFirst())
        try ImportBudget.spend(
            max(0, target.count - shape.count),
            for: "comparisons of nodes to which several ways lead"
        )
        let width = shape.count / max(1, shape[0])
        return summary(shape: target) { numbers in
            places.flatMap { numbers[$0 * width..<($0 + 1) * width] }
        }
    }

    /// What the owner computes of all numbers of a weight together.
    func summary(shape: Shape, _ function: ([Double]) -> [Double]) -> Value {
        switch content {
        case .known(let tensor):
            return Value(type, known: Tensor(function(tensor.doubles), shape: shape))
        case .weight(var weight):
            weight.tensor = weight.tensor.map { Tensor(function($0.doubles), shape: shape) }
            weight.shape = shape
            return Value(type, weight: weight)
        case .expression, .list, .nothing:
            preconditionFailure("there are no expressions while a model is prepared")
        }
    }
}
