import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRuntime
import CrypTenSharing
import Crypto
import Foundation

/// A model that a session serves: its weights masked once, and for each shape of its inputs an expression on places for clients' shares.
struct ServedModel: Sendable {
    /// What is computed for inputs of one shape.
    struct Form: Sendable {
        /// In the order of the model's inputs.
        var places: [CrypTensor]
        var outputs: [CrypTensor]
        var scales: [Int]
        var cost: Cost
        /// Runs that are prepared.
        var prepared = 0
    }

    /// The rows of a run, and the inputs' extents behind them.
    struct Key: Hashable, Sendable {
        var size: Int
        var bucket: [[Int]]
    }

    let name: String
    let version: String
    let settings: ClusterFile.Model
    let inputs: [ModelMetadata.Input]
    let outputs: [ModelMetadata.Output]
    /// Whether rows of one request can't be told from those of another, so that they may share a run.
    let isBatched: Bool
    var forms: [Key: Form]
    private let module: ONNXModule

    /// The rows of a run at the most.
    var mostRows: Int { settings.sizes.last ?? 1 }

    /// The forms that want more prepared runs, in a fixed order.
    var unprepared: Key? {
        forms.filter { $0.value.prepared < settings.prepared[$0.key.size] ?? 0 }.keys
            .min { ($0.size, "\($0.bucket)") < ($1.size, "\($1.bucket)") }
    }

    /// Gives up what the session keeps for it.
    func release(in session: Session) async throws {
        try await session.release(forms.sorted { "\($0.key)" < "\($1.key)" }.flatMap(\.value.places))
        try await session.releaseReplaced(module.parameters.map(\.tensor) + module.buffers.map(\.tensor))
    }
}

// MARK: Loading

