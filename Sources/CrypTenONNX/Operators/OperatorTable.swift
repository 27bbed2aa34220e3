internal import CrypTenBase

/// How one operator is imported.
struct OperatorEntry: Sendable {
    /// The operator sets that changed the operator and whose meaning is implemented; ascending.
    let versions: [Int]
    /// Positions of inputs that decide a shape, an address or which program runs: they must be public and known at import.
    let known: Set<Int>
    /// Makes the outputs of a node from its inputs.
    let make: @Sendable (Operation) throws -> [Value]

    init(
        _ versions: [Int],
        known: Set<Int> = [],
        _ make: @escaping @Sendable (Operation) throws -> [Value]
    ) {
        self.versions = versions
        self.known = known
        self.make = make
    }
}

/// Every operator that is imported, by its name in the standard; each theme's file holds its entries.
enum OperatorTable {
    static let entries: [String: OperatorEntry] = {
        let themes = [
            arithmetic, powers, roundings, exponentials, comparisons, activations, units, convolutions, products,
            pooling,
            normalization, statistics, attention, recurrent, reductions, structure, arrangement, slicing, indexing,
            shapes,
            losses, resizing, sampling, regions, signals, loops,
        ]
        let table = themes.reduce(into: [:]) { table, theme in
            table.merge(theme) { _, _ in preconditionFailure("an operator stands in two themes") }
        }
        for (name, entry) in table where !entry.known.isSubset(of: (InputRoles.table[name] ?? [:]).keys) {
            preconditionFailure("an input of \(name) must be known, and has no role")
        }
        return table
    }()

    /// `scale · x + shift` for each channel: what is left of a batch normalisation that isn't folded.
    ///
    /// No file can name it: the table that files are checked against doesn't have it.
    static let scaleAndShift = "scale and shift"

    /// The entry of a node of a checked graph.
    static func entry(of node: GraphNode) -> OperatorEntry {
        if node.operation == scaleAndShift { return OperatorEntry([1], scaledAndShifted) }
        guard let entry = entries[node.operation] else { preconditionFailure("\(node.operation) isn't in the table") }
        return entry
    }

    /// The version of an operator that holds in an operator set.
    ///
    /// - Throws: `CrypTenError.Code.unsupportedOperator` where the operator, or that version of it, isn't implemented.
    static func version(of operation: String, opset: Int, node: String) throws -> Int {
        guard let entry = entries[operation] else {
            throw unsupportedOperator(
                operation,
                node: node,
                why: "it isn't among the operators that are computed on secrets here"
            )
        }
        guard let version = entry.versions.last(where: { $0 <= opset }) else {
            throw unsupportedOperator(
                operation,
                node: node,
                why: "it exists from operator set \(entry.versions[0]) on, and the model uses \(opset)"
            )
        }
        return version
    }
}
