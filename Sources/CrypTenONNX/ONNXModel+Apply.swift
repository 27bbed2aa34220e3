internal import CrypTenBase
public import CrypTenExpressions
internal import CrypTenRing

extension ONNXModel {
    /// The network's outputs as expressions of its inputs and parameters.
    ///
    /// Nothing is computed and nothing is sent. Shapes follow from the inputs' shapes; shape arithmetic is done here. Every
    /// node's expressions belong to the layer of its name.
    ///
    /// - Parameters:
    ///   - inputs: Secret or public tensors of the inputs' kinds and shapes.
    ///   - parameters: A tensor for each of ``parameters``, by its name, in its shape: secret inputs of the owner.
    ///   - publicValues: Inputs whose numbers everybody knows already. Those that decide a shape or an address
    ///     (``Input/mustBeKnown``) must be here; their numbers become a part of the plan.
    /// - Returns: A tensor for each of ``outputs``, by its name.
    /// - Throws: `CrypTenError.Code.invalidArgument` for a missing or unknown name; `.shapeMismatch` where shapes don't fit,
    ///   naming the input or the node; `.unsupportedOperator` for a form of an operator that can't be computed on secrets.
    public func apply(
        inputs: [String: CrypTensor],
        parameters: [String: CrypTensor],
        publicValues: [String: Tensor] = [:]
    ) throws -> [String: CrypTensor] {
        try apply(inputs: inputs, parameters: parameters, publicValues: publicValues, isTraining: false)
    }

    /// The same, in training or not.
    func apply(
        inputs: [String: CrypTensor],
        parameters: [String: CrypTensor],
        publicValues: [String: Tensor],
        isTraining: Bool
    ) throws -> [String: CrypTensor] {
        try ImportBudget.limiting(constants: constantCount) {
            try expressions(of: inputs, parameters, publicValues, isTraining: isTraining)
        }
    }

    private func expressions(
        of inputs: [String: CrypTensor],
        _ parameters: [String: CrypTensor],
        _ publicValues: [String: Tensor],
        isTraining: Bool
    ) throws -> [String: CrypTensor] {
        var values = self.values
        for (name, value) in try boundInputs(inputs, publicValues) { values[name] = value }
        for (name, value) in try boundParameters(parameters) { values[name] = value }
        var nodes = nodes
        if let counting, counting.words.keys.contains(where: { inputs[$0]?.visibility == .secret }) {
            nodes = counting.nodes
            values.merge(counting.values) { own, _ in own }
        }
        for node in nodes {
            let operation = Operation(
                node: node,
                inputs: node.inputs.map { $0.isEmpty ? nil : values[$0] },
                isTraining: isTraining,
                isOfTrainedModel: purpose == .training
            )
            let results: [Value]
            do {
                results = try withLayer(node.name) {
                    try MissingNumbers.moved(operation, OperatorTable.results)
                }
            } catch let problem as CrypTenError {
                throw located(problem, node)
            }
            for (name, value) in zip(node.outputs, results) where !name.isEmpty { values[name] = value }
        }
        var results: [String: CrypTensor] = [:]
        for output in outputs {
            guard let value = values[output.name] else {
                preconditionFailure("the graph was checked: '\(output.name)' is computed")
            }
            if let kind = value.otherKind {
                throw CrypTenError(
                    .unsupportedOperator,
                    "output '\(onOneLine(output.name))' is \(kind), and only tensors are written"
                )
            }
            guard value.type.kind == output.type.kind else {
                throw CrypTenError(
                    .malformedFile,
                    "output '\(output.name)' is declared as \(output.type.rawValue) but computed as \(value.type.rawValue)"
                )
            }
            results[output.name] = try checked(try value.expression())
        }
        return results
    }

    /// The same as ``apply(inputs:parameters:publicValues:)``.
    public func callAsFunction(
        inputs: [String: CrypTensor],
        parameters: [String: CrypTensor],
        publicValues: [String: Tensor] = [:]
    ) throws -> [String: CrypTensor] {
        try apply(inputs: inputs, parameters: parameters, publicValues: publicValues)
    }

    /// An error with the node that it is about, unless it says so already.
    private func located(_ problem: CrypTenError, _ node: GraphNode) -> CrypTenError {
        let place = "node \(node.name)"
        if problem.message.contains(place) { return problem }
        return CrypTenError(
            problem.code,
            "\(onOneLine(place)) (\(node.operation)): \(problem.message)",
            cause: problem.cause
        )
    }

    // MARK: Binding

