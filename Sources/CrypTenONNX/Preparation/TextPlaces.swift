/// Maps of texts as maps of their places.
///
/// The graph has the texts, as the file has them and as a skeleton must; what is computed reads whole numbers.
enum TextPlaces {
    /// Attributes of a prepared `CategoryMapper`: what is compared, and what it becomes.
    static let keys = "keys"
    static let values = "values"
    /// No place, and not what stands for an unknown text either.
    private static let nowhere = -2

    /// - Parameter texts: Of names whose numbers are places.
    static func replaced(in nodes: [GraphNode], _ texts: [String: [String]]) -> [GraphNode] {
        nodes.map { node in
            var node = node
            let known = node.inputs.first.flatMap { texts[$0] }
            func places(_ keys: [String]) -> GraphAttribute {
                var places: [String: Int] = [:]
                for (place, text) in (known ?? []).enumerated() { places[text] = places[text] ?? place }
                return .ints(keys.map { places[$0] ?? nowhere })
            }
            switch node.operation {
            case OperatorTexts.oneHotEncoder:
                if known != nil { node.attributes["cats_int64s"] = places(node.texts("cats_strings") ?? []) }
            case OperatorTexts.labelEncoder:
                if let classes = node.texts("classes_strings") {
                    node.attributes["keys_int64s"] = known == nil ? .ints(Array(classes.indices)) : places(classes)
                    node.attributes["values_int64s"] = .ints(Array(classes.indices))
                    if known == nil { node.attributes["default_int64"] = .int(classes.count) }
                    return node
                }
                if known != nil { node.attributes["keys_int64s"] = places(node.texts("keys_strings") ?? []) }
                if let values = node.texts("values_strings") {
                    node.attributes["values_int64s"] = .ints(Array(values.indices))
                    node.attributes["default_int64"] = .int(values.count)
                }
            case OperatorTexts.categoryMapper:
                let names = node.texts("cats_strings") ?? []
                guard case .ints(let numbers)? = node.attributes["cats_int64s"] else { return node }
                node.attributes[keys] = known == nil ? .ints(numbers) : places(names)
                node.attributes[values] = known == nil ? .ints(Array(names.indices)) : .ints(numbers)
                if known == nil { node.attributes["default_int64"] = .int(names.count) }
            default: break
            }
            return node
        }
    }
}
