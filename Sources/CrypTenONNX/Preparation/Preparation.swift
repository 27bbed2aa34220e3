internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What a graph becomes before any input is known: what can be computed of constants is computed, by everybody for public
/// ones and by the owner, in double, for weights.
///
/// Every step depends on names, shapes and public constants only, so that who has just a skeleton prepares the same nodes
/// and the same parameters, without their numbers.
struct Preparation {
    var nodes: [GraphNode]
    /// Known values and weights by name.
    private(set) var constants: [String: Value]
    /// Names of weights that are parts of factors of data.
    var separated: Set<String> = []
    private let outputs: Set<String>
    /// Every name in use.
    var names: Set<String>
    /// How many nodes and outputs read a name, or more: a name that is read no longer keeps its count.
    private var readers: [String: Int] = [:]

    init(_ graph: Graph, for purpose: ONNXModel.Purpose) {
        nodes = TextPlaces.replaced(in: graph.nodes, graph.texts)
        outputs = Set(graph.outputs.map(\.name))
        constants = [:]
        for constant in graph.constants {
            constants[constant.name] =
                if constant.isSecret {
                    Value(
                        constant.type,
                        weight: Value.Weight(shape: constant.shape, tensor: constant.tensor, sources: [constant.name])
                    )
                } else if let tensor = constant.tensor {
                    Value(constant.type, known: tensor)
                } else {
                    preconditionFailure("a public constant has numbers")
                }
        }
        names = Set(constants.keys).union(graph.inputs.map(\.name)).union(graph.nodes.flatMap(\.outputs))
        let expanded = QuantizedOperators(nodes, names: names)
        (nodes, names) = (expanded.nodes, expanded.names)
        removeIdentities()
        if purpose == .inference { scaleTrees() }
        foldConstants(withWeights: purpose == .inference)
        if purpose == .training { return }
        for name in nodes.flatMap(\.inputs) + graph.outputs.map(\.name) where !name.isEmpty {
            readers[name, default: 0] += 1
        }
        scaleProducts()
        foldBatchNormalizations()
        let areTables = graph.opsets[.classical] != nil
        prepareClassicalModels(
            DataNames(inputs: graph.inputs, nodes: nodes, constants: constants, areTables: areTables)
        )
        computeOnLevels()
        let data = DataNames(inputs: graph.inputs, nodes: nodes, constants: constants, areTables: areTables)
        replaceDivisions(exceptOf: data)
        separateFactors(of: data)
    }

    /// The weights that nodes or outputs read, in the order of their first use.
    func parameters(outputs: [ONNXModel.Output]) -> [ONNXModel.Parameter] {
        var seen: Set<String> = []
        return (nodes.flatMap(\.inputs) + outputs.map(\.name)).compactMap { name in
            guard let value = constants[name], case .weight(let weight) = value.content, seen.insert(name).inserted
            else { return nil }
            return ONNXModel.Parameter(
                name: name,
                shape: weight.shape,
                type: value.type,
                sources: weight.sources,
                // No fixed point holds so much: a mask's infinity. Nobody but its owner knows of it, so it must have room beside a
                // product with a public factor, whose fraction bits leave 2²⁶.
                value: weight.tensor?.saturated(beyond: 0x1p62, as: AttentionMask.disallowed.magnitude),
                isSeparated: separated.contains(name)
            )
        }
    }

    // MARK: Steps

    /// Factors of grids become a part of the weights.
    private mutating func computeOnLevels() {
        guard nodes.contains(where: { LevelPass.operations.contains($0.operation) }) else { return }
        self = LevelPass(self, outputs: outputs).preparation
    }

    /// `Identity` gives a value a second name; the first is used instead, unless the second is an output's.
    private mutating func removeIdentities() {
        var original: [String: String] = [:]
        var kept: [GraphNode] = []
        for var node in nodes {
            node.inputs = node.inputs.map { original[$0] ?? $0 }
            if node.operation == "Identity", node.inputs.count == 1, node.outputs.count == 1,
                !node.inputs[0].isEmpty, !outputs.contains(node.outputs[0])
            {
                original[node.outputs[0]] = node.inputs[0]
            } else {
                kept.append(node)
            }
        }
        nodes = kept
    }

