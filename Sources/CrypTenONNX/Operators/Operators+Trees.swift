internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Ensembles of decision trees.
    ///
    /// All comparisons of an ensemble are one set of rounds; a leaf's bit is a product of its way's, and a score the sum of bits times leaves'
    /// values. Nothing tells which leaf is reached.
    static let trees: [String: OperatorEntry] = [
        OperatorDomain.classical.operation("TreeEnsembleClassifier"): OperatorEntry([1, 3], refused),
        OperatorDomain.classical.operation("TreeEnsembleRegressor"): OperatorEntry([1, 3], refused),
        OperatorDomain.classical.operation("TreeEnsemble"): OperatorEntry([5], refused),
    ]

    /// An ensemble whose leaves' values its owner has scaled.
    ///
    /// No file can name it.
    static let scaledTrees = "trees of scaled leaves"

    /// An ensemble that `Preparation` has left as it was: says why.
    private static func refused(_ operation: Operation) throws -> [Value] {
        if operation.isOfTrainedModel {
            throw operation.unsupported("trees are computed with, and not trained")
        }
        let trees = try TreeEnsemble(operation)
        _ = try TreeAggregate(operation)
        if operation.node.isClassifierOfTrees { _ = try TreeClasses(operation) }
        guard !trees.contributions.isEmpty else { throw operation.malformed("no leaf has a value") }
        throw operation.malformed(
            "its thresholds, its leaves' values or its nodes' features are missing, or not as many as its nodes and leaves"
        )
    }

    static func scaledTrees(_ operation: Operation) throws -> [Value] {
        let trees = try TreeEnsemble(operation)
        let sums = try TreeSums(operation, trees)
        return try operation.node.isClassifierOfTrees
            ? TreeClasses(operation).outputs(operation, sums) : [sums.targets(operation)]
    }
}

/// The scores of an ensemble.
struct TreeSums {
    let trees: TreeEnsemble
    /// Of each target, `[targets, rows]`, times the unit of leaves' values.
    let scores: CrypTensor
    /// How many there are.
    let count: Int
    /// What a score is multiplied by.
    let unit: Double
    private let base: CrypTensor?

    init(_ operation: Operation, _ trees: TreeEnsemble) throws {
        self.trees = trees
        let data = try operation.number(Preparation.ScaledTreeInput.data)
        guard data.shape.rank == 2 || data.shape.rank == 1 else {
            throw operation.mismatch("it reads rows of features, not shape \(data.shape)")
        }
        let rows = data.shape.rank == 1 ? 1 : data.shape[0]
        let columns = data.shape[-1]
        let features = operation.optional(Preparation.ScaledTreeInput.features)
        if features == nil, let stranger = trees.branches.first(where: { !(0..<columns).contains($0.feature) }) {
            throw operation.mismatch("a node reads feature \(stranger.feature), and there are \(columns)")
        }
        let count =
            try operation.int("n_targets") ?? (operation.node.isClassifierOfTrees ? TreeClasses(operation).count : 1)
        self.count = count
        let targets = trees.targets
        guard count > 0, count <= 1 << 20 else { throw operation.malformed("it has \(count) targets") }
        guard targets.allSatisfy({ (0..<count).contains($0) }) else {
            throw operation.malformed("a leaf adds to target \(targets.max() ?? 0), and there are \(count)")
        }
        unit = Double(sign: .plus, exponent: -Preparation.leafExponent(operation.node), significand: 1)
        try ImportBudget.spend((count - targets.count) * rows, for: "scores to which no tree adds anything")
        // What stands for floats by their order is compared as it is.
        let given = try data.expression().reshape([rows, columns])
        let x = data.type.kind == .real && given.kind == .integer ? given : given.toReal()
        let values = try operation.real(Preparation.ScaledTreeInput.values).expression()
        let nodes = try trees.branches.isEmpty ? nil : TreeNodes(operation, trees, x).bits(features)
        let summands = try TreeSums.summands(trees, nodes, values, rows: rows)
        let aggregate = try TreeAggregate(operation)
        scores = try checked(
            concatenate(
                try (0..<count).map { target in
                    try TreeSums.score(trees, summands, target, aggregate, rows: rows)
                },
                axis: 0
            )
        )
        base = try operation.optional(Preparation.ScaledTreeInput.base)?.expression()
        if let base, base.count != 1 || count != 1, base.count != count, !(base.count == 1 && count == 2) {
            throw operation.malformed("it has \(base.count) base_values for \(count) targets")
        }
    }

