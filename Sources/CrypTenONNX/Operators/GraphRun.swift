internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// A graph inside of a node, with what it reads of the outer one: a function of its own inputs.
struct GraphRun {
    let body: GraphBody
    private let outer: [String: Value]
    private let node: GraphNode
    private let isTraining: Bool
    private let isOfTrainedModel: Bool
    /// Whether its nodes are layers of their own, under their names.
    private let namesLayers: Bool

    fileprivate init(_ operation: Operation, _ body: GraphBody, _ captures: ArraySlice<Value?>, namesLayers: Bool) {
        (self.body, node, self.namesLayers) = (body, operation.node, namesLayers)
        (isTraining, isOfTrainedModel) = (operation.isTraining, operation.isOfTrainedModel)
        var outer: [String: Value] = [:]
        for (name, value) in zip(body.captures, captures) { outer[name] = value }
        self.outer = outer
    }

    /// Runs the graph once.
    ///
    /// - Parameter inputs: A value for each of its inputs.
    /// - Returns: A value for each of its outputs.
    /// - Throws: What its nodes' import functions throw; the refusal of so many runs that they aren't written out.
    func callAsFunction(_ inputs: [Value]) throws -> [Value] {
        try ImportBudget.run(body, in: node)
        var names = outer
        for (name, value) in zip(body.inputs, inputs) { names[name] = value }
        for node in body.nodes {
            let operation = Operation(
                node: node,
                inputs: node.inputs.map { $0.isEmpty ? nil : names[$0] },
                isTraining: isTraining,
                isOfTrainedModel: isOfTrainedModel
            )
            let results =
                try namesLayers
                ? withLayer(node.name, insteadOf: self.node.name) { try OperatorTable.results(of: operation) }
                : OperatorTable.results(of: operation)
            for (name, value) in zip(node.outputs, results) where !name.isEmpty { names[name] = value }
        }
        return try body.outputs.map { name in
            guard let value = names[name] else {
                throw CrypTenError(
                    .malformedFile,
                    "node \(node.name) (\(node.operation)): its graph doesn't compute '\(onOneLine(name))'"
                )
            }
            return value
        }
    }
}

extension Operation {
    /// Its own inputs, without what its graphs read of the outer one.
    var operands: [Value?] { Array(inputs.prefix(node.operandCount)) }

    /// One of its graphs.
    func graph(_ name: String, namesLayers: Bool = false) throws -> GraphRun {
        var captures = inputs.dropFirst(node.operandCount)
        for (key, body) in node.bodies {
            let own = captures.prefix(body.captures.count)
            captures = captures.dropFirst(own.count)
            if key == name { return GraphRun(self, body, own, namesLayers: namesLayers) }
        }
        throw malformed("it has no graph \(name)")
    }

    /// What decides which graph runs: one number that is known before the run.
    func condition(_ position: Int) throws -> Bool? {
        guard let value = try operand(position) else { return nil }
        guard let tensor = value.knownTensor else {
            throw secretCondition("input \(position) ('\(onOneLine(node.inputs[position]))') is a condition")
        }
        guard tensor.shape.count == 1 else {
            throw malformed("input \(position) of shape \(tensor.shape) must be one condition")
        }
        return tensor.doubles[0] != 0
    }

    /// How many times a graph runs; nil: as long as a condition holds.
    func trips(_ position: Int) throws -> Int64? {
        guard let value = try operand(position) else { return nil }
        guard let tensor = value.knownTensor else {
            throw secretCondition("input \(position) ('\(onOneLine(node.inputs[position]))') is a number of turns")
        }
        guard tensor.shape.count == 1, let number = tensor.integers?.first else {
            throw malformed("input \(position) of shape \(tensor.shape) must be one whole number")
        }
        return number
    }

    private func operand(_ position: Int) throws -> Value? {
        guard position < node.operandCount, let value = inputs[position] else { return nil }
        guard value.list == nil, !value.isNothing else { throw malformed("input \(position) isn't a tensor") }
        return value
    }

    /// The refusal of what depends on a secret.
    func secretCondition(_ what: String) -> CrypTenError {
        unsupported(
            "\(what) that isn't known before the run: what runs would show what it depends on, and conditions that depend on secrets "
                + "aren't supported\(node.secretConditionRemedy)"
        )
    }
}

extension GraphNode {
    /// What a model can do where a condition is secret.
    var secretConditionRemedy: String { GraphNode.secretConditionRemedy(operation) }

    static func secretConditionRemedy(_ operation: String) -> String {
        operation == "If"
            ? ". Where both branches give results of equal shapes, compute both and choose with Where" : ""
    }
}

/// Runs a body as a layer in the place of the one whose name the current layer ends in.
private func withLayer<Result>(_ name: String, insteadOf outer: String, _ body: () throws -> Result) rethrows -> Result
{
    guard let current = LayerScope.current, current.hasSuffix(outer) else { return try body() }
    return try LayerScope.$current.withValue("\(current.dropLast(outer.count))\(name)", operation: body)
}
