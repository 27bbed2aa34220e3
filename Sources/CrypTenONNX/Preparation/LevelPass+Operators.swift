internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What becomes of each operator of a quantised network.
extension LevelPass {
    mutating func take(_ node: GraphNode) {
        let taken: Bool =
            switch node.operation {
            case "DequantizeLinear": dequantize(node)
            case "QuantizeLinear": quantize(node)
            case "DynamicQuantizeLinear": dynamic(node)
            case "MatMulInteger", "ConvInteger": integerProduct(node)
            case "Cast": cast(node)
            case "Add", "Sum": sum(node)
            case "Mul": product(node)
            case let operation where LevelRules.layers[operation] != nil: layer(node)
            case let operation where LevelRules.moves.contains(operation): move(node)
            case let operation where LevelRules.homogeneous.contains(operation): function(node)
            default: false
            }
        if !taken { keep(node) }
    }

    private mutating func centred(_ q: String, _ zeroPoint: String, _ node: GraphNode) -> String {
        if let name = centredNames[[q, zeroPoint]] { return name }
        let name = emit(node, OperatorTable.centredLevels, zeroPoint.isEmpty ? [q] : [q, zeroPoint])
        centredNames[[q, zeroPoint]] = name
        return name
    }

    private mutating func dequantize(_ node: GraphNode) -> Bool {
        let (q, zeroPoint) = (input(node, 0), input(node, 2))
        guard node.outputs.count == 1, node.attributes["block_size"] ?? .int(0) == .int(0),
            node.attributes["output_dtype"] ?? .int(0) == .int(0), constant(q) == nil
        else { return false }
        if let range = ranges[input(node, 1)] {
            let base = centred(q, zeroPoint, node)
            forms[node.outputs[0]] = LevelForm(LevelForm.Term(base: base, factor: nil, range: range))
            return true
        }
        guard let factor = scale(input(node, 1)), isNumber(zeroPoint) else { return false }
        let base = centred(q, zeroPoint, node)
        forms[node.outputs[0]] = LevelForm(LevelForm.Term(base: base, factor: factor, zeroPoint: zeroPoint))
        return true
    }

    private mutating func quantize(_ node: GraphNode) -> Bool {
        let (x, s, zeroPoint) = (input(node, 0), input(node, 1), input(node, 2))
        guard node.outputs.count == 1, constant(x) == nil, let value = constant(s) else { return false }
        let isOfBlocks = node.attributes["block_size"] ?? .int(0) != .int(0)
        guard !isOfBlocks, let factor = reciprocal(s), isNumber(zeroPoint) else {
            guard case .weight = value.content, let reciprocal = try? value.mapped(\.reciprocal) else { return false }
            if forms[x] != nil { resolve(x) }
            var node = node
            node.inputs[1] = preparation.adding(
                reciprocal,
                named: preparation.names.unused("\(s).reciprocal"),
                readBy: node.name
            )
            node.operation = OperatorTable.quantizedByReciprocals
            keep(node)
            return true
        }
        if let term = forms[x]?.single, term.range == nil, term.factor?.name == s, let before = term.zeroPoint,
            !before.isEmpty,
            before == zeroPoint
        {
            emit(node, OperatorTable.withZeroPoint, [term.base, zeroPoint], node.outputs[0])
            return true
        }
        var form = forms[x] ?? LevelForm(LevelForm.Term(base: x))
        if form.terms.contains(where: { $0.range != nil }) {
            resolve(x)
            form = LevelForm(LevelForm.Term(base: x))
        }
        let terms = form.terms.map { term -> String in
            if let before = term.factor, let ratio = before.times(factor) { return multiplied(term.base, ratio, node) }
            return scaleInPlace(term.base, by: factor) ? term.base : multiplied(term.base, factor, node)
        }
        let kept = node.attributes.filter { $0.key == "output_dtype" }
        emit(node, OperatorTable.roundedSum, terms + [zeroPoint], node.outputs[0], keeping: kept)
        return true
    }

