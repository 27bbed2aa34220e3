internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension Value {
    /// What a function of expressions makes of values: of known numbers and weights it is computed at once, by evaluating the
    /// expressions in the clear.
    ///
    /// What is folded depends on shapes and known numbers only, never on a weight's numbers, so that the owner and who has a
    /// skeleton fold the same. Known numbers are folded to the same bits on all machines.
    ///
    /// - Parameters:
    ///   - operands: What the function reads.
    ///   - types: One for each result.
    ///   - body: The function; its results carry no error.
    /// - Throws: ``NeedsRun`` where results of weights are larger than they are together; what `body` throws, or its results carry.
    static func computed(
        _ operands: [Value],
        _ types: [ONNXElementType],
        _ body: ([CrypTensor]) throws -> [CrypTensor]
    ) throws -> [Value] {
        let isRun = operands.contains { operand in
            if case .expression = operand.content { true } else { false }
        }
        if isRun {
            let results = try body(try operands.map { try $0.expression() })
            return try zip(types, results).map { Value($0, try checked($1)) }
        }
        let stand = try StandIns(operands)
        let results = try body(stand.expressions).map { try checked($0) }
        let work = ClearEvaluator.work(of: results.map(\.node))
        let count = results.reduce(0) { $0 + $1.count }
        if stand.isWeight, count > stand.weightCount { throw NeedsRun() }
        guard stand.isComplete else {
            return zip(types, results).map {
                Value($0, weight: Weight(shape: $1.shape, tensor: nil, sources: stand.sources))
            }
        }
        try ImportBudget.spend(count, work: work, for: "\(count) numbers made of constants")
        let tensors = try ClearEvaluator { node in
            guard let tensor = stand.tensors[ObjectIdentifier(node)] else {
                throw CrypTenError(.malformedFile, "a constant has no numbers")
            }
            return tensor
        }.evaluate(results.map(\.node))
        return zip(types, tensors).map { type, tensor in
            stand.isWeight
                ? Value(type, weight: Weight(shape: tensor.shape, tensor: tensor, sources: stand.sources))
                : Value(type, known: tensor)
        }
    }

    /// One result of a function of expressions.
    static func computed(
        _ operands: [Value],
        _ type: ONNXElementType,
        _ body: ([CrypTensor]) throws -> CrypTensor
    ) throws -> Value {
        try computed(operands, [type]) { [try body($0)] }[0]
    }
}

/// Expressions in the place of known numbers and weights: constants, and sources of the weights' shapes.
private struct StandIns {
    var expressions: [CrypTensor] = []
    /// The numbers of the weights, by their nodes.
    var tensors: [ObjectIdentifier: Tensor] = [:]
    var sources: [String] = []
    var isWeight = false
    /// Whether all weights' numbers are there.
    var isComplete = true
    var weightCount = 0

    /// - Throws: `.outOfRange` for known elements that aren't finite: no expression holds them.
    init(_ operands: [Value]) throws {
        var seen: Set<String> = []
        for operand in operands {
            switch operand.content {
            case .expression, .list, .nothing:
                expressions.append(try operand.expression())
            case .known(let tensor):
                expressions.append(try checked(CrypTensor(constant: tensor)))
            case .weight(let weight):
                let node = Node(
                    source: .kept(number: expressions.count),
                    shape: weight.shape,
                    kind: operand.type.kind,
                    visibility: .secret,
                    session: nil
                )
                expressions.append(CrypTensor(node))
                tensors[ObjectIdentifier(node)] = weight.tensor
                isWeight = true
                isComplete = isComplete && weight.tensor != nil
                weightCount += weight.shape.count
                sources += weight.sources.filter { seen.insert($0).inserted }
            }
        }
    }
}