    /// Computes nodes whose inputs are all constants.
    ///
    /// What can't be computed here stays, and is imported, or refused, later. Weights that are to be trained stay what they are.
    private mutating func foldConstants(withWeights: Bool) {
        var kept: [GraphNode] = []
        var left: [GraphNode] = nodes.reversed()
        while let node = left.popLast() {
            if withWeights, let branch = branch(of: node) {
                left += branch.reversed()
                continue
            }
            let inputs = node.inputs.map { $0.isEmpty ? nil : constants[$0] }
            let isConstant = zip(node.inputs, inputs).allSatisfy { name, value in
                name.isEmpty || (withWeights ? value != nil : value?.knownTensor != nil)
            }
            guard isConstant,
                let results = try? OperatorTable.results(of: Operation(node: node, inputs: inputs)),
                results.allSatisfy(\.isConstant)
            else {
                kept.append(node)
                continue
            }
            for (name, value) in zip(node.outputs, results) where !name.isEmpty { constants[name] = value }
        }
        nodes = kept
    }

    /// The factors of products, and the input of a constant that each may become a part of.
    private static let factors: [String: [(attribute: String, position: Int)]] = [
        "Gemm": [("alpha", 1), ("beta", 2)],
        "com.microsoft.FusedGemm": [("alpha", 1), ("beta", 2)],
        "com.microsoft.FusedMatMul": [("alpha", 1), ("alpha", 0)],
        "com.microsoft.FusedMatMulActivation": [("alpha", 1), ("alpha", 0)],
        "com.microsoft.TransposeMatMul": [("alpha", 1), ("alpha", 0)],
    ]

    /// Factors of products, such as `alpha` and `beta` of a `Gemm`, become a part of their constants, so that nothing is multiplied
    /// at run time.
    private mutating func scaleProducts() {
        for index in nodes.indices {
            for (attribute, position) in Self.factors[nodes[index].operation] ?? [] {
                let node = nodes[index]
                guard case .float(let factor)? = node.attributes[attribute], factor != 1, factor.isFinite,
                    position < node.inputs.count,
                    let constant = constants[node.inputs[position]], constant.type.kind == .real,
                    let scaled = try? Value.combined(
                        constant,
                        Value(constant.type, known: Tensor(Double(factor))),
                        .multiply
                    )
                else { continue }
                nodes[index].inputs[position] = replacing(node.inputs[position], by: scaled, readBy: node.name)
                nodes[index].attributes[attribute] = nil
            }
        }
    }

    /// A batch normalisation of constants becomes a part of the convolution or matrix product before it, if nothing else
    /// reads that; otherwise a product and a sum, whose factors the owner computes.
    private mutating func foldBatchNormalizations() {
        var producers: [String: Int] = [:]
        var removed: Set<Int> = []
        for index in nodes.indices {
            for output in nodes[index].outputs where !output.isEmpty { producers[output] = index }
            let node = nodes[index]
            guard node.operation == "BatchNormalization", node.inputs.count == 5 else { continue }
            let inputs = node.inputs.map { constants[$0] }
            guard inputs.dropFirst().allSatisfy({ $0 != nil }),
                let factors = try? OperatorTable.batchNormalizationFactors(Operation(node: node, inputs: inputs))
            else { continue }
            if let producer = producers[node.inputs[0]], fold(factors, of: node, into: producer) {
                removed.insert(index)
                producers[node.outputs[0]] = producer
            } else {
                let scale = adding(factors.scale, named: node.inputs[1], readBy: node.name)
                let shift = adding(factors.shift, named: node.inputs[2], readBy: node.name)
                nodes[index] = GraphNode(
                    name: node.name,
                    operation: OperatorTable.scaleAndShift,
                    version: 1,
                    inputs: [node.inputs[0], scale, shift],
                    outputs: [node.outputs[0]],
                    attributes: [:]
                )
            }
        }
        nodes = nodes.indices.filter { !removed.contains($0) }.map { nodes[$0] }
    }

