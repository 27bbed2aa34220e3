internal import CrypTenBase

/// How one operator is imported.
struct OperatorEntry: Sendable {
    /// The operator sets that changed the operator and whose meaning is implemented; ascending.
    let versions: [Int]
    /// Positions of inputs that decide a shape, an address or which program runs: they must be public and known at import.
    let known: Set<Int>
    /// Positions of inputs that decide an address or an exponent, and may be secret: then every address is read, and products tell
    /// which counts. Where all may see one, it must be known at import unless the operator reads it at run time.
    let secret: Set<Int>
    /// Whether public values of the run will do for those.
    let atRun: Bool
    /// Whether inputs may be sequences, or optional values that aren't there.
    let takesLists: Bool
    /// Makes the outputs of a node from its inputs.
    let make: @Sendable (Operation) throws -> [Value]

    init(
        _ versions: [Int],
        known: Set<Int> = [],
        secret: Set<Int> = [],
        atRun: Bool = false,
        takesLists: Bool = false,
        _ make: @escaping @Sendable (Operation) throws -> [Value]
    ) {
        self.versions = versions
        self.known = known
        self.secret = secret
        self.atRun = atRun
        self.takesLists = takesLists
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
            losses, resizing, sampling, regions, signals, branches, loops, scans, sequences, finiteness,
            classicalStructure, trees,
            linearModels, supportVectors, encoders, features, runtimeUnits, runtimeProducts, runtimeConvolutions,
            runtimeNormalization, runtimeStructure, runtimeAttention, quantization, quantizedRuntime,
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
    static let scaleAndShift = "scale and shift"

    /// What graphs are rewritten with; no file can name it, for it isn't in the table that files are checked against.
    static let internals: [String: OperatorEntry] = [
        scaleAndShift: OperatorEntry([1], scaledAndShifted),
        positionsOfWords: OperatorEntry([1], positions),
        wordCounts: OperatorEntry([1], countWords),
        scaledTrees: OperatorEntry([1], scaledTrees),
    ]
    .merging(levels.mapValues { OperatorEntry([1], $0) }) { first, _ in first }
    .merging(SupportVectorPreparation.entries) { first, _ in first }

    /// The entry of a node of a checked graph.
    static func entry(of node: GraphNode) -> OperatorEntry {
        guard let entry = internals[node.operation] ?? entries[node.operation] else {
            preconditionFailure("\(node.operation) isn't in the table")
        }
        return entry
    }

    /// The outputs of a node.
    ///
    /// - Throws: what its import function throws; the refusal of an input that is no tensor where it takes tensors, and of an output that
    ///   isn't made here and that something reads.
    static func results(of operation: Operation) throws -> [Value] {
        let (entry, node) = (entry(of: operation.node), operation.node)
        if !entry.takesLists {
            for case let value? in operation.inputs { _ = try value.tensor(operation) }
        }
        let results = try entry.make(operation)
        if let position = node.outputs.indices.dropFirst(results.count).first(where: { !node.outputs[$0].isEmpty }) {
            throw operation.unsupported("its output \(position) isn't computed here")
        }
        return results
    }

    /// The version of an operator that holds in an operator set.
    ///
    /// - Throws: `CrypTenError.Code.unsupportedOperator` where the operator, or that version of it, isn't implemented.
    static func version(of operation: String, opset: Int, node: String) throws -> Int {
        guard let entry = entries[operation] else {
            throw unsupportedOperator(
                operation,
                node: node,
                why: refused[operation] ?? "it isn't among the operators that are computed on secrets here"
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
