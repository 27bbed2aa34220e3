import CrypTen
import CrypTenDevice
import CrypTenONNX
import CrypTenRuntime
import Foundation

/// An inference that is planned and priced as `Inference` would run it, and not run.
struct PlannedInference {
    /// What would be run: the model, and inputs of which there are files.
    var inference: Inference
    /// Inputs, and parts of them, of which there are shapes alone.
    var shapes: [NamedShape]
    var publicInputs: [PublicInput]
    var parties: Int
    var fractionBits: Int
    var slabBits: Int
    /// Who would make the correlations.
    var correlations = CorrelationSetting.dealer
    /// The network to predict a time for; nil: none is predicted.
    var network: NetworkProfile?
    /// Threads of each member; nil: the machine's processors, on one machine their part of them.
    var threads: Int?
    /// The speeds of the device that every member computes on; nil: the processor.
    var device: DeviceProfile?

    /// Plans it, and predicts its time where a network is given.
    ///
    /// - Parameter progress: Told the share of the measuring that is done, 0 to 1.
    /// - Throws: what is wrong with the model or a file, and what `infer` would refuse.
    func report(_ progress: @escaping @Sendable (Double) -> Void = { _ in }) throws -> PlanReport {
        guard let part = inference.model else { preconditionFailure("a plan is one of a model") }
        let model = try inference.loaded(part)
        try checkNames(model)
        let known = try publicTensors(of: model)
        let arrangement = try Arrangement(told(of: model, known))
        let inputs = try arrangement.inputs(of: model)
        let comparisons = try arrangement.comparisons(of: inputs)
        let received = try ReceivedOutput.all(of: model, arrangement.receivers, parties: parties)
        var rehearsal = try Rehearsal(
            parties: parties,
            fractionBits: fractionBits,
            slabBits: slabBits,
            correlations: correlations.provider,
            transferTreeHeight: correlations.transferTreeHeight
        )
        let announced = rehearsal.announce(model, from: arrangement.modelOwner)
        var tensors: [String: CrypTensor] = [:]
        var publicValues: [String: Tensor] = [:]
        var reports: [PlanReport.Input] = []
        for input in inputs {
            let (name, isPublic) = (input.input.name, input.parts[0].isPublic)
            let shape = try input.shape(of: input.parts.map(\.shape))
            if !isPublic {
                let range = arrangement.ranges.first { $0.name == name }?.range
                let parts = try input.parts.map { piece in
                    let (shape, kind) = try Inference.encodedForm(of: piece, in: model, name)
                    let own = rehearsal.input(from: piece.owner, shape: shape, kind: kind, name: name)
                    return input.input.isOrdered ? own : range.map { own.declaring(range: $0) } ?? own
                }
                tensors[name] = try input.joined(parts)
            } else if let value = known[name], input.input.isKnownWherePublic {
                publicValues[name] = value
            } else {
                tensors[name] = rehearsal.publicInput(
                    shape: shape,
                    kind: input.input.givenKind(input.parts[0].kind),
                    name: name
                )
            }
            reports.append(
                PlanReport.Input(
                    name: name,
                    type: input.input.type.rawValue,
                    shape: shape.dimensions,
                    visibility: isPublic ? .public : .secret,
                    owners: input.parts.map(\.owner.index)
                )
            )
        }
        let (module, setup) = try rehearsal.hold(announced)
        let outputs = try module(tensors, publicValues: publicValues)
        let ordered = received.compactMap { outputs[$0.output.name] }
        let run = try rehearsal.run(zip(received, ordered).flatMap { $0.reveals($1, of: parties) })
        var (online, offline) = (run.cost, run.offline)
        for (comparison, _) in comparisons {
            let compared = try comparison.rehearse(&rehearsal)
            online = compared.cost + online
            offline = offline.flatMap { known in compared.offline.map { known + $0 } }
        }
        let prediction = try network.map { network in
            try rehearsal.prediction(of: run, on: network, threads: threads, device: device, progress)
        }
        var report = PlanReport(
            online: online,
            setup: setup,
            memory: run.memory,
            prediction: prediction,
            inputs: reports,
            outputs: zip(received, ordered).map {
                .init(
                    name: $0.output.name,
                    type: $0.output.type.rawValue,
                    shape: $1.shape.dimensions,
                    parties: $0.parties
                )
            },
            constants: model.constants
        )
        if let offline { report.isWithoutDealer(offline, on: network ?? .loop) }
        report.device = try device.map { DeviceCost(try rehearsal.counts(of: run, on: $0), on: $0) }
        report.losses = model.encodingLosses(fractionBits: fractionBits).listed
        report.heldFactors = HeldFactors(of: model).text
        report.weightExponents = inference.visibility.weightExponents ? WeightExponents(of: model) : nil
        let ensembles = EnsembleNotes(of: model).ensembles
        report.ensembles = ensembles.isEmpty ? nil : ensembles
        report.labels = LabelNote(of: model).shown
        return report
    }

