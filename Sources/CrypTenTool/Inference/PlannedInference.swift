import CrypTen
import CrypTenONNX
import Foundation

/// An inference that is planned and priced as `Inference` would run it, and not run.
struct PlannedInference {
    var model: String
    var shapes: [NamedShape]
    var publicInputs: [PublicInput]
    var ranges: [NamedRange] = []
    var parties: Int
    var fractionBits: Int
    var secret: Set<String>
    var open: Set<String>
    /// Whether each secret weight has a public exponent of its own.
    var weightExponents = false
    /// The network to predict a time for; nil: none is predicted.
    var network: NetworkProfile?
    /// Threads of each member; nil: the machine's processors, on one machine their part of them.
    var threads: Int?

    /// Plans it, and predicts its time where a network is given.
    ///
    /// - Parameter progress: Told the share of the measuring that is done, 0 to 1.
    /// - Throws: what is wrong with the model or a file, and what `infer` would refuse.
    func report(_ progress: @escaping @Sendable (Double) -> Void = { _ in }) throws -> PlanReport {
        var model = try ONNXModel(contentsOf: URL(fileURLWithPath: model), secret: secret, open: open)
        if weightExponents { model = model.withWeightExponents() }
        try checkNames(model)
        var rehearsal = try Rehearsal(parties: parties, fractionBits: fractionBits)
        let announced = rehearsal.announce(model, from: Inference.modelOwner)
        var tensors: [String: CrypTensor] = [:]
        var publicValues: [String: Tensor] = [:]
        var reports: [PlanReport.Input] = []
        for input in model.inputs {
            let publicInput = publicInputs.first { $0.name == input.name }
            let value = try publicInput?.path.map { path in
                try NamedFile(name: input.name, path: path).tensor(below: .infinity)
            }
            let shape = try value?.shape ?? shape(of: input, in: model)
            let (kind, name) = (value?.kind ?? input.type.kind, input.name)
            if publicInput == nil {
                let input = rehearsal.input(from: Inference.inputOwner, shape: shape, kind: kind, name: name)
                tensors[name] = ranges.first { $0.name == name }.map { input.declaring(range: $0.range) } ?? input
            } else if let value, input.mustBeKnown {
                publicValues[name] = value
            } else {
                tensors[name] = rehearsal.publicInput(shape: shape, kind: kind, name: name)
            }
            reports.append(
                PlanReport.Input(
                    name: name,
                    type: input.type.rawValue,
                    shape: shape.dimensions,
                    visibility: publicInput == nil ? .secret : .public
                )
            )
        }
        let (module, setup) = try rehearsal.hold(announced)
        let outputs = try module(tensors, publicValues: publicValues)
        let ordered = model.outputs.compactMap { outputs[$0.name] }
        let online = try rehearsal.cost(of: ordered, revealingTo: .party(Inference.inputOwner.index))
        let memory = try rehearsal.memory(of: ordered, revealingTo: .party(Inference.inputOwner.index))
        let prediction = try network.map { network in
            let isLocal = network == .loop
            return try rehearsal.measure(
                ordered,
                revealingTo: .party(Inference.inputOwner.index),
                machines: isLocal ? .shared : .oneEach,
                threads: threads ?? (isLocal ? max(1, ProcessInfo.processInfo.activeProcessorCount / parties) : nil),
                progress: progress
            ).prediction(on: network)
        }
        var report = PlanReport(
            online: online,
            setup: setup,
            memory: memory,
            prediction: prediction,
            inputs: reports,
            outputs: zip(model.outputs, ordered).map {
                .init(name: $0.name, type: $0.type.rawValue, shape: $1.shape.dimensions)
            },
            constants: model.constants
        )
        report.losses = model.encodingLosses(fractionBits: fractionBits).listed
        report.heldFactors = HeldFactors(of: model).text
        report.weightExponents = weightExponents ? WeightExponents(of: model) : nil
        return report
    }

    private func checkNames(_ model: ONNXModel) throws {
        let known = Set(model.inputs.map(\.name))
        try RangeOptions.check(
            ranges,
            inputs: model.inputs.map(\.name),
            known: publicInputs.map(\.name),
            summary: model.inputSummary
        )
        let given = shapes.map(\.name) + publicInputs.map(\.name)
        if let stranger = given.first(where: { !known.contains($0) }) {
            throw CrypTenError(.invalidArgument, "the model has no input '\(stranger)'; it has \(model.inputSummary)")
        }
        for names in [shapes.map(\.name), publicInputs.map(\.name)] {
            if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
                throw CrypTenError(.invalidArgument, "input '\(twice)' is given twice")
            }
        }
    }

    /// The shape of an input as it was given, or as the model fixes it.
    private func shape(of input: ONNXModel.Input, in model: ONNXModel) throws -> Shape {
        if let given = shapes.first(where: { $0.name == input.name }) { return given.shape }
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
