internal import CrypTenExpressions

/// A number that the owner knows, by which levels are multiplied.
struct LevelFactor {
    /// One real number: a weight, or known.
    var value: Value
    /// What it is made of, by name: equal names are equal numbers.
    var name: String
    /// How many scales it is a product of, less those that it is divided by.
    var power: Int

    func times(_ other: LevelFactor) -> LevelFactor? {
        guard let product = try? Value.combined(value, other.value, .multiply) else { return nil }
        return LevelFactor(value: product, name: "\(name) · \(other.name)", power: power + other.power)
    }
}

/// What a real of a quantised network is: a sum of terms, each of them whole numbers, or other reals, times a factor.
struct LevelForm {
    struct Term {
        /// The name of what is multiplied.
        var base: String
        /// Nil stands for 1.
        var factor: LevelFactor?
        /// The name of the range of which a 255th is another factor, computed in the run.
        var range: String?
        /// Where the base is levels as they came, less their zero point: the zero point's name, empty without one.
        var zeroPoint: String?
    }

    var terms: [Term]

    init(_ term: Term) {
        terms = [term]
    }

    init(terms: [Term]) {
        self.terms = terms
    }

    /// The only term.
    var single: Term? {
        terms.count == 1 ? terms[0] : nil
    }
}

/// What operators do with factors.
enum LevelRules {
    /// The same elements elsewhere, and the largest of some: levels remain levels.
    static let moves: Set<String> = [
        "Flatten", "Identity", "MaxPool", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze", "Gather",
        "Expand", "Tile",
    ]
    /// Functions of reals for which f(s · x) = s · f(x) for s > 0.
    static let homogeneous: Set<String> = [
        "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LeakyRelu", "Relu", "ReduceMean", "ReduceSum",
        "ReduceMax", "Neg",
    ]
    /// Layers, and where their weights and what is added stand.
    static let layers: [String: (weight: Int, bias: Int?)] = [
        "Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (1, 2), "MatMul": (1, nil),
    ]

    /// A layer that reads levels.
    static func ofLevels(_ operation: String) -> String {
        operation.hasSuffix(suffix) ? operation : operation + suffix
    }

    /// A layer's name without that.
    static func plain(_ operation: String) -> String {
        operation.hasSuffix(suffix) ? String(operation.dropLast(suffix.count)) : operation
    }

    private static let suffix = " of levels"
}
