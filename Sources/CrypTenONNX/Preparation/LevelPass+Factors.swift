internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Factors of results that weights and biases take.
extension LevelPass {
    /// Whether a name that nothing else reads now stands for itself times a factor, which weights and biases before it have taken.
    mutating func scaleInPlace(_ name: String, by factor: LevelFactor) -> Bool {
        guard readers[name] == 1, let index = producers[name], made[index].outputs.count == 1 else { return false }
        let node = made[index]
        let operation = LevelRules.plain(node.operation)
        if LevelRules.moves.contains(operation) || LevelRules.homogeneous.contains(operation) {
            return scaleInPlace(node.inputs[0], by: factor)
        }
        if operation == "Add", node.inputs.count == 2, node.version >= 7,
            let place = node.inputs.firstIndex(where: { constant($0) != nil }), constant(node.inputs[1 - place]) == nil
        {
            guard let scaled = scaled(node.inputs[place], factor), scaleInPlace(node.inputs[1 - place], by: factor)
            else { return false }
            made[index].inputs[place] = adding(scaled, node.inputs[place], node)
            return true
        }
        guard let places = LevelRules.layers[operation] else { return false }
        let isSwapped = operation == "MatMul" && constant(node.inputs[0]) != nil
        let weights = isSwapped ? 0 : places.weight
        guard let weight = scaled(node.inputs[weights], factor) else { return false }
        if let bias = places.bias, case let name = input(node, bias), !name.isEmpty {
            guard let scaled = scaled(name, factor) else { return false }
            made[index].inputs[bias] = adding(scaled, name, node)
        }
        made[index].inputs[weights] = adding(weight, node.inputs[weights], node)
        return true
    }

    private func scaled(_ name: String, _ factor: LevelFactor) -> Value? {
        guard let value = constant(name), value.type.kind == .real else { return nil }
        return try? Value.combined(value, factor.value, .multiply)
    }

    private mutating func adding(_ value: Value, _ name: String, _ node: GraphNode) -> String {
        preparation.adding(value, named: preparation.names.unused("\(name).scaled"), readBy: node.name)
    }

    /// A layer of whole numbers takes its weights' scale: one number, or one for each column of a matrix.
    mutating func scaleWeights(_ index: Int, by name: String) -> Bool {
        let node = made[index]
        guard let weight = constant(node.inputs[1])?.asReals, var scale = constant(name) else { return false }
        if scale.shape.count == 1 {
            guard let number = try? scale.reshaped([]) else { return false }
            scale = number
        } else if node.operation != LevelRules.ofLevels("MatMul") {
            return false
        }
        guard let scaled = try? Value.combined(weight, scale, .multiply), scaled.shape == weight.shape else {
            return false
        }
        made[index].inputs[1] = adding(scaled, node.inputs[1], node)
        return true
    }
}

extension Value {
    /// Whole numbers of weights as reals.
    fileprivate var asReals: Value? {
        func reals(_ tensor: Tensor) -> Tensor { Tensor(tensor.doubles, shape: tensor.shape) }
        switch content {
        case .known(let tensor): return Value(.float, known: reals(tensor))
        case .weight(var weight):
            weight.tensor = weight.tensor.map(reals)
            return Value(.float, weight: weight)
        case .expression, .list, .nothing: return nil
        }
    }
}