    private mutating func dynamic(_ node: GraphNode) -> Bool {
        guard node.outputs.count == 3, constant(input(node, 0)) == nil else { return false }
        if forms[node.inputs[0]] != nil { resolve(node.inputs[0]) }
        var node = node
        let range = preparation.names.unused("\(node.name).range")
        if !node.outputs[1].isEmpty { ranges[node.outputs[1]] = range }
        node.outputs.append(range)
        node.operation = OperatorTable.rangeOfGrid
        keep(node)
        return true
    }

    /// A product of levels and constant weights, which is a layer whose weights' scale comes later.
    private mutating func integerProduct(_ node: GraphNode) -> Bool {
        guard node.outputs.count == 1, let weight = constant(input(node, 1)), constant(input(node, 0)) == nil,
            weight.type == .int8 || weight.type == .uint8
        else { return false }
        let (zeroPoint, weightZero) = (input(node, 2), input(node, 3))
        guard zeroPoint.isEmpty || constant(zeroPoint) == nil || isNumber(zeroPoint) else { return false }
        var centredWeight = weight.retyped(.int32)
        if !weightZero.isEmpty {
            guard var zero = constant(weightZero), zero.type == weight.type, zero.shape.rank <= 1 else { return false }
            if zero.shape.count == 1 {
                guard let number = try? zero.reshaped([]) else { return false }
                zero = number
            } else if node.operation == "ConvInteger" {
                return false
            }
            guard let difference = try? Value.combined(centredWeight, zero.retyped(.int32), .subtract) else {
                return false
            }
            centredWeight = difference
        }
        let name = preparation.adding(
            centredWeight,
            named: preparation.names.unused("\(node.inputs[1]).centred"),
            readBy: node.name
        )
        let operation = LevelRules.ofLevels(node.operation == "ConvInteger" ? "Conv" : "MatMul")
        let levels = centred(node.inputs[0], zeroPoint, node)
        emit(node, operation, [levels, name], node.outputs[0], keeping: node.attributes)
        return true
    }

    private mutating func cast(_ node: GraphNode) -> Bool {
        guard case .int(let number)? = node.attributes["to"], node.outputs.count == 1, let source = node.inputs.first,
            Int32(exactly: number).flatMap(ONNXElementType.init(standardNumber:))?.kind == .real
        else { return false }
        if let form = forms[source] {
            forms[node.outputs[0]] = form
            return true
        }
        guard readers[source] == 1, readers[node.outputs[0]] == 1, let index = producers[source],
            isLayerOfWholeNumbers(made[index])
        else { return false }
        forms[node.outputs[0]] = LevelForm(LevelForm.Term(base: source))
        return true
    }

    private func isLayerOfWholeNumbers(_ node: GraphNode) -> Bool {
        guard node.operation == LevelRules.ofLevels("MatMul") || node.operation == LevelRules.ofLevels("Conv") else {
            return false
        }
        return constant(input(node, 1))?.type.kind == .integer
    }

    private mutating func sum(_ node: GraphNode) -> Bool {
        guard node.outputs.count == 1, readers[node.outputs[0]] == 1, node.inputs.contains(where: { forms[$0] != nil }),
            node.inputs.allSatisfy({ constant($0) == nil && !$0.isEmpty }),
            node.operation == "Sum" || node.version >= 7
        else { return false }
        var terms: [LevelForm.Term] = []
        for name in node.inputs {
            let parts = forms[name]?.terms ?? [LevelForm.Term(base: name)]
            guard parts.allSatisfy({ $0.range == nil }) else { return false }
            terms += parts.map { LevelForm.Term(base: $0.base, factor: $0.factor) }
        }
        guard terms.count <= 4 else { return false }
        forms[node.outputs[0]] = LevelForm(terms: terms)
        return true
    }