    /// Public inputs of which there are files.
    private func publicTensors(of model: ONNXModel) throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for input in publicInputs {
            guard let path = input.path else { continue }
            let given = model.inputs.first { $0.name == input.name }
            tensors[input.name] = try NamedFile(name: input.name, path: path).content(below: .infinity).encoded(
                for: given
            )
        }
        return tensors
    }

    /// What the parties would tell each other.
    private func told(of model: ONNXModel, _ known: [String: Tensor]) throws -> [Holdings] {
        var told = try (0..<parties).map { index in
            let own = inference.part(of: PartyID(index))
            return own.holdings(
                try own.inputs.map { try $0.file.content(below: .infinity).raw },
                keys: try own.keys.map { try $0.keys() }
            )
        }
        func add(_ name: String, _ shape: Shape, _ kind: ElementKind, isPublic: Bool, to owner: PartyID?) {
            told[(owner ?? Inference.inputOwner).index].entries.append(
                Holdings.Entry(
                    name: name,
                    isPublic: isPublic,
                    shape: shape.dimensions,
                    isReal: kind == .real
                )
            )
        }
        let given = Set(inference.inputs.compactMap(\.file.name))
        // Files without a name are for the first inputs that aren't named, unless they are parts of one.
        let named = given.union(shapes.map(\.name)).union(publicInputs.map(\.name))
        let unnamed = inference.inputs.count { $0.file.name == nil }
        let taken = model.inputs.map(\.name).filter { !named.contains($0) }.prefix(unnamed)
        for input in model.inputs where !given.contains(input.name) && !taken.contains(input.name) {
            let open = publicInputs.first { $0.name == input.name }
            let parts = shapes.filter { $0.name == input.name }
            if let open {
                let shape = try known[input.name]?.shape ?? parts.first?.shape ?? shape(of: input, in: model)
                add(input.name, shape, known[input.name]?.kind ?? input.type.kind, isPublic: true, to: open.owner)
            } else if parts.isEmpty {
                add(input.name, try shape(of: input, in: model), input.type.kind, isPublic: false, to: nil)
            } else {
                for part in parts { add(input.name, part.shape, input.type.kind, isPublic: false, to: part.owner) }
            }
        }
        return told
    }

    private func checkNames(_ model: ONNXModel) throws {
        let known = Set(model.inputs.map(\.name))
        try RangeOptions.check(
            inference.ranges,
            inputs: model.inputs.map(\.name),
            known: publicInputs.map(\.name),
            summary: model.inputSummary
        )
        let given = shapes.map(\.name) + publicInputs.map(\.name)
        if let stranger = given.first(where: { !known.contains($0) }) {
            throw CrypTenError(.invalidArgument, "the model has no input '\(stranger)'; it has \(model.inputSummary)")
        }
        let joined = inference.joins.isEmpty ? shapes.map(\.name) : []
        for names in [joined, publicInputs.map(\.name)] {
            if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
                throw CrypTenError(.invalidArgument, "input '\(twice)' is given twice")
            }
        }
    }

    /// The shape of an input as the model fixes it.
    private func shape(of input: ONNXModel.Input, in model: ONNXModel) throws -> Shape {
        let fixed = input.dimensions?.compactMap { dimension -> Int? in
            if case .fixed(let extent) = dimension { return extent }
            return nil
        }
        guard let fixed, fixed.count == input.dimensions?.count else {
            throw CrypTenError(
                .invalidArgument,
                "input '\(input.name)' has a dynamic dimension: give --input-shape \(input.name)=…, extents with x between; "
                    + "the model has \(model.inputSummary)"
            )
        }
        return try Shape(checking: fixed)
    }
}

extension Rehearsal {
    /// How long a run takes on a network: on `loop` all members share this machine, or one device.
    ///
    /// - Parameters:
    ///   - threads: Threads of each member; nil: the machine's processors, on one machine their part of them.
    ///   - device: The speeds of the device that every member computes on; nil: the processor.
    ///   - progress: Told the share of the measuring that is done, 0 to 1.
    func prediction(
        of run: RehearsedRun,
        on network: NetworkProfile,
        threads: Int?,
        device: DeviceProfile?,
        _ progress: @escaping @Sendable (Double) -> Void
    ) throws -> Prediction {
        let machines: Machines = network == .loop ? .shared : .oneEach
        if let device {
            return try measure(run, on: device, machines: machines, progress: progress).prediction(on: network)
        }
        let share = max(1, ProcessInfo.processInfo.activeProcessorCount / partyCount)
        return try measure(
            run,
            machines: machines,
            threads: threads ?? (machines == .shared ? share : nil),
            progress: progress
        ).prediction(on: network)
    }
}

extension Inference {
    /// The shape and kind of a party's part as the network reads it: words are expanded by their owner.
    static func encodedForm(
        of piece: Arrangement.Piece,
        in model: ONNXModel,
        _ name: String
    ) throws -> (shape: Shape, kind: ElementKind) {
        if let words = model.words[name] { return (try words.shape(of: piece.shape), words.kind) }
        let given = try model.input(name)?.givenShape(piece.shape)
        return (given ?? piece.shape, model.input(name)?.givenKind(piece.kind) ?? piece.kind)
    }
}
