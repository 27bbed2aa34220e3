internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Weights that are added to scores, or chosen instead of them, to leave places out: 0 and −10⁹, −10³⁰ or the lowest float there is.
///
/// No such number is an amount, and the sum with a product that isn't truncated yet would have no room for it. So their owner puts the
/// largest in their place that has: e to its power is 0 as well. Which weights may be such follows from the graph; which of their numbers
/// are, their owner alone knows.
extension ONNXModel {
    /// Whether a number of such a weight is no amount: from 10⁹ on, or as infinities are held since the file was read.
    private static func leavesOut(_ number: Double) -> Bool {
        number.magnitude >= 1e9 || number.magnitude == AttentionMask.disallowed.magnitude
    }

    /// The model with numbers of masks that fixed point holds beside scores.
    func holdingMasks(fractionBits: Int) -> ONNXModel {
        var model = self
        // Three bits below what a product leaves.
        let exponent = max(3, 59 - FixedPoint.scaleLimit(fractionBits: fractionBits))
        let limit = Double(sign: .plus, exponent: exponent, significand: 1)
        for index in parameters.indices where parameters[index].type.kind == .real {
            let parameter = parameters[index]
            guard let value = parameter.value, weightExponents[parameter.name] == nil,
                value.doubles.contains(where: ONNXModel.leavesOut), isMask(parameter.name)
            else { continue }
            model.parameters[index].value = Tensor(
                value.doubles.map { ONNXModel.leavesOut($0) ? ($0 < 0 ? -limit : limit) : $0 },
                shape: value.shape
            )
        }
        return model
    }

    /// Whether a weight, moved at most, is only added, compared or chosen.
    private func isMask(_ name: String) -> Bool {
        var names: Set<String> = [name]
        for node in nodes where node.inputs.contains(where: names.contains) {
            if InputRoles.moves.contains(node.operation) {
                names.formUnion(node.outputs.filter { !$0.isEmpty })
            } else if !ONNXModel.readersOfMasks.contains(node.operation) {
                return false
            }
        }
        return !outputs.contains { names.contains($0.name) }
    }

    private static let readersOfMasks: Set<String> = ["Add", "Sub", "Sum", "Where", "Min", "Max"]
}
