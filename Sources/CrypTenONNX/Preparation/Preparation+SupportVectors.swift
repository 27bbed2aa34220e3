internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What owners compute of support vectors, and the operators that read it.
enum SupportVectorPreparation {
    /// No file can name them: the table that files are checked against doesn't have them.
    static let entries: [String: OperatorEntry] = [
        prepared("SVMClassifier"): OperatorEntry([1], OperatorTable.classifyBySupportVectors),
        prepared("SVMRegressor"): OperatorEntry([1], OperatorTable.regressBySupportVectors),
    ]

    static func prepared(_ name: String) -> String {
        "\(OperatorDomain.classical.operation(name)) of prepared vectors"
    }

    /// Whether the kernel is a product, and coefficients and vectors are one matrix with a row for each score.
    static let isFolded = "folded"
}

extension Preparation {
    /// The kernels' factors become a part of the vectors; a linear kernel's vectors and their coefficients become one matrix.
    ///
    /// With a radial kernel of distances x and v are moved by a centre of the vectors, and both are multiplied by √γ:
    ///
    ///     γ|x − v|² = |x'|² − 2 x'·v' + |v'|²,   x' = √γ (x − c),   v' = √γ (v − c)
    ///
    /// of which the owner has the last; and all of it is magnified, so that what is rounded of x' matters less. Other kernels read γ x·v, with γ in the vectors.
    mutating func supportVectors(_ node: GraphNode, _ data: DataNames) -> [GraphNode]? {
        typealias Input = OperatorTable.SupportVectorInput
        let name = OperatorDomain.split(node.operation).name
        let isData = data.names.contains(node.inputs[0])
        var prepared = node
        prepared.operation = SupportVectorPreparation.prepared(name)
        prepared.inputs += [String](repeating: "", count: max(0, Input.shifts + 1 - node.inputs.count))
        guard let coefficients = weight(node, Input.coefficients), !node.inputs[0].isEmpty else { return nil }
        var (count, counts): (Int, [Int]) = (0, [])
        if name == "SVMClassifier" {
            if case .ints(let list)? = node.attributes["vectors_per_class"] { counts = list }
            guard counts.allSatisfy({ (0...1 << 24).contains($0) }), counts.count <= 1 << 16 else { return nil }
            count = counts.reduce(0, +)
        } else if case .int(let number)? = node.attributes["n_supports"] {
            count = number
        }
        guard count > 0 else {
            let rows = name == "SVMClassifier" ? SupportVectorPreparation.labels(node) : 1
            return isData
                ? inUnits(prepared, coefficients, rows: rows, at: Input.coefficients) ?? [prepared] : [prepared]
        }
        guard let vectors = weight(node, Input.vectors), vectors.shape.count % count == 0 else { return nil }
        let features = vectors.shape.count / count
        guard features > 0 else { return nil }
        let parameters = weight(node, Input.parameters)
        switch node.attributes["kernel_type"] ?? .string("LINEAR") {
        case .string("LINEAR"):
            prepared.inputs[Input.parameters] = ""
            let classes = name == "SVMClassifier" ? counts : [count]
            if let matrix = folded(coefficients, vectors, classes, features) {
                prepared.attributes[SupportVectorPreparation.isFolded] = .int(1)
                prepared.inputs[Input.vectors] = ""
                prepared.inputs[Input.coefficients] = adding(matrix, of: node, "lines")
                if !isData { return [prepared] }
                return inUnits(prepared, matrix, rows: matrix.shape[0], at: Input.coefficients) ?? [prepared]
            }
            if !isData { return [prepared] }
            return inUnits(prepared, vectors, rows: count, at: Input.vectors) ?? [prepared]
        case .string("RBF"):
            return radial(prepared, vectors, parameters, (count, features), isData: isData)
        default:
            guard let parameters, parameters.shape.count >= 2,
                let scaled = computed(
                    [vectors, parameters],
                    vectors.shape,
                    { numbers in
                        numbers[0].map { $0 * numbers[1][0] }
                    }
                ), let addend = computed([parameters], [1], { [$0[0][1]] })
            else { return nil }
            prepared.inputs[Input.vectors] = adding(scaled, of: node, "vectors")
            prepared.inputs[Input.parameters] = adding(addend, of: node, "addend")
            if !isData { return [prepared] }
            return inUnits(prepared, scaled, rows: count, at: Input.vectors) ?? [prepared]
        }
    }

