internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Operands that are all known or all made of weights and known numbers, so that an operator computes at once.
struct PlainOperands {
    /// Nil where a weight's numbers aren't there: only the shape is computed then.
    let tensors: [Tensor]?
    let sources: [String]
    let isWeight: Bool

    /// The operator's result, a weight where any operand is one.
    func value(_ type: ONNXElementType, _ shape: Shape, _ compute: ([Tensor]) throws -> Tensor) rethrows -> Value {
        let tensor = try tensors.map(compute)
        if !isWeight, let tensor { return Value(type, known: tensor) }
        return Value(type, weight: Value.Weight(shape: shape, tensor: tensor, sources: sources))
    }
}

extension Value {
    /// The operands as plain ones, or nil where an expression is among them.
    ///
    /// - Throws: ``NeedsRun`` where the result of weights is larger than they are together, for then it is cheaper to mask
    ///   the weights and to let the parties compute; `.shapeMismatch` where what is computed would be too large.
    static func plain(_ values: [Value], _ result: Shape) throws -> PlainOperands? {
        var tensors: [Tensor]? = []
        var sources: [String] = []
        var seen: Set<String> = []
        var (isWeight, weightCount) = (false, 0)
        for value in values {
            switch value.content {
            case .expression, .list, .nothing: return nil
            case .known(let tensor): tensors?.append(tensor)
            case .weight(let weight):
                isWeight = true
                weightCount += weight.shape.count
                sources += weight.sources.filter { seen.insert($0).inserted }
                if let tensor = weight.tensor { tensors?.append(tensor) } else { tensors = nil }
            }
        }
        if isWeight, result.count > weightCount { throw NeedsRun() }
        if tensors != nil { try ImportBudget.spend(result.count, for: "a tensor of shape \(result)") }
        return PlainOperands(tensors: tensors, sources: sources, isWeight: isWeight)
    }
}