    /// Folds `scale · y + shift` into the node that makes y, if that is a layer with constant weights and y isn't read elsewhere.
    private mutating func fold(_ factors: (scale: Value, shift: Value), of node: GraphNode, into producer: Int) -> Bool
    {
        let layer = nodes[producer]
        guard readers[layer.outputs[0]] == 1, layer.inputs.count >= 2, let weight = constants[layer.inputs[1]] else {
            return false
        }
        let biasName = layer.inputs.count > 2 ? layer.inputs[2] : ""
        let bias = constants[biasName]
        guard biasName.isEmpty || bias != nil, weight.shape.rank >= 2 else { return false }
        let channels = factors.scale.shape.count
        let spread: Shape
        switch layer.operation {
        case "Conv":
            guard weight.shape[0] == channels else { return false }
            spread = Shape([channels] + [Int](repeating: 1, count: weight.shape.rank - 1))
        case "Gemm":
            let isTransposed = layer.attributes["transB"] == .int(1)
            guard weight.shape.rank == 2, weight.shape[isTransposed ? 0 : 1] == channels,
                layer.attributes["alpha"] ?? .float(1) == .float(1),
                layer.attributes["beta"] ?? .float(1) == .float(1)
            else { return false }
            spread = isTransposed ? [channels, 1] : [1, channels]
        default:
            return false
        }
        guard let scaled = try? Value.combined(weight, try factors.scale.reshaped(spread), .multiply),
            let shifted = try? bias.map({
                try Value.combined(try Value.combined($0, factors.scale, .multiply), factors.shift, .add)
            }) ?? factors.shift
        else { return false }
        nodes[producer].inputs[1] = replacing(layer.inputs[1], by: scaled, readBy: layer.name)
        let newBias =
            bias == nil
            ? adding(shifted, named: node.inputs[2], readBy: layer.name)
            : replacing(biasName, by: shifted, readBy: layer.name)
        nodes[producer].inputs = [layer.inputs[0], nodes[producer].inputs[1], newBias]
        nodes[producer].outputs[0] = node.outputs[0]
        return true
    }

    /// A division by a secret constant becomes a product with its reciprocal, which the owner computes; that of zero is no number,
    /// and refused at the owner. Data are divided, see `separateFactors`.
    private mutating func replaceDivisions(exceptOf data: DataNames) {
        for index in nodes.indices where nodes[index].operation == "Div" && nodes[index].inputs.count == 2 {
            let node = nodes[index]
            guard !data.names.contains(node.inputs[0]), let divisor = secretFactor(node.inputs[1]),
                let reciprocal = try? divisor.mapped(\.reciprocal)
            else { continue }
            nodes[index].inputs[1] = adding(reciprocal, named: "\(node.inputs[1]).reciprocal", readBy: node.name)
            nodes[index].operation = "Mul"
        }
    }

    /// A weight of reals.
    func secretFactor(_ name: String) -> Value? {
        guard let value = constants[name], case .weight = value.content, value.type.kind == .real else { return nil }
        return value
    }

    // MARK: Names

    /// Puts a new constant in an old one's place, under its name where nothing else reads that.
    private mutating func replacing(_ old: String, by value: Value, readBy reader: String) -> String {
        if readers[old] == 1 {
            constants[old] = value
            return old
        }
        return adding(value, named: "\(old).\(reader)", readBy: reader)
    }

    /// Adds a constant under a name, or under one made of it where that is taken by something that is still read.
    mutating func adding(_ value: Value, named wish: String, readBy reader: String) -> String {
        let isTaken = names.contains(wish) && (constants[wish] == nil || readers[wish, default: 0] > 1)
        let name = isTaken ? names.unused("\(wish).\(reader)") : wish
        names.insert(name)
        readers[name] = 1
        constants[name] = value
        return name
    }
}

extension Set<String> {
    /// A name that nothing has: the one that is wished for, with as many primes as that takes. It is taken then.
    mutating func unused(_ wish: String) -> String {
        let name = free(wish)
        insert(name)
        return name
    }

    /// The same, which isn't taken yet.
    func free(_ wish: String) -> String {
        var name = wish
        while contains(name) { name += "'" }
        return name
    }
}

extension Double {
    /// That of zero is no number.
    var reciprocal: Double { self == 0 ? .nan : 1 / self }
}

extension Value {
    /// A function of every element of a weight of reals.
    func mapped(_ function: (Double) -> Double) throws -> Value {
        try mapped(reals: function, integers: { $0 }, expression: { $0 })
    }

    /// Whether it is a tensor that is known or made of weights.
    fileprivate var isConstant: Bool {
        switch content {
        case .known, .weight: true
        case .expression, .list, .nothing: false
        }
    }
}
