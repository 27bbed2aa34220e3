internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension Graph {
    /// Names whose value decides a shape, an address or an attribute: what operators need known, and all that it is computed
    /// of, up to the shapes of tensors.
    func namesThatMustBeKnown() -> Set<String> {
        var names: Set<String> = []
        for node in nodes.reversed() {
            guard let entry = OperatorTable.entries[node.operation] else { continue }
            if node.outputs.contains(where: names.contains) {
                switch node.operation {
                case "Shape", "Size": break  // they read no numbers
                case "CastLike": names.formUnion(node.inputs.prefix(1))  // of the second it reads the type
                default: names.formUnion(node.inputs)
                }
            }
            names.formUnion(entry.known.filter { $0 < node.inputs.count }.map { node.inputs[$0] })
        }
        names.remove("")
        return names
    }

    /// Decides which constants are secret, and which inputs must be public values.
    ///
    /// Secret are floats of more than one element that decide no shape, address or attribute; everything else is public.
    ///
    /// - Parameters:
    ///   - secret: Constants that are secret whatever their type and size.
    ///   - open: Constants that are public whatever their type and size.
    /// - Throws: `CrypTenError.Code.invalidArgument` where a name is none of a constant, or a constant can't be secret.
    mutating func classifyConstants(secret: Set<String>, open: Set<String>) throws {
        let known = namesThatMustBeKnown()
        let names = Set(constants.map(\.name))
        if let stranger = secret.union(open).subtracting(names).min() {
            let list = names.sorted().prefix(12).joined(separator: ", ") + (names.count > 12 ? ", …" : "")
            throw CrypTenError(
                .invalidArgument,
                "the model has no constant '\(stranger)' that is used; it has \(list.isEmpty ? "none" : list)"
            )
        }
        if let both = secret.intersection(open).min() {
            throw CrypTenError(.invalidArgument, "constant '\(both)' can't be both secret and open")
        }
        if let impossible = secret.intersection(known).min() {
            throw CrypTenError(
                .invalidArgument,
                "constant '\(impossible)' can't be secret: it decides a shape, an address or an attribute"
            )
        }
        for index in constants.indices {
            let constant = constants[index]
            let isWeight = constant.type.kind == .real && constant.shape.count > 1 && !known.contains(constant.name)
            constants[index].isSecret =
                constant.shape.count > 0
                && (secret.contains(constant.name) || (isWeight && !open.contains(constant.name)))
        }
        markInputs(known)
    }

    /// Notes which inputs must be public values; for a skeleton, whose constants are classified already.
    mutating func markInputs(_ known: Set<String>) {
        for index in inputs.indices { inputs[index].mustBeKnown = known.contains(inputs[index].name) }
    }
}
