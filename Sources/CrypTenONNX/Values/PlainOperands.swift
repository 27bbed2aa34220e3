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
    ///   the weights and to let the parties compute; `.unsupportedOperator` where a known result would be too large.
    static func plain(_ values: [Value], _ result: Shape) throws -> PlainOperands? {
        var tensors: [Tensor]? = []
        var sources: [String] = []
        var (isWeight, weightCount) = (false, 0)
        for value in values {
            switch value.content {
            case .expression: return nil
            case .known(let tensor): tensors?.append(tensor)
            case .weight(let weight):
                isWeight = true
                weightCount += weight.shape.count
                sources += weight.sources.filter { !sources.contains($0) }
                if let tensor = weight.tensor { tensors?.append(tensor) } else { tensors = nil }
            }
        }
        if isWeight, result.count > weightCount { throw NeedsRun() }
        guard result.count <= largestKnownCount else {
            throw CrypTenError(
                .shapeMismatch,
                "a public tensor of shape \(result) would be computed, which is too large"
            )
        }
        return PlainOperands(tensors: tensors, sources: sources, isWeight: isWeight)
    }
}