    private mutating func radial(
        _ node: GraphNode,
        _ vectors: Value,
        _ parameters: Value?,
        _ extents: (count: Int, features: Int),
        isData: Bool
    ) -> [GraphNode]? {
        typealias Input = OperatorTable.SupportVectorInput
        let (count, features) = extents
        func centres(_ numbers: [Double]) -> [Double] {
            (0..<features).map { feature in
                let column = stride(from: feature, to: numbers.count, by: features).map { numbers[$0] }
                return Preparation.inGrains(column.reduce(0, +) / Double(count))
            }
        }
        /// (v − c) √γ
        func moved(_ numbers: [Double], _ gamma: Double) -> [Double] {
            let (centre, root) = (centres(numbers), gamma.squareRoot() * Kernel.magnification)
            return numbers.indices.map { (numbers[$0] - centre[$0 % features]) * root }
        }
        guard let parameters,
            let centre = computed([vectors], [features], { centres($0[0]) }),
            let root = computed([parameters], [1], { [$0[0][0].squareRoot() * Kernel.magnification] }),
            let scaledVectors = computed([vectors, parameters], vectors.shape, { moved($0[0], $0[1][0]) }),
            let lengths = computed(
                [vectors, parameters],
                [count],
                { numbers in
                    let all = moved(numbers[0], numbers[1][0])
                    return (0..<count).map { row in
                        all[row * features..<(row + 1) * features].reduce(0) { $0 + $1 * $1 }
                    }
                }
            )
        else { return nil }
        let names = (cast: temporary(node, "x"), moved: temporary(node, "moved"), scaled: temporary(node, "scaled"))
        var prepared = node
        prepared.inputs[0] = names.scaled
        prepared.inputs[Input.vectors] = adding(scaledVectors, of: node, "vectors")
        prepared.inputs[Input.parameters] = adding(lengths, of: node, "lengths")
        let origin = adding(centre, of: node, "centre")
        return [node.cast(node.inputs[0], names.cast)]
            + [node.step("Sub", [names.cast, origin], names.moved)]
            + scaled(node, names.moved, root, "root", names.scaled, isData: isData) + [prepared]
    }

    /// Σ_m a_m v_m for each pair of classes, or for the one result; nil where that is larger than what it is made of.
    private func folded(_ coefficients: Value, _ vectors: Value, _ counts: [Int], _ features: Int) -> Value? {
        let classes = counts.count
        let count = counts.reduce(0, +)
        guard coefficients.shape.count == max(1, classes - 1) * count else { return nil }
        guard (try? ImportBudget.spend(classes * classes, for: "pairs of classes")) != nil else { return nil }
        let pairs =
            classes == 1 ? [(0, 0)] : (0..<classes).flatMap { i in (i + 1..<max(i + 1, classes)).map { (i, $0) } }
        guard !pairs.isEmpty, let shape = try? Shape(checking: [pairs.count, features]) else { return nil }
        return computed([coefficients, vectors], shape) { numbers in
            var starts = [0]
            for count in counts { starts.append(starts[starts.count - 1] + count) }
            var lines = [Double](repeating: 0, count: shape.count)
            func add(_ line: Int, _ row: Int, _ group: Int) {
                for vector in starts[group]..<starts[group + 1] {
                    let factor = numbers[0][row * count + vector]
                    for feature in 0..<features {
                        lines[line * features + feature] += factor * numbers[1][vector * features + feature]
                    }
                }
            }
            for (line, (i, j)) in pairs.enumerated() {
                add(line, max(0, j - 1), i)
                if i != j { add(line, i, j) }
            }
            return lines
        }
    }
}

extension SupportVectorPreparation {
    /// How many labels a node has.
    fileprivate static func labels(_ node: GraphNode) -> Int {
        switch (node.attributes["classlabels_strings"], node.attributes["classlabels_ints"]) {
        case (.strings(let texts)?, _): texts.count
        case (_, .ints(let numbers)?): numbers.count
        default: 0
        }
    }
}