    private mutating func product(_ node: GraphNode) -> Bool {
        guard node.inputs.count == 2, node.outputs.count == 1, node.version >= 7 else { return false }
        let (a, b) = (node.inputs[0], node.inputs[1])
        // The scale of levels times that of weights, and their product with a layer of both.
        for (scale, other) in [(a, b), (b, a)] {
            if let range = ranges[scale], let factor = constant(other), factor.type.kind == .real,
                factor.shape.rank <= 1
            {
                scaledRanges[node.outputs[0]] = (range, other)
                return false
            }
            if let scaled = scaledRanges[scale], let term = forms[other]?.single, term.factor == nil, term.range == nil,
                let index = producers[term.base], isLayerOfWholeNumbers(made[index]), readers[term.base] == 1,
                scaleWeights(index, by: scaled.scale)
            {
                forms[node.outputs[0]] = LevelForm(LevelForm.Term(base: term.base, range: scaled.range))
                return true
            }
        }
        guard a != b, let x = forms[a]?.single, let y = forms[b]?.single, let first = x.factor, let second = y.factor,
            x.range == nil, y.range == nil, let factor = first.times(second)
        else { return false }
        let base = emit(node, OperatorTable.productOfLevels, [x.base, y.base])
        forms[node.outputs[0]] = LevelForm(LevelForm.Term(base: base, factor: factor))
        return true
    }

    /// A layer's weights take the factor of what it reads; a product of two levels has both their factors.
    private mutating func layer(_ node: GraphNode) -> Bool {
        guard node.outputs.count == 1, node.inputs.count >= 2, let places = LevelRules.layers[node.operation] else {
            return false
        }
        let isSwapped = node.operation == "MatMul" && constant(node.inputs[0]) != nil
        let (data, weights) = (isSwapped ? 1 : 0, isSwapped ? 0 : places.weight)
        guard let term = forms[node.inputs[data]]?.single, node.inputs.count <= 2 || places.bias != nil else {
            return false
        }
        if node.operation == "MatMul", let other = forms[node.inputs[weights]]?.single, let a = term.factor,
            let b = other.factor,
            term.range == nil, other.range == nil, let factor = a.times(b)
        {
            let base = emit(node, LevelRules.ofLevels("MatMul"), [term.base, other.base])
            forms[node.outputs[0]] = LevelForm(LevelForm.Term(base: base, factor: factor))
            return true
        }
        guard var weight = constant(node.inputs[weights]), weight.type.kind == .real else { return false }
        if term.range != nil, node.inputs.count > 2, !node.inputs[2].isEmpty { return false }
        var layer = node
        layer.operation = LevelRules.ofLevels(node.operation)
        layer.inputs[data] = term.base
        if let factor = term.factor {
            guard let scaled = try? Value.combined(weight, factor.value, .multiply) else { return false }
            weight = scaled
            layer.inputs[weights] = preparation.adding(
                weight,
                named: preparation.names.unused("\(node.inputs[weights]).scaled"),
                readBy: node.name
            )
        }
        if let range = term.range {
            let base = preparation.names.unused("\(node.name).of levels")
            layer.outputs = [base]
            readers[base] = 1
            keep(layer)
            forms[node.outputs[0]] = LevelForm(LevelForm.Term(base: base, range: range))
        } else {
            keep(layer)
        }
        return true
    }

    private mutating func move(_ node: GraphNode) -> Bool {
        guard let name = node.inputs.first, let term = forms[name]?.single,
            node.inputs.dropFirst().allSatisfy({ forms[$0] == nil }),
            node.operation != "MaxPool" || node.outputs.count == 1
        else { return false }
        var moved = node
        moved.inputs[0] = term.base
        for (position, output) in node.outputs.enumerated() where !output.isEmpty {
            let base = preparation.names.unused("\(output).base")
            readers[base] = readers[output]
            moved.outputs[position] = base
            var part = term
            part.base = base
            forms[output] = LevelForm(part)
        }
        keep(moved)
        return true
    }

    private mutating func function(_ node: GraphNode) -> Bool {
        guard let name = node.inputs.first, let term = forms[name]?.single, term.range == nil, node.outputs.count == 1,
            node.inputs.dropFirst().allSatisfy({ forms[$0] == nil })
        else { return false }
        var result = term
        if node.operation == "Relu", term.zeroPoint != nil {
            result.base = emit(node, OperatorTable.reluOfLevels, [term.base])
        } else {
            let reals = emit(node, OperatorTable.asReals, [term.base])
            result.base = emit(node, node.operation, [reals] + node.inputs.dropFirst(), keeping: node.attributes)
            result.zeroPoint = nil
        }
        readers[result.base] = readers[node.outputs[0]]
        forms[node.outputs[0]] = LevelForm(result)
        return true
    }
}
