/// What operators do with texts.
enum OperatorTexts {
    /// Operators whose first output is places of texts, and the texts; nil where a node's aren't. They are told whether their input is
    /// text, too.
    static let writers: [String: @Sendable (GraphNode, _ readsTexts: Bool) -> [String]?] = {
        var writers: [String: @Sendable (GraphNode, Bool) -> [String]?] = [:]
        for name in ["TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier"] {
            writers[OperatorDomain.classical.operation(name)] = { node, _ in node.texts("classlabels_strings") }
        }
        writers[labelEncoder] = { node, readsTexts in
            if let classes = node.texts("classes_strings") { return readsTexts ? nil : classes + [node.standardText] }
            return node.texts("values_strings").map { $0 + [node.standardText] }
        }
        writers[categoryMapper] = { node, readsTexts in
            readsTexts ? nil : node.texts("cats_strings").map { $0 + [node.standardText] }
        }
        return writers
    }()

    /// Operators that pick or move what their first input holds.
    static let movers = InputRoles.moves.union([OperatorDomain.classical.operation("ArrayFeatureExtractor")])

    /// Inputs, by operator, whose texts the operator itself reads.
    static let readers: [String: Set<Int>] = [oneHotEncoder: [0], labelEncoder: [0], categoryMapper: [0]]

    static let oneHotEncoder = OperatorDomain.classical.operation("OneHotEncoder")
    static let labelEncoder = OperatorDomain.classical.operation("LabelEncoder")
    static let zipMap = OperatorDomain.classical.operation("ZipMap")
    static let categoryMapper = OperatorDomain.classical.operation("CategoryMapper")

    /// All texts that nodes tell apart, in their order.
    static func vocabulary(of nodes: [GraphNode]) -> [String] {
        var seen: Set<String> = []
        return nodes.flatMap { node -> [String] in
            switch node.operation {
            case oneHotEncoder, categoryMapper: node.texts("cats_strings") ?? []
            case labelEncoder: node.texts("keys_strings") ?? node.texts("classes_strings") ?? []
            default: []
            }
        }.filter { seen.insert($0).inserted }
    }
}

extension GraphNode {
    /// An attribute of texts; nil for none.
    func texts(_ attribute: String) -> [String]? {
        guard case .strings(let texts)? = attributes[attribute], !texts.isEmpty else { return nil }
        return texts
    }

    /// What stands for a number without a text.
    var standardText: String {
        if case .string(let text)? = attributes["default_string"] { return text }
        return "_Unused"
    }
}