    /// Bits times leaves' values, a row for each value.
    private static func summands(
        _ trees: TreeEnsemble,
        _ nodes: CrypTensor?,
        _ values: CrypTensor,
        rows: Int
    ) throws -> CrypTensor {
        let column = values.reshape([values.count, 1])
        let ways = trees.leaves.indices.filter { !trees.leaves[$0].path.isEmpty }
        guard values.count == trees.values else {
            throw CrypTenError(.malformedFile, "it has \(values.count) leaves' values, not \(trees.values)")
        }
        let spread = { (contributions: [Int]) in
            let places = contributions.map { trees.contributions[$0].place }
            return column.applying(.take(axis: 0, indices: places)).broadcast(to: [places.count, rows])
        }
        guard let nodes else { return try checked(spread(Array(trees.contributions.indices))) }
        let paths = TreePaths(ways.map { trees.leaves[$0] }, branches: trees.branches.count)
        var position = [Int](repeating: -1, count: trees.leaves.count)
        for (place, leaf) in ways.enumerated() { position[leaf] = place }
        let chosen = trees.contributions.indices.filter { position[trees.contributions[$0].leaf] >= 0 }
        let bits = try paths.bits(nodes, of: chosen.map { position[trees.contributions[$0].leaf] })
        let products = bits.applying(.select, spread(chosen))
        guard chosen.count < trees.contributions.count else { return try checked(products) }
        // A tree of one leaf always adds its value.
        let rest = trees.contributions.indices.filter { position[trees.contributions[$0].leaf] < 0 }
        var back = chosen + rest
        for (place, contribution) in (chosen + rest).enumerated() { back[contribution] = place }
        return try checked(
            concatenate([products, spread(rest)], axis: 0).applying(.take(axis: 0, indices: back))
        )
    }

    /// One target's score, `[1, rows]`.
    private static func score(
        _ trees: TreeEnsemble,
        _ summands: CrypTensor,
        _ target: Int,
        _ aggregate: TreeAggregate,
        rows: Int
    ) throws -> CrypTensor {
        let all = trees.contributions.indices.filter { trees.contributions[$0].target == target }
        guard let first = all.first else {
            return CrypTensor(constant: Tensor([Double](repeating: 0, count: rows), shape: [1, rows]))
        }
        func sum(_ range: Range<Int>) -> CrypTensor {
            summands.applying(
                .slice(starts: [range.lowerBound, 0], steps: [1, 1], shape: [range.count, rows])
            ).sum(axes: [0], keepDimensions: true)
        }
        guard aggregate == .minimum || aggregate == .maximum else { return sum(first..<first + all.count) }
        var parts: [CrypTensor] = []
        var start = first
        while start < first + all.count {
            let tree = trees.leaves[trees.contributions[start].leaf].tree
            let end = all.last { trees.leaves[trees.contributions[$0].leaf].tree == tree } ?? start
            parts.append(sum(start..<end + 1))
            start = end + 1
        }
        let each = try checked(concatenate(parts, axis: 0))
        return try checked(
            aggregate == .maximum
                ? each.max(axis: 0, keepDimensions: true) : -((-each).max(axis: 0, keepDimensions: true))
        )
    }

    /// The scores with the base values, `[rows, targets]`, times the unit; of targets to which no leaf adds anything nothing.
    func based(everyTarget: Bool) -> CrypTensor {
        let scores = scores.permuted([1, 0])
        guard let base else { return scores }
        let listed = trees.targets
        if base.count == 1, count == 1 { return scores + base.reshape([1, 1]) }
        guard base.count == count else { return scores }
        if everyTarget || listed.count == count { return scores + base.reshape([1, count]) }
        let mask = Tensor((0..<count).map { listed.contains($0) ? 1.0 : 0 }, shape: [1, count])
        return scores + base.reshape([1, count]) * mask
    }

    /// One score for two classes, with its base value, `[rows, 1]`.
    func single() -> CrypTensor {
        let score = scores.applying(.slice(starts: [0, 0], steps: [1, 1], shape: [1, scores.shape[1]])).permuted([1, 0])
        return base.map { score + $0.reshape([1, 1]) } ?? score
    }

    /// How many base values there are.
    var baseCount: Int { base?.count ?? 0 }

    /// The output of a regression.
    func targets(_ operation: Operation) throws -> Value {
        let transform = try PostTransform(ofTrees: operation)
        if count == 1, transform != .none {
            throw operation.unsupported(
                "its post_transform \(transform.rawValue) is of one target, which runtimes leave as it is: write it as an operator after it"
            )
        }
        return Value(
            .float,
            try transform.applied(to: based(everyTarget: false) * unit, listed: trees.targets, operation)
        )
    }
}

