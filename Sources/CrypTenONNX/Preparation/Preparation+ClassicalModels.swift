internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What owners compute of the weights of linear models and scalers, so that amounts as they came keep their bits.
///
/// A coefficient of income in cents may be 10⁻⁷, of which fixed point keeps nothing. So each column j of data as they came is brought
/// to a unit of its own first, a secret power of two u_j that is the largest coefficient of the column, rounded up:
///
///     Σ x_j · w_ij = Σ (x_j · u_j) · (w_ij / u_j)
///
/// and all parties compute x_j · u_j as they do with any secret factor of data, see `separateFactors`.
extension Preparation {
    /// Offsets and centres are whole multiples of this, which every encoding holds; what is left is a constant of its own.
    static let grain = 0x1p-8

    mutating func prepareClassicalModels(_ data: DataNames) {
        var kept: [GraphNode] = []
        for node in nodes {
            let parts: [GraphNode]?
            switch OperatorDomain.split(node.operation) {
            case (OperatorDomain.classical.rawValue, "Scaler"): parts = scaling(node, data)
            case (OperatorDomain.classical.rawValue, "LinearClassifier"),
                (OperatorDomain.classical.rawValue, "LinearRegressor"):
                parts = linearModel(node, data)
            case (OperatorDomain.classical.rawValue, "SVMClassifier"),
                (OperatorDomain.classical.rawValue, "SVMRegressor"):
                parts = supportVectors(node, data)
            default: parts = nil
            }
            kept += parts ?? [node]
        }
        nodes = kept
    }

    /// `(x − offset) · scale` as `(x − o) · scale + (o − offset) · scale`, where o is the offset in whole grains.
    private mutating func scaling(_ node: GraphNode, _ data: DataNames) -> [GraphNode]? {
        guard node.inputs.count == 3, !node.inputs[0].isEmpty, !node.outputs[0].isEmpty,
            let offset = weight(node, 1), let scale = weight(node, 2), offset.shape.rank <= 1, scale.shape.rank <= 1
        else { return nil }
        let count = max(offset.shape.count, scale.shape.count)
        guard [1, count].contains(offset.shape.count), [1, count].contains(scale.shape.count),
            let whole = try? offset.mapped({ Preparation.inGrains($0) }),
            let rest = computed(
                [offset, scale],
                [count],
                { numbers in
                    (0..<count).map { index in
                        let offset = numbers[0][numbers[0].count == 1 ? 0 : index]
                        return (Preparation.inGrains(offset) - offset) * numbers[1][numbers[1].count == 1 ? 0 : index]
                    }
                }
            )
        else { return nil }
        let names = (cast: temporary(node, "x"), moved: temporary(node, "moved"), scaled: temporary(node, "scaled"))
        let (origin, remainder) = (adding(whole, of: node, "offset"), adding(rest, of: node, "rest"))
        return [node.cast(node.inputs[0], names.cast)]
            + [node.step("Sub", [names.cast, origin], names.moved)]
            + scaled(node, names.moved, scale, "scale", names.scaled, isData: data.names.contains(node.inputs[0]))
            + [node.step("Add", [names.scaled, remainder], node.outputs[0])]
    }

    /// Columns of data as they came are brought to units.
    private mutating func linearModel(_ node: GraphNode, _ data: DataNames) -> [GraphNode]? {
        guard node.inputs.count >= 2, data.names.contains(node.inputs[0]), let weights = weight(node, 1) else {
            return nil
        }
        let addends = node.inputs.count > 2 ? weight(node, 2) : nil
        var rows = addends?.shape.count ?? 0
        if rows == 0, case .int(let targets)? = node.attributes["targets"] { rows = targets }
        if rows == 0 { rows = 1 }
        return inUnits(node, weights, rows: rows, at: 1)
    }

    /// A node whose first input is brought to units, and the weights at a position, of so many rows, to what is left of them.
    mutating func inUnits(_ node: GraphNode, _ weights: Value, rows: Int, at position: Int) -> [GraphNode]? {
        guard rows > 0, weights.shape.count > 0, weights.shape.count % rows == 0 else { return nil }
        let columns = weights.shape.count / rows
        guard let units = computed([weights], [columns], { Preparation.units($0[0], columns: columns) }),
            let rest = computed(
                [weights],
                weights.shape,
                { numbers in
                    let units = Preparation.units(numbers[0], columns: columns)
                    return numbers[0].indices.map { numbers[0][$0] / units[$0 % columns] }
                }
            )
        else { return nil }
        let names = (cast: temporary(node, "x"), scaled: temporary(node, "scaled"))
        var changed = node
        changed.inputs[0] = names.scaled
        changed.inputs[position] = adding(rest, of: node, "weights")
        return [node.cast(node.inputs[0], names.cast)]
            + scaled(node, names.cast, units, "units", names.scaled, isData: true) + [changed]
    }

    /// The power of two that is just above the largest of each column; 1 for a column of zeros.
    private static func units(_ numbers: [Double], columns: Int) -> [Double] {
        (0..<columns).map { column in
            let largest = stride(from: column, to: numbers.count, by: columns).map { numbers[$0].magnitude }.max() ?? 0
            guard largest > 0, largest.isFinite else { return 1 }
            return Double(sign: .plus, exponent: Int(largest.exponent) + 1, significand: 1)
        }
    }

    static func inGrains(_ number: Double) -> Double {
        (number / grain).rounded() * grain
    }

    // MARK: Nodes

    /// A node's constant of reals.
    func weight(_ node: GraphNode, _ position: Int) -> Value? {
        guard position < node.inputs.count, let value = constants[node.inputs[position]], value.type.kind == .real,
            value.shape.count > 0
        else { return nil }
        return value
    }

    /// What the owner computes of constants.
    func computed(_ operands: [Value], _ shape: Shape, _ function: ([[Double]]) -> [Double]) -> Value? {
        guard let plain = try? Value.plain(operands, shape) else { return nil }
        return plain.value(operands[0].type, shape) { Tensor(function($0.map(\.doubles)), shape: shape) }
    }

    mutating func temporary(_ node: GraphNode, _ what: String) -> String {
        names.unused("\(node.name)/\(what)")
    }

    /// A constant under a name that nothing has.
    mutating func adding(_ value: Value, of node: GraphNode, _ what: String) -> String {
        var name = "\(node.name)/\(what)"
        while names.contains(name) { name += "'" }
        return adding(value, named: name, readBy: node.name)
    }

    /// The product of what a name stands for and a factor; of data as they came the factor's parts are separated.
    mutating func scaled(
        _ node: GraphNode,
        _ input: String,
        _ factor: Value,
        _ what: String,
        _ output: String,
        isData: Bool
    ) -> [GraphNode] {
        let name = adding(factor, of: node, what)
        let product = node.step("Mul", [input, name], output)
        guard isData, case .weight = factor.content else { return [product] }
        return separated(product, input, name, factor, isQuotient: false) ?? [product]
    }
}

extension GraphNode {
    /// A part of what this node is computed of.
    func step(_ operation: String, _ inputs: [String], _ output: String) -> GraphNode {
        GraphNode(name: name, operation: operation, version: 14, inputs: inputs, outputs: [output], attributes: [:])
    }

    /// Whole numbers become reals, and reals stay so.
    func cast(_ input: String, _ output: String) -> GraphNode {
        var result = step("Cast", [input], output)
        result.version = 13
        result.attributes = ["to": .int(Int(ONNXElementType.float.standardNumber))]
        return result
    }
}
