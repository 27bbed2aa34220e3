internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Quantised networks: factors of grids become a part of the weights, so that layers read whole numbers and a result is had in units
/// of its own grid.
///
/// A layer between grids is `round(Σ w s_w · s (q − z) / s' + b / s') + z'`. The owner computes w s_w s / s' and b / s', in double; what is
/// left for the run is one product with whole numbers, which needs no truncation, and the rounding. Where scales can't become a part of
/// weights they are factors of their own, secret as they are.
struct LevelPass {
    /// What a network has somewhere where there is anything to do.
    static let operations: Set<String> = [
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QuantizeLinear",
    ]

    var preparation: Preparation
    var made: [GraphNode] = []
    var producers: [String: Int] = [:]
    var forms: [String: LevelForm] = [:]
    /// Ranges by the scale that they are 255 times of.
    var ranges: [String: String] = [:]
    /// Products of such a scale and a constant.
    var scaledRanges: [String: (range: String, scale: String)] = [:]
    var readers: [String: Int] = [:]
    var centredNames: [[String]: String] = [:]

    init(_ preparation: Preparation, outputs: Set<String>) {
        self.preparation = preparation
        for name in preparation.nodes.flatMap(\.inputs) + outputs where !name.isEmpty { readers[name, default: 0] += 1 }
        for node in preparation.nodes { take(node) }
        for name in outputs.sorted() where forms[name] != nil { resolve(name) }
        var read = outputs
        var live: [GraphNode] = []
        for node in made.reversed() where node.outputs.contains(where: read.contains) {
            live.append(node)
            read.formUnion(node.inputs)
        }
        self.preparation.nodes = live.reversed()
    }

    func constant(_ name: String) -> Value? {
        preparation.constants[name]
    }

    /// One positive number that is constant.
    func scale(_ name: String) -> LevelFactor? {
        guard let value = constant(name), value.type.kind == .real, value.shape.count == 1, value.shape.rank <= 1,
            let number = try? value.reshaped([])
        else { return nil }
        return LevelFactor(value: number, name: name, power: 1)
    }

    func reciprocal(_ name: String) -> LevelFactor? {
        guard let scale = scale(name), let value = try? scale.value.mapped(\.reciprocal) else { return nil }
        return LevelFactor(value: value, name: "1 / \(name)", power: -1)
    }

    func isNumber(_ name: String) -> Bool {
        name.isEmpty
            || constant(name).map { $0.shape.count == 1 && $0.shape.rank <= 1 && $0.type.kind == .integer } ?? false
    }

    func input(_ node: GraphNode, _ position: Int) -> String {
        position < node.inputs.count ? node.inputs[position] : ""
    }

    // MARK: Nodes

    @discardableResult
    mutating func emit(
        _ node: GraphNode,
        _ operation: String,
        _ inputs: [String],
        _ output: String? = nil,
        keeping attributes: [String: GraphAttribute] = [:]
    ) -> String {
        let name = output ?? preparation.names.unused("\(node.name).\(operation)")
        producers[name] = made.count
        if output == nil { readers[name] = 1 }
        made.append(
            GraphNode(
                name: node.name,
                operation: operation,
                version: node.version,
                inputs: inputs,
                outputs: [name],
                attributes: attributes
            )
        )
        return name
    }

    mutating func keep(_ node: GraphNode) {
        for name in node.inputs where forms[name] != nil { resolve(name) }
        for name in node.outputs { producers[name] = made.count }
        made.append(node)
    }

    /// Makes the real that a form stands for, under its name.
    mutating func resolve(_ name: String) {
        guard let form = forms[name], producers[name] == nil else { return }
        let node = GraphNode(name: name, operation: "", version: 1, inputs: [], outputs: [], attributes: [:])
        if form.terms.count == 1 {
            term(form.terms[0], node, name)
        } else {
            emit(node, OperatorTable.sumOfTerms, form.terms.map { term($0, node) }, name)
        }
    }

    @discardableResult
    mutating func term(_ term: LevelForm.Term, _ node: GraphNode, _ output: String? = nil) -> String {
        guard let range = term.range else {
            guard let factor = term.factor else { return emit(node, OperatorTable.asReals, [term.base], output) }
            return multiplied(term.base, factor, node, output)
        }
        let base = term.factor.map { multiplied(term.base, $0, node) } ?? term.base
        return emit(node, OperatorTable.timesRange, [base, range], output)
    }

    /// A base times a factor; of a scale alone, or of several, whose size nobody else knows, in two parts.
    mutating func multiplied(
        _ base: String,
        _ factor: LevelFactor,
        _ node: GraphNode,
        _ output: String? = nil
    ) -> String {
        if factor.power != 0, case .weight = factor.value.content, let parts = try? LevelParts.split(factor.value) {
            let first = preparation.adding(
                parts.first,
                named: preparation.names.unused("\(node.name).factor"),
                readBy: node.name
            )
            let rest = preparation.adding(
                parts.rest,
                named: preparation.names.unused("\(node.name).rest"),
                readBy: node.name
            )
            return emit(node, OperatorTable.timesParts, [base, first, rest], output)
        }
        let name = preparation.adding(
            factor.value,
            named: preparation.names.unused("\(node.name).factor"),
            readBy: node.name
        )
        return emit(node, OperatorTable.timesFactor, [base, name], output)
    }
}