/// The comparisons of all nodes.
struct TreeNodes {
    private let operation: Operation
    private let trees: TreeEnsemble
    private let x: CrypTensor

    init(_ operation: Operation, _ trees: TreeEnsemble, _ x: CrypTensor) {
        (self.operation, self.trees, self.x) = (operation, trees, x)
    }

    /// A row for each node, of its comparison.
    func bits(_ features: Value?) throws -> CrypTensor {
        let thresholds =
            try x.kind == .integer
            ? operation.input(Preparation.ScaledTreeInput.order).expression()
            : operation.real(Preparation.ScaledTreeInput.thresholds).expression()
        guard thresholds.count == trees.branches.count else {
            throw operation.malformed("it has \(thresholds.count) thresholds for \(trees.branches.count) nodes")
        }
        var column = thresholds.reshape([thresholds.count, 1])
        var read: CrypTensor
        if let features {
            // Which feature a node reads is a row of zeros and a one, of its owner.
            let chosen = try features.expression()
            guard chosen.rank == 2, chosen.shape[1] <= x.shape[1] else {
                throw operation.mismatch("its nodes read \(chosen.shape[-1]) features, and there are \(x.shape[1])")
            }
            let known = x.applying(.slice(starts: [0, 0], steps: [1, 1], shape: [x.shape[0], chosen.shape[1]]))
            read = try checked(chosen.matmul(known.permuted([1, 0])))
        } else {
            read = x.permuted([1, 0]).applying(.take(axis: 0, indices: trees.branches.map(\.feature)))
        }
        read = try checked(read)
        // Rows of zeros and a one are reals, and what they pick is, too.
        if read.kind == .real { column = column.toReal() }
        var parts: [CrypTensor] = []
        var start = 0
        while start < trees.branches.count {
            let comparison = trees.branches[start].comparison
            let count = trees.branches[start...].prefix { $0.comparison == comparison }.count
            func part(_ whole: CrypTensor) -> CrypTensor {
                count == trees.branches.count
                    ? whole
                    : whole.applying(.slice(starts: [start, 0], steps: [1, 1], shape: [count, whole.shape[1]]))
            }
            let (feature, threshold) = (part(read), part(column))
            let spread = threshold.broadcast(to: feature.shape)
            let above = { spread.applying(.subtract, feature).applying(.isNegative) }
            let below = { feature.applying(.subtract, spread).applying(.isNegative) }
            switch comparison {
            case .lessOrEqual: parts.append(~above())
            case .less: parts.append(below())
            case .greaterOrEqual: parts.append(~below())
            case .greater: parts.append(above())
            case .equal: parts.append(feature.applying(.subtract, spread).applying(.isZero))
            case .unequal: parts.append(~feature.applying(.subtract, spread).applying(.isZero))
            }
            start += count
        }
        let holds = parts.count == 1 ? parts[0] : concatenate(parts, axis: 0)
        return try checked(read.kind == .integer ? withMissing(holds) : holds)
    }

    /// The same where numbers may be missing, whose place is beyond all others': of a comparison that comes out otherwise than the node says
    /// the bit is turned.
    private func withMissing(_ holds: CrypTensor) -> CrypTensor {
        let turned = trees.branches.indices.filter { index in
            switch trees.branches[index].comparison {
            case .lessOrEqual, .less, .equal: trees.branches[index].tracksMissing
            case .greaterOrEqual, .greater: !trees.branches[index].tracksMissing
            case .unequal: false
            }
        }
        if turned.isEmpty { return holds }
        let isMissing = (x - CrypTensor(Int(OrderedFloats.beyond))).applying(.isZero).permuted([1, 0])
            .applying(.take(axis: 0, indices: turned.map { trees.branches[$0].feature }))
        let rows = turned.count == trees.branches.count ? holds : holds.applying(.take(axis: 0, indices: turned))
        let right = rows.applying(.xor, isMissing)
        if turned.count == trees.branches.count { return right }
        // Put back where they were.
        let others = trees.branches.indices.filter { !turned.contains($0) }
        var places = [Int](repeating: 0, count: trees.branches.count)
        for (place, index) in (turned + others).enumerated() { places[index] = place }
        return concatenate([right, holds.applying(.take(axis: 0, indices: others))], axis: 0)
            .applying(.take(axis: 0, indices: places))
    }
}
