public import CrypTen
import CrypTenRing
public import Foundation

extension Session {
    /// Loads a model that one party has, for all parties to run and nobody else to see.
    ///
    /// The owner reads the file and sends the model's skeleton: the graph without secret weights. All parties import that
    /// same skeleton. Then the weights are masked and sent, once: no later run sends them again.
    ///
    /// - Parameters:
    ///   - url: The file, read at the owner alone.
    ///   - owner: The party that has it.
    ///   - secret: Constants to keep secret whatever their type and size. At the owner.
    ///   - open: Constants to make public whatever their type and size. At the owner.
    ///   - trees: What all parties see of ensembles of trees. At the owner.
    ///   - purpose: What for: a module that is to be trained has the file's own weights as its parameters.
    ///   - weightExponents: Whether each secret weight has a public exponent of its own, with which small ones keep their bits; at the
    ///     owner. All parties and the dealer see the exponents, as they see shapes.
    ///   - hidesLabels: Whether texts of labels stay with the owner, as ``ONNXModel/withHiddenLabels()`` has it. At the owner.
    /// - Returns: The model, callable on this session's tensors.
    /// - Throws: at the owner what is wrong with the file, before anything is sent; at the others the same, as it reached
    ///   them. Then the session is over.
    /// - Complexity: 8 bytes a weight from the owner to each other party, in one round, counted as setup.
    public func load(
        onnx url: URL,
        from owner: PartyID,
        secret: Set<String> = [],
        open: Set<String> = [],
        trees: ONNXModel.TreeVisibility = .features,
        for purpose: ONNXModel.Purpose = .inference,
        weightExponents: Bool = false,
        hidesLabels: Bool = false
    ) async throws -> ONNXModule {
        try await hold(
            try await announce(from: owner, for: purpose) {
                var model = try ONNXModel(contentsOf: url, secret: secret, open: open, trees: trees, for: purpose)
                if weightExponents { model = model.withWeightExponents() }
                return hidesLabels ? try model.withHiddenLabels() : model
            }
        )
    }

    /// The first half of ``load(onnx:from:secret:open:trees:for:weightExponents:hidesLabels:)``: all know the model, and its weights are inputs that no run has
    /// read, so that what can't be run is found before anything of them is sent.
    ///
    /// - Parameters:
    ///   - owner: The party that has the model.
    ///   - purpose: What `load` loads it for.
    ///   - load: Runs at the owner alone.
    /// - Returns: The model; ``hold(_:)`` makes it ready for many runs.
    /// - Throws: as ``load(onnx:from:secret:open:trees:for:weightExponents:hidesLabels:)`` does.
    package func announce(
        from owner: PartyID,
        for purpose: ONNXModel.Purpose = .inference,
        _ load: @escaping @Sendable () throws -> ONNXModel
    ) async throws -> ONNXModule {
        let isOwner = owner == party
        let fractionBits = configuration.fractionBits
        let loaded = isOwner ? Result { try load().holdingMasks(fractionBits: fractionBits) } : nil
        let skeleton = try await broadcast(from: owner, refusing: .model) {
            guard let loaded else { preconditionFailure("the owner has loaded its model") }
            let model = try loaded.get()
            try model.checkRange(fractionBits: fractionBits)
            return Array(try model.skeleton())
        }
        let model = try ONNXModel(skeleton: Data(skeleton), for: purpose)
        var values: [String: Tensor] = [:]
        for parameter in try loaded?.get().parameters ?? [] { values[parameter.name] = parameter.value }
        let remainders = AddendRemainders(of: model, fractionBits: fractionBits)
        let grid = ThresholdGrid(of: model)
        var parameters = ParameterTree()
        for parameter in model.parameters {
            var value = values[parameter.name].map {
                grid.encoded($0, of: parameter.name, fractionBits: fractionBits)
            }
            if let remainder = remainders.names[parameter.name] {
                let parts = value.map { remainders.parts(of: $0) }
                value = parts?.encoded
                parameters[remainder] = try await weight(parameter, of: model, from: owner, parts?.rest)
            }
            parameters[parameter.name] = try await weight(parameter, of: model, from: owner, value)
        }
        return ONNXModule(model: model, parameters: parameters, remainders: remainders)
    }

    private func weight(
        _ parameter: ONNXModel.Parameter,
        of model: ONNXModel,
        from owner: PartyID,
        _ value: Tensor?
    ) async throws -> CrypTensor {
        try await input(
            from: owner,
            shape: parameter.shape,
            kind: parameter.type.kind,
            range: model.range(of: parameter),
            name: model.layer(of: parameter)
        ) {
            guard let value else {
                throw CrypTenError(
                    .malformedFile,
                    "parameter '\(parameter.name)' is in the skeleton, but not in the model"
                )
            }
            return value
        }
    }

    /// Masks a module's parameters, once for all its runs.
    package func hold(_ module: ONNXModule) async throws -> ONNXModule {
        let all = Array(module.parameters) + Array(module.buffers)
        let kept = try await hold(all.map(\.tensor))
        return ONNXModule(
            model: module.model,
            parameters: ParameterTree(zip(all, kept).map { ($0.name, $1) }),
            remainders: module.remainders
        )
    }
}

extension Rehearsal {
    /// What a session's `announce` would give.
    package mutating func announce(_ model: ONNXModel, from owner: PartyID) -> ONNXModule {
        let remainders = AddendRemainders(of: model, fractionBits: fractionBits)
        var parameters = ParameterTree()
        for parameter in model.parameters {
            let names = [remainders.names[parameter.name], parameter.name].compactMap { $0 }
            for name in names {
                let weight = input(
                    from: owner,
                    shape: parameter.shape,
                    kind: parameter.type.kind,
                    name: model.layer(of: parameter)
                )
                parameters[name] = model.range(of: parameter).map { weight.declaring(range: $0) } ?? weight
            }
        }
        return ONNXModule(model: model, parameters: parameters, remainders: remainders)
    }

    /// What a session's `hold` would give and cost.
    package mutating func hold(_ module: ONNXModule) throws -> (module: ONNXModule, setup: Cost) {
        let all = Array(module.parameters) + Array(module.buffers)
        let (kept, setup) = try hold(all.map(\.tensor))
        let parameters = ParameterTree(zip(all, kept).map { ($0.name, $1) })
        return (ONNXModule(model: module.model, parameters: parameters, remainders: module.remainders), setup)
    }
}

extension ONNXModel {
    /// The layer that reads a parameter first: where its cost is shown.
    func layer(of parameter: Parameter) -> String {
        nodes.first { $0.inputs.contains(parameter.name) }?.name ?? parameter.name
    }

    /// - Throws: `.outOfRange` naming the first weight that fixed point can't hold.
    func checkRange(fractionBits: Int) throws {
        let limit = FixedPoint.limit(fractionBits: fractionBits)
        let grid = ThresholdGrid(of: self)
        for parameter in parameters where parameter.type.kind == .real && weightExponents[parameter.name] == nil {
            guard let values = parameter.value?.doubles,
                let index = values.firstIndex(where: {
                    !($0.magnitude < limit)
                        && !(grid.comparisons[parameter.name] != nil && $0.magnitude >= ThresholdGrid.unreachable)
                })
            else { continue }
            throw CrypTenError(
                .outOfRange,
                """
                parameter '\(parameter.name)' (from \(parameter.sources.joined(separator: ", "))), element \(index): too large \
                for fixed point with \(fractionBits) fraction bits, which takes magnitudes below \(limit); \
                use fewer fraction bits
                """
            )
        }
    }
}