extension ServedModel {
    /// Loads a model at all parties of a session: all call it in the same order.
    ///
    /// - Parameters:
    ///   - settings: What the cluster file says of it.
    ///   - owner: The party that has the file.
    ///   - file: Where it is; read at the owner alone.
    /// - Throws: what is wrong with the file, at its owner; `.invalidArgument` where model and cluster file don't fit, at all.
    init(
        _ settings: ClusterFile.Model,
        owner: PartyID,
        file: URL?,
        session: Session
    ) async throws {
        let announced = try await session.announce(from: owner) {
            guard let file else {
                throw CrypTenError(
                    .invalidArgument,
                    "model '\(settings.name)' is this member's, and the cluster file's local part names no file for it"
                )
            }
            return try ONNXModel(
                contentsOf: file,
                secret: Set(settings.secret),
                open: Set(settings.open),
                trees: ONNXModel.TreeVisibility(rawValue: settings.trees) ?? .features
            )
        }
        let model = announced.model
        try ServedModel.check(model, settings)
        let module = try await session.hold(announced)
        var forms: [Key: Form] = [:]
        var hash = SHA256()
        var isBatched = true
        hash.update(data: Data("\(settings.name)".utf8))
        for bucket in ServedModel.buckets(settings, model) {
            for size in settings.sizes {
                let key = Key(size: size, bucket: bucket)
                let (form, inputs) = try await ServedModel.form(key, settings, module, session)
                if size > 1 {
                    isBatched = isBatched && (try? BatchIndependence.check(form.outputs, cutInputs: inputs)) != nil
                }
                let planned = try await session.plannedShares(of: form.outputs)
                hash.update(data: Data(planned.fingerprint))
                forms[key] = Form(
                    places: form.places,
                    outputs: form.outputs,
                    scales: planned.scales,
                    cost: planned.cost
                )
            }
        }
        (name, self.settings, self.module, self.forms, self.isBatched) = (
            settings.name, settings, module, forms, isBatched
        )
        inputs = ServedModel.inputs(settings, model, fractionBits: session.configuration.fractionBits)
        outputs = try ServedModel.outputs(model, Array(forms.values), name: settings.name)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        hash.update(data: try encoder.encode(inputs))
        hash.update(data: try encoder.encode(outputs))
        version = hash.finalize().prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// What all forms of a model have in common of its outputs; −1 stands for an extent in which they differ.
    private static func outputs(_ model: ONNXModel, _ forms: [Form], name: String) throws -> [ModelMetadata.Output] {
        try model.outputs.enumerated().map { index, output in
            let shapes = forms.map { $0.outputs[index].shape.dimensions }
            guard Set(shapes.map(\.count)).count == 1, Set(forms.map { $0.scales[index] }).count == 1 else {
                throw CrypTenError(
                    .invalidArgument,
                    "output '\(output.name)' of model '\(name)' has other axes, or fraction bits, for other shapes of the inputs: permit one of them"
                )
            }
            let extents = shapes[0].indices.dropFirst().map { axis in
                Set(shapes.map { $0[axis] }).count == 1 ? shapes[0][axis] : -1
            }
            return ModelMetadata.Output(
                name: output.name,
                shape: [-1] + extents,
                parameters: ModelMetadata.Output.Parameters(
                    type: TensorType(output.type),
                    fractionBits: forms[0].scales[index]
                )
            )
        }
    }

    private static func check(_ model: ONNXModel, _ settings: ClusterFile.Model) throws {
        let (known, given) = (model.inputs.map(\.name), settings.inputs.map(\.name))
        guard Set(known) == Set(given) else {
            throw CrypTenError(
                .invalidArgument,
                "model '\(settings.name)' has the inputs \(known.joined(separator: ", ")), and the cluster file names \(given.joined(separator: ", "))"
            )
        }
        if let open = model.inputs.first(where: \.mustBeKnown) {
            throw CrypTenError(
                .invalidArgument,
                "input '\(open.name)' of model '\(settings.name)' decides where the model looks, and would be public: clients' inputs are secret"
            )
        }
        for input in settings.inputs {
            for shape in input.shapes where shape[0] != nil && settings.sizes != [shape[0]] {
                throw CrypTenError(
                    .invalidArgument,
                    "input '\(input.name)' of model '\(settings.name)' has a shape of \(shape[0] ?? 0) rows: batch.sizes must be [\(shape[0] ?? 0)] then"
                )
            }
        }
        let counts = Set(settings.inputs.map(\.shapes.count))
        guard counts.count == 1 else {
            throw CrypTenError(
                .invalidArgument,
                "the inputs of model '\(settings.name)' permit different numbers of shapes: the first of one goes with the first of another, and so on"
            )
        }
    }

    /// The permitted extents behind the rows, of all inputs in the model's order.
    private static func buckets(_ settings: ClusterFile.Model, _ model: ONNXModel) -> [[[Int]]] {
        (0..<(settings.inputs.first?.shapes.count ?? 0)).map { index in
            model.inputs.map { input in
                settings.inputs.first { $0.name == input.name }?.shapes[index].dropFirst().compactMap(\.self) ?? []
            }
        }
    }

    private static func form(
        _ key: Key,
        _ settings: ClusterFile.Model,
        _ module: ONNXModule,
        _ session: Session
    ) async throws -> (form: (places: [CrypTensor], outputs: [CrypTensor]), inputs: [CrypTensor]) {
        var places: [CrypTensor] = []
        var tensors: [String: CrypTensor] = [:]
        for (input, extents) in zip(module.model.inputs, key.bucket) {
            guard let given = settings.inputs.first(where: { $0.name == input.name }) else {
                preconditionFailure("inputs were compared")
            }
            let place = try await session.sharePlace(
                shape: Shape([key.size] + extents),
                kind: input.type.kind == .real ? .real : .integer,
                name: input.name
            )
            places.append(place)
            tensors[input.name] =
                input.type.kind == .bit
                ? place.clampingAnyWord(to: 0...1) .> 0 : place.clampingAnyWord(to: given.range)
        }
        let values = try module(tensors)
        let outputs = try module.model.outputs.map { output -> CrypTensor in
            guard let value = values[output.name] else { preconditionFailure("a model gives its outputs") }
            guard value.shape.rank > 0, value.shape[0] == key.size else {
                throw CrypTenError(
                    .invalidArgument,
                    "output '\(output.name)' of model '\(settings.name)' has shape \(value.shape) for \(key.size) rows: its first axis must be the rows"
                )
            }
            return value.kind == .bit ? value.toInteger() : value
        }
        return ((places, outputs), places)
    }

    private static func inputs(
        _ settings: ClusterFile.Model,
        _ model: ONNXModel,
        fractionBits: Int
    ) -> [ModelMetadata.Input] {
        model.inputs.compactMap { input in
            guard let given = settings.inputs.first(where: { $0.name == input.name }) else { return nil }
            let shapes = given.shapes.map { [-1] + $0.dropFirst().compactMap(\.self) }
            return ModelMetadata.Input(
                name: input.name,
                shape: shapes[0],
                parameters: ModelMetadata.Input.Parameters(
                    type: TensorType(input.type),
                    fractionBits: input.type.kind == .real ? fractionBits : 0,
                    range: [given.range.lowerBound, given.range.upperBound],
                    shapes: shapes,
                    pad: given.pad
                )
            )
        }
    }
}

extension TensorType {
    init(_ type: ONNXElementType) {
        switch type.kind {
        case .bit: self = .bool
        case .integer: self = .int64
        case .real: self = type == .double ? .fp64 : .fp32
        }
    }
}
