extension Module {
    /// Parameters and buffers together, in the order of the specifications: what PyTorch calls a state dictionary.
    public var stateTree: ParameterTree {
        let (parameters, buffers) = (parameters, buffers)
        var out = ParameterTree()
        for specification in specifications {
            out[specification.name] = parameters[specification.name] ?? buffers[specification.name]
        }
        for (name, tensor) in parameters where out[name] == nil { out[name] = tensor }
        for (name, tensor) in buffers where out[name] == nil { out[name] = tensor }
        return out
    }

    /// Takes parameters and buffers by name.
    ///
    /// - Parameters:
    ///   - tree: The tensors.
    ///   - isPartial: Whether names may be missing; those stay as they are.
    /// - Throws: `.invalidArgument` for a name that the module doesn't have, or one that is missing; `.shapeMismatch` for a tensor of another
    ///   shape; what an ill-formed tensor carries. The module is unchanged then.
    public mutating func load(_ tree: ParameterTree, isPartial: Bool = false) throws {
        let specifications = specifications
        let shapes = Dictionary(specifications.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        for (name, tensor) in tree {
            if let error = tensor.error { throw error }
            guard let shape = shapes[name] else {
                throw CrypTenError(
                    .invalidArgument,
                    "the module has no tensor '\(name)'; its names are \(list(shapes.keys))"
                )
            }
            guard shape == tensor.shape else {
                throw CrypTenError(
                    .shapeMismatch,
                    "the module's '\(name)' has shape \(shape), and what is loaded \(tensor.shape)"
                )
            }
        }
        let missing = specifications.map(\.name).filter { tree[$0] == nil }
        guard isPartial || missing.isEmpty else {
            throw CrypTenError(
                .invalidArgument,
                "nothing is loaded for \(list(missing)); load them, or say isPartial: true"
            )
        }
        (parameters, buffers) = (tree, tree)
    }

    private func list(_ names: some Collection<String>) -> String {
        let shown = names.sorted().prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
    }
}
