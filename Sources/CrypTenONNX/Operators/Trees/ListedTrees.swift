internal import CrypTenBase

/// Trees whose nodes have a tree's number and their own: `TreeEnsembleClassifier` and `TreeEnsembleRegressor`.
struct NamedTrees {
    private(set) var nodes: [TreeEnsemble.ListedNode] = []
    private(set) var roots: [Int] = []
    /// The node, by its place in `nodes`, and the target of each of the listed values.
    private(set) var contributions: [(node: Int, target: Int)] = []

    private struct Name: Hashable {
        var tree: Int
        var node: Int
    }

    init(_ operation: Operation) throws {
        func ints(_ name: String) throws -> [Int] { try operation.ints(name) ?? [] }
        let modes = try operation.strings("nodes_modes") ?? []
        let (trees, numbers) = (try ints("nodes_treeids"), try ints("nodes_nodeids"))
        let (trues, falses) = (try ints("nodes_truenodeids"), try ints("nodes_falsenodeids"))
        let count = modes.count
        let features = try TreeEnsemble.features(operation, count)
        let missing = try TreeEnsemble.tracksMissing(operation, count)
        guard [trees, numbers, features, trues, falses].allSatisfy({ $0.count == count }), count > 0 else {
            throw operation.malformed("its nodes' attributes differ in length, or are empty")
        }
        var places: [Name: Int] = [:]
        for index in 0..<count {
            guard places.updateValue(index, forKey: Name(tree: trees[index], node: numbers[index])) == nil else {
                throw operation.malformed("tree \(trees[index]) has node \(numbers[index]) twice")
            }
            // The first of each tree is its root.
            if index == 0 || trees[index] != trees[index - 1] { roots.append(index) }
        }
        guard Set(trees).count == roots.count else {
            throw operation.malformed("the nodes of a tree don't stand together")
        }
        nodes = try (0..<count).map { index in
            guard modes[index] != "LEAF" else {
                return TreeEnsemble.ListedNode(feature: 0, comparison: nil, children: (.leaf(index), .leaf(index)))
            }
            guard let comparison = TreeComparison(name: modes[index]) else {
                throw operation.unsupported("a node has mode \(onOneLine(modes[index])), which isn't computed")
            }
            func child(_ number: Int) throws -> TreeEnsemble.ListedNode.Child {
                guard let place = places[Name(tree: trees[index], node: number)] else {
                    throw operation.malformed("tree \(trees[index]) has no node \(number), to which another leads")
                }
                return .node(place)
            }
            return TreeEnsemble.ListedNode(
                feature: features[index],
                comparison: comparison,
                tracksMissing: missing[index],
                children: (try child(trues[index]), try child(falses[index]))
            )
        }
        let kind = operation.node.isClassifierOfTrees ? "class" : "target"
        let (valueTrees, valueNodes, targets) = (
            try ints("\(kind)_treeids"), try ints("\(kind)_nodeids"), try ints("\(kind)_ids")
        )
        guard valueTrees.count == targets.count, valueNodes.count == targets.count else {
            throw operation.malformed("its leaves' attributes differ in length")
        }
        contributions = try targets.indices.map { index in
            guard let place = places[Name(tree: valueTrees[index], node: valueNodes[index])] else {
                throw operation.malformed(
                    "a leaf's value is of node \(valueNodes[index]) of tree \(valueTrees[index]), which isn't there"
                )
            }
            return (place, targets[index])
        }
    }
}

/// Trees whose nodes name their children by places in lists: `TreeEnsemble`.
struct IndexedTrees {
    private(set) var nodes: [TreeEnsemble.ListedNode] = []
    let roots: [Int]
    /// Of each leaf.
    let targets: [Int]

    var values: Int { targets.count }

    init(_ operation: Operation) throws {
        func ints(_ name: String) throws -> [Int] { try operation.ints(name) ?? [] }
        let modes = try ints("nodes_modes")
        let (trues, falses) = (try ints("nodes_truenodeids"), try ints("nodes_falsenodeids"))
        let (trueLeaves, falseLeaves) = (try ints("nodes_trueleafs"), try ints("nodes_falseleafs"))
        (roots, targets) = (try ints("tree_roots"), try ints("leaf_targetids"))
        let count = modes.count
        let features = try TreeEnsemble.features(operation, count)
        let missing = try TreeEnsemble.tracksMissing(operation, count)
        guard [features, trues, falses, trueLeaves, falseLeaves].allSatisfy({ $0.count == count }), count > 0 else {
            throw operation.malformed("its nodes' attributes differ in length, or are empty")
        }
        guard !roots.isEmpty, roots.allSatisfy({ (0..<count).contains($0) }), Set(roots).count == roots.count else {
            throw operation.malformed("its roots aren't nodes, each once")
        }
        let leafCount = targets.count
        nodes = try (0..<count).map { index in
            guard let comparison = TreeComparison(rawValue: modes[index]) else {
                throw operation.unsupported("a node has mode \(modes[index]), which isn't computed")
            }
            func child(_ place: Int, isLeaf: Bool) throws -> TreeEnsemble.ListedNode.Child {
                guard (0..<(isLeaf ? leafCount : count)).contains(place) else {
                    throw operation.malformed(
                        "node \(index) leads to \(isLeaf ? "leaf" : "node") \(place), which isn't there"
                    )
                }
                return isLeaf ? .leaf(place) : .node(place)
            }
            return TreeEnsemble.ListedNode(
                feature: features[index],
                comparison: comparison,
                tracksMissing: missing[index],
                children: (
                    try child(trues[index], isLeaf: trueLeaves[index] != 0),
                    try child(falses[index], isLeaf: falseLeaves[index] != 0)
                )
            )
        }
    }
}

extension GraphNode {
    /// Whether it gives classes rather than numbers.
    var isClassifierOfTrees: Bool {
        attributes["classlabels_int64s"] != nil || attributes["classlabels_strings"] != nil
    }
}

extension TreeEnsemble {
    /// The feature that each node reads; none where they are hidden.
    fileprivate static func features(_ operation: Operation, _ count: Int) throws -> [Int] {
        try operation.ints(WeightAttributes.features) ?? [Int](repeating: 0, count: count)
    }

    /// Whether each node's comparison holds for a number that is missing.
    fileprivate static func tracksMissing(_ operation: Operation, _ count: Int) throws -> [Bool] {
        guard let given = try operation.ints("nodes_missing_value_tracks_true"), !given.isEmpty else {
            return [Bool](repeating: false, count: count)
        }
        guard given.count == count else {
            throw operation.malformed("its nodes' attributes differ in length, or are empty")
        }
        return given.map { $0 != 0 }
    }
}
