internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension Graph {
    /// Decides which constants are secret, by which rule, and which inputs must be public values.
    ///
    /// A float is secret, whatever its rank and size, but for one number in a `Constant` node, and for what nothing reads but
    /// inputs that the standard defines as a shape, a bound or a scale. Integers that become floats are quantised weights and
    /// secret, too; other integers, and booleans, are public.
    ///
    /// - Parameters:
    ///   - secret: Constants that are secret whatever their type and size.
    ///   - open: Constants that are public whatever their type and size.
    /// - Throws: `CrypTenError.Code.invalidArgument` where a name is none of a constant, or a constant can't be secret;
    ///   `.unsupportedOperator` where a float that isn't in `open` decides an address, or decides a shape, a bound or a scale
    ///   and is read by something else, too.
    mutating func classifyConstants(secret: Set<String>, open: Set<String>) throws {
        try check(secret, open)
        let uses = ValueUses(self)
        let weights = namesThatBecomeFloats()
        var refused: [GraphConstant] = []
        for index in constants.indices {
            let constant = constants[index]
            let use = uses[constant.name]
            if secret.contains(constant.name), let need = use.public {
                throw CrypTenError(
                    .invalidArgument,
                    "constant '\(constant.name)' can't be secret: it decides \(need.role.noun) that node \(need.node) "
                        + "(\(need.operation)) reads, and \(need.role.plural) that depend on secrets aren't supported yet by it"
                )
            }
            let rule = constant.rule(
                use,
                becomesFloat: weights.contains(constant.name),
                isSecret: secret.contains(constant.name),
                isOpen: open.contains(constant.name)
            )
            if let rule {
                (constants[index].rule, constants[index].isSecret) = (rule, rule.visibility == .secret)
                constants[index].reader = rule.namesReader ? use.plain : nil
            } else {
                refused.append(constant)
            }
        }
        if let first = refused.first { throw refusal(of: refused, uses[first.name], uses) }
        markInputs(uses)
    }

    /// Notes which inputs must be public values; for a skeleton, whose constants are classified already.
    mutating func markInputs(_ uses: ValueUses) {
        for index in inputs.indices {
            let use = uses[inputs[index].name]
            inputs[index].mustBeKnown = use.known != nil
            inputs[index].isKnownWherePublic = inputs[index].mustBeKnown || use.isKnownWherePublic
        }
    }

    private func check(_ secret: Set<String>, _ open: Set<String>) throws {
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
    }

    /// Weights that would have to be public for what they decide: the node, the weights, and what can be done.
    private func refusal(of constants: [GraphConstant], _ use: ValueUse, _ uses: ValueUses) -> CrypTenError {
        guard let need = use.deciding ?? use.plain ?? use.atRun ?? use.exponent else {
            preconditionFailure("a constant is refused for what it decides")
        }
        let together = constants.filter { constant in
            let other = uses[constant.name]
            return (other.deciding ?? other.plain ?? other.atRun ?? other.exponent).map {
                ($0.node, $0.position) == (need.node, need.position)
            }
                ?? false
        }
        let list = together.prefix(8).map { "'\(onOneLine($0.name))' (\($0.type.rawValue) \($0.shape))" }
        let rest = together.count > 8 ? " and \(together.count - 8) others" : ""
        let shared = use.deciding == nil && use.plain != nil
        let how = need.isComputed ? "computed from" : "read from"
        let numbers = together.reduce(0) { $0 + $1.shape.count }
        let one = together.count == 1
        return unsupportedOperator(
            need.operation,
            node: need.node,
            why: """
                input \(need.position) ('\(onOneLine(need.input))') is \(need.role.noun) \(how) the \
                secret \(one ? "constant" : "constants") \(list.joined(separator: ", "))\(rest)\
                \(shared ? ", which other nodes read as a weight, too" : ""); \
                \(need.role.plural) that depend on secrets aren't supported yet by \(need.operation). The other way shows all \
                \(numbers == 1 ? "of it" : "\(numbers) numbers of \(one ? "it" : "them")") to all parties, and is the model \
                owner's decision: \(together.map { "--open \(onOneLine($0.name).quoted)" }.joined(separator: " "))
                """
        )
    }
}

extension GraphConstant {
    /// The rule that decides about the constant; nil: it decides what would have to be public, and isn't open.
    fileprivate func rule(
        _ use: ValueUse,
        becomesFloat: Bool,
        isSecret: Bool,
        isOpen: Bool
    ) -> ONNXModel.Rule? {
        if shape.count == 0 { return .empty }
        if isSecret { return .secret }
        if isOpen { return .open }
        if isNode, shape.count == 1 { return type.kind == .real ? .number : .integer }
        guard type.kind == .real else {
            return becomesFloat && type.holdsQuantizedWeights && use.public == nil ? .quantizedWeight : .integer
        }
        guard let need = use.public else { return .weight }
        if let need = use.exponent, !need.isComputed, use.known == nil, use.atRun == nil {
            if isPlainExponent { return .exponent }
            // A power that isn't whole is one of numbers above 0, and so may be secret.
            if tensor?.doubles.allSatisfy({ $0.rounded() != $0 }) == true { return .weight }
        }
        guard use.deciding == nil, use.atRun == nil, !use.isRead else { return nil }
        switch need.role {
        case .shape: return .shape
        case .bound: return .bound
        case .scale: return .scale
        case .address, .exponent, .mode, .condition: return nil
        }
    }
}

extension GraphConstant {
    /// Whether it is one number as an exponent is that says which function is meant, a square or a root: trained ones aren't whole.
    private var isPlainExponent: Bool {
        guard shape.count == 1, let number = tensor?.doubles.first, number.magnitude <= 8 else { return false }
        return number.rounded() == number || number.magnitude == 0.5
    }
}

extension String {
    /// As one word of a command line.
    fileprivate var quoted: String {
        contains(where: { !($0.isLetter || $0.isNumber || "._-/:@+=,%".contains($0)) })
            ? "'\(replacing("'", with: "'\\''"))'" : self
    }
}
