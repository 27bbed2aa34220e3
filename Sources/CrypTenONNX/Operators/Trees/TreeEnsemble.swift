internal import CrypTenBase

/// What all parties know of an ensemble of trees: which feature each node compares, how, and which nodes lead to which leaf.
///
/// Thresholds and leaves' values are weights, and stand elsewhere: here are their places in the file's lists.
struct TreeEnsemble {
    /// A node that compares a feature with its threshold.
    struct Branch {
        var feature: Int
        var comparison: TreeComparison
        /// Its threshold's place in the list of thresholds.
        var place: Int
        /// Whether its comparison holds for a number that is missing.
        var tracksMissing: Bool
    }

    /// A node on the way to a leaf, by its place in `branches`, and whether its comparison holds there.
    struct Step: Hashable {
        var branch: Int
        var holds: Bool
    }

    /// A way from a root to a leaf.
    struct Leaf {
        var tree: Int
        var path: [Step]
    }

    /// What a leaf adds to a target: a number at a place in the list of values.
    struct Contribution {
        var leaf: Int
        var target: Int
        var place: Int
    }

    /// Sorted by comparison.
    private(set) var branches: [Branch] = []
    private(set) var leaves: [Leaf] = []
    /// Sorted by target, and by tree.
    private(set) var contributions: [Contribution] = []
    private(set) var trees = 0
    /// How many numbers the lists of thresholds and values hold.
    let thresholds: Int
    let values: Int

    /// The targets to which any leaf adds something.
    var targets: Set<Int> { Set(contributions.map(\.target)) }

    /// Levels of the deepest tree.
    var depth: Int { leaves.lazy.map(\.path.count).max() ?? 0 }

    /// - Throws: `.malformedFile` for attributes that don't describe trees; `.unsupportedOperator` for what isn't computed.
    init(_ operation: Operation) throws {
        if operation.node.isTreesOfIndices {
            let list = try IndexedTrees(operation)
            (thresholds, values) = (list.nodes.count, list.values)
            try collect(list.nodes, roots: list.roots, operation)
            contributions = leavesOfNodes.enumerated().map { leaf, place in
                Contribution(leaf: leaf, target: list.targets[place], place: place)
            }
        } else {
            let list = try NamedTrees(operation)
            (thresholds, values) = (list.nodes.count, list.contributions.count)
            try collect(list.nodes, roots: list.roots, operation)
            var leavesOfNode: [Int: [Int]] = [:]
            for (leaf, node) in leavesOfNodes.enumerated() { leavesOfNode[node, default: []].append(leaf) }
            contributions = list.contributions.enumerated().flatMap { place, contribution in
                (leavesOfNode[contribution.node] ?? []).map {
                    Contribution(leaf: $0, target: contribution.target, place: place)
                }
            }
        }
        sort()
    }

    // MARK: Walking

    /// A node as either form of the operator lists it; children are nodes, or leaves in a list of their own.
    struct ListedNode {
        var feature: Int
        /// Nil: a leaf.
        var comparison: TreeComparison?
        var tracksMissing = false
        var children: (holds: Child, fails: Child)

        enum Child {
            case node(Int)
            case leaf(Int)
        }
    }

    /// What stands at each leaf: its node's place in the list, or its own.
    private var leavesOfNodes: [Int] = []

    /// Steps of all paths together, beside 16 for each node: trees that are so deep aren't grown.
    private static let mostSteps = 1 << 22

    /// Follows all ways from roots to leaves. Where several lead to one node, as from a set of categories that is written as a chain of
    /// comparisons, it is walked, and compared, once for each.
    private mutating func collect(_ nodes: [ListedNode], roots: [Int], _ operation: Operation) throws {
        try checkForCircles(nodes, roots: roots, operation)
        var steps = 0
        trees = roots.count
        for (tree, root) in roots.enumerated() {
            var stack: [(child: ListedNode.Child, path: [Step])] = [(.node(root), [])]
            while let (child, path) = stack.popLast() {
                steps += path.count
                guard steps <= TreeEnsemble.mostSteps + 16 * nodes.count else {
                    throw operation.unsupported("its trees are deeper than such as are grown")
                }
                guard case .node(let index) = child, let comparison = nodes[index].comparison else {
                    switch child {
                    case .node(let place), .leaf(let place): leavesOfNodes.append(place)
                    }
                    leaves.append(Leaf(tree: tree, path: path))
                    continue
                }
                let branch = branches.count
                branches.append(
                    Branch(
                        feature: nodes[index].feature,
                        comparison: comparison,
                        place: index,
                        tracksMissing: nodes[index].tracksMissing
                    )
                )
                let step = { (holds: Bool) in path + [Step(branch: branch, holds: holds)] }
                stack.append((nodes[index].children.fails, step(false)))
                stack.append((nodes[index].children.holds, step(true)))
            }
        }
    }

    /// - Throws: `.malformedFile` naming a node that leads to itself.
    private func checkForCircles(_ nodes: [ListedNode], roots: [Int], _ operation: Operation) throws {
        enum State { case unseen, open, done }
        var states = [State](repeating: .unseen, count: nodes.count)
        for root in roots {
            // A node is on the stack once to be entered, and once more to be left.
            var stack = [(index: root, isLeft: false)]
            while let (index, isLeft) = stack.popLast() {
                if isLeft {
                    states[index] = .done
                    continue
                }
                if states[index] == .done || nodes[index].comparison == nil { continue }
                guard states[index] == .unseen else {
                    throw operation.malformed("node \(index) of its trees leads to itself: that is no tree")
                }
                states[index] = .open
                stack.append((index, true))
                for case .node(let child) in [nodes[index].children.holds, nodes[index].children.fails] {
                    stack.append((child, false))
                }
            }
        }
    }

    private mutating func sort() {
        let order = branches.indices.sorted {
            (branches[$0].comparison.rawValue, $0) < (branches[$1].comparison.rawValue, $1)
        }
        var position = order
        for (place, branch) in order.enumerated() { position[branch] = place }
        branches = order.map { branches[$0] }
        for leaf in leaves.indices {
            leaves[leaf].path = leaves[leaf].path.map { Step(branch: position[$0.branch], holds: $0.holds) }
        }
        contributions = contributions.indices.sorted { a, b in
            let (x, y) = (contributions[a], contributions[b])
            return (x.target, leaves[x.leaf].tree, a) < (y.target, leaves[y.leaf].tree, b)
        }.map { contributions[$0] }
    }
}

/// How a node compares a feature with its threshold, in the order of their numbers in the standard.
enum TreeComparison: Int {
    case lessOrEqual, less, greaterOrEqual, greater, equal, unequal

    private static let names: [String: TreeComparison] = [
        "BRANCH_LEQ": .lessOrEqual, "BRANCH_LT": .less, "BRANCH_GTE": .greaterOrEqual, "BRANCH_GT": .greater,
        "BRANCH_EQ": .equal, "BRANCH_NEQ": .unequal,
    ]

    init?(name: String) {
        guard let comparison = TreeComparison.names[name] else { return nil }
        self = comparison
    }
}

extension GraphNode {
    /// Whether its nodes name their children by places, as `TreeEnsemble` has them.
    var isTreesOfIndices: Bool {
        operation == OperatorDomain.classical.operation("TreeEnsemble") || attributes["nodes_trueleafs"] != nil
    }
}