    private func boundInputs(_ tensors: [String: CrypTensor], _ known: [String: Tensor]) throws -> [(String, Value)] {
        if let stranger = Set(tensors.keys).union(known.keys).subtracting(inputs.map(\.name)).min() {
            throw CrypTenError(.invalidArgument, "the model has no input '\(stranger)'; it has \(inputList)")
        }
        let used = Set(nodes.flatMap(\.inputs)).union(outputs.map(\.name))
        var extents: [String: Int] = [:]
        return try inputs.compactMap { input in
            if let tensor = known[input.name] {
                try check(tensor.shape, tensor.kind, of: input, &extents)
                return (input.name, Value(input.type, known: tensor))
            }
            guard let tensor = tensors[input.name] else {
                if !used.contains(input.name) { return nil }
                throw CrypTenError(.invalidArgument, "input '\(input.name)' is missing; the model has \(inputList)")
            }
            if let error = tensor.error { throw error }
            if input.mustBeKnown {
                throw CrypTenError(.invalidArgument, mustBeKnown(input))
            }
            if input.isOrdered, tensor.kind == .integer {
                try check(tensor.shape, .real, of: input, &extents)
                return (input.name, Value(.float, tensor))
            }
            if input.mayLackNumbers {
                let value = try Value.lackingNumbers(input.type, tensor, name: input.name)
                try check(value.shape, tensor.kind, of: input, &extents)
                return (input.name, value)
            }
            if purpose == .inference, tensor.visibility == .secret, let words = words[input.name] {
                guard tensor.kind == words.kind, tensor.rank > 0, tensor.shape[-1] == words.count,
                    !words.isCounted || tensor.rank == 2
                else { throw CrypTenError(.shapeMismatch, areExpanded(input, words, tensor)) }
                if words.isCounted { return (input.name, Value(.float, tensor)) }
                try check(Shape(Array(tensor.shape.dimensions.dropLast())), .integer, of: input, &extents)
                return (input.name, Value(input.type, try checked(tensor.places())))
            }
            // A secret bit is put in as the integer 0 or 1.
            let given = input.type == .bool && tensor.kind == .integer ? tensor .!= 0 : tensor
            try check(given.shape, given.kind, of: input, &extents)
            return (input.name, Value(input.type, given))
        }
    }

    /// Why an input can't be secret, and what it shows where it is public instead.
    private func mustBeKnown(_ input: Input) -> String {
        guard let need = ValueUses(graph)[input.name].known else { preconditionFailure("its uses were followed") }
        return """
            input '\(input.name)' decides \(need.role.noun) that node \(onOneLine(need.node)) (\(need.operation)) \
            reads\(need.isComputed ? ", through arithmetic" : ""), and \(need.role.plural) that depend on secrets aren't \
            supported yet by \(need.operation)\(GraphNode.secretConditionRemedy(need.operation)). Where it is given as a public value, known before the run, all parties see all \
            its numbers
            """
    }

    /// How secret words are given.
    private func areExpanded(_ input: Input, _ words: Words, _ tensor: CrypTensor) -> String {
        let form =
            words.isCounted
            ? "reals of shape [N, \(words.count)], how often each comes"
            : "integers of shape […, \(words.count)] with a one at each number's place"
        return """
            input '\(input.name)' reads rows of a table: where its numbers are secret, their owner gives them expanded, \(form), not \
            \(tensor.kind.rawValue) \(tensor.shape)
            """
    }

    /// Whether a tensor has an input's kind and shape; a named extent is the same everywhere.
    private func check(_ shape: Shape, _ kind: ElementKind, of input: Input, _ extents: inout [String: Int]) throws {
        guard kind == input.type.kind else {
            throw CrypTenError(
                .invalidArgument,
                "input '\(input.name)' takes \(input.type.rawValue) elements (kind \(input.type.kind.rawValue)), not \(kind.rawValue)"
            )
        }
        guard let dimensions = input.dimensions else { return }
        var fits = dimensions.count == shape.rank
        if fits {
            for (dimension, extent) in zip(dimensions, shape.dimensions) {
                switch dimension {
                case .fixed(let expected): fits = fits && expected == extent
                case .named(let name):
                    fits = fits && extents[name] ?? extent == extent
                    extents[name] = extents[name] ?? extent
                case .unknown: break
                }
            }
        }
        guard fits else {
            let bound = extents.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
            throw CrypTenError(
                .shapeMismatch,
                "input '\(input.name)' takes shape [\(dimensions.map(\.description).joined(separator: ", "))], not \(shape)"
                    + (bound.isEmpty ? "" : " (\(bound.joined(separator: ", ")))")
            )
        }
    }

    private var inputList: String {
        let list = inputs.map { input in
            let shape =
                input.dimensions.map { "[" + $0.map(\.description).joined(separator: ", ") + "]" } ?? "of any shape"
            return "\(input.name) \(input.type.rawValue) \(shape)"
        }
        return list.isEmpty ? "none" : list.joined(separator: "; ")
    }

    private func boundParameters(_ tensors: [String: CrypTensor]) throws -> [(String, Value)] {
        if let stranger = Set(tensors.keys).subtracting(parameters.map(\.name)).min() {
            throw CrypTenError(.invalidArgument, "the model has no parameter '\(stranger)'")
        }
        return try parameters.map { parameter in
            guard let tensor = tensors[parameter.name] else {
                throw CrypTenError(
                    .invalidArgument,
                    "parameter '\(parameter.name)' of shape \(parameter.shape) is missing"
                )
            }
            if let error = tensor.error { throw error }
            guard tensor.shape == parameter.shape, tensor.kind == parameter.type.kind else {
                throw CrypTenError(
                    .shapeMismatch,
                    "parameter '\(parameter.name)' takes \(parameter.type.kind.rawValue) \(parameter.shape), not \(tensor.kind.rawValue) \(tensor.shape)"
                )
            }
            return (parameter.name, Value(parameter.type, tensor))
        }
    }
}
