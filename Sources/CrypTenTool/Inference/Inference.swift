import CrypTen
import CrypTenONNX
import CrypTenRing
import Foundation

/// The program that every party of an inference runs: party 0 has the inputs, party 1 the model.
struct Inference: Sendable {
    /// The party that has the inputs and learns the outputs.
    static let inputOwner = PartyID(0)
    /// The party that has the model.
    static let modelOwner = PartyID(1)

    /// At party 1.
    var model: String?
    /// Constants that are secret against the rule; at party 1.
    var secret: Set<String> = []
    /// Constants that are public against the rule; at party 1.
    var open: Set<String> = []
    /// At party 1: whether each secret weight has a public exponent of its own.
    var weightExponents = false
    /// At party 0.
    var inputs: [NamedFile] = []
    /// At party 0; sent to all.
    var publicInputs: [NamedFile] = []
    /// At party 0; sent to all.
    var ranges: [NamedRange] = []
    /// Where party 0 writes the outputs; nil: nowhere.
    var outputDirectory: String?
    /// At party 0: whether the run is dealt before it starts.
    var prepares = false
    /// At party 0: the bytes that no process may go beyond; larger batches run in slices.
    var memoryLimit: Int?
    /// At the last party: where it stores what was dealt ahead; nil: in memory.
    var preparedFile: String?
    /// How the outputs are revealed: in a checked session with a report beside.
    var reveal: @Sendable ([CrypTensor], Recipients, Session) async throws -> [Tensor]? = {
        outputs,
        recipients,
        session in
        try await session.reveal(outputs, to: recipients)
    }
    /// Whether nothing is said before the run: it is one of several.
    var isQuiet = false
    /// Which slice is under way.
    let slices = SliceProgress()

    /// The files of a party, read; what is wrong with them is told to all once they are connected.
    struct Files: Sendable {
        fileprivate var tensors: Result<[Tensor], any Error>
        fileprivate var model: Result<ONNXModel, any Error>?
        /// What the encoding takes from the weights, at their owner.
        fileprivate var losses: [EncodingLoss] = []
    }

    /// Reads what this party has, before it meets the others; who has the model is told what of it all will see.
    func readFiles(fractionBits: Int) -> Files {
        // Numbers within a declared range may be larger than those of which nothing is known; which input it is of is seen later.
        let limit = ranges.reduce(FixedPoint.limit(fractionBits: fractionBits)) {
            max($0, $1.low.magnitude.nextUp, $1.high.magnitude.nextUp)
        }
        var files = Files(
            tensors: Result {
                try OutputFiles(directory: outputDirectory).prepare()
                return try inputs.map { try $0.tensor(below: limit) }
                    + publicInputs.map { try $0.tensor(below: .infinity) }
            },
            model: model.map { path in
                Result {
                    var model = try ONNXModel(contentsOf: URL(fileURLWithPath: path), secret: secret, open: open)
                    if weightExponents { model = model.withWeightExponents() }
                    if let text = PublicConstants(of: model).text { note(text) }
                    if let text = WeightExponents(of: model).text { note(text) }
                    return model
                }
            }
        )
        if case .success(let model) = files.model {
            files.losses = model.encodingLosses(fractionBits: fractionBits)
            if let text = LossNote.weights(files.losses, fractionBits: fractionBits).text { note(text) }
            if let text = HeldFactors(of: model).text { note(text) }
        }
        return files
    }

    /// Tells this party's owner something before the run.
    private func note(_ text: String) {
        guard !isQuiet else { return }
        ProgressLine.clear()
        Output.note(text)
    }

    /// Runs the inference; all parties call it.
    func run(_ files: Files, on session: Session) async throws -> PartyReport {
        let list = try await session.broadcast(from: Inference.inputOwner) {
            let tensors = try files.tensors.get()
            var list = InputList(secret: inputs, public: publicInputs, prepares: prepares, ranges: self.ranges)
            if let memoryLimit { list.bound(to: memoryLimit, tensors) }
            return Array(try JSONEncoder().encode(list))
        }
        // Everybody is connected, and inputs are loaded.
        let start = ContinuousClock.now
        let entries = try JSONDecoder().decode(InputList.self, from: Data(list))
        if let limit = entries.memoryLimit { MemoryBudget(limit: limit).apply() }
        let announced = try await session.announce(from: Inference.modelOwner) {
            guard let model = files.model else {
                throw CrypTenError(.invalidArgument, "\(Inference.modelOwner) has no model: give it --model")
            }
            return try model.get()
        }
        let model = announced.model
        let operands = try await operands(entries, files, model, session)
        let losses = inputLosses(operands, files, session)
        let ranges = try slices(entries, operands, model, session)
        var arguments = try await arguments(operands, ranges?.first, files, model, session)
        // What doesn't fit is found here, before anything of the inputs or weights is sent.
        _ = try call(announced, arguments)
        let module = try await session.hold(announced)
        let recipients = Recipients.party(Inference.inputOwner.index)
        if !entries.prepares, preparedFile != nil {
            throw CrypTenError(
                .invalidArgument,
                "--prepared-file has nothing to store: \(Inference.inputOwner) doesn't --prepare"
            )
        }
        var parts: [[Tensor]] = []
        for index in 0..<(ranges?.count ?? 1) {
            slices.begin(index, of: ranges?.count ?? 1)
            if index > 0 {
                arguments = try await self.arguments(operands, ranges?[index], files, model, session)
            }
            let outputs = try call(module, arguments)
            if entries.prepares {
                let storage = preparedFile.map { PreparedStorage.file(URL(fileURLWithPath: $0)) } ?? .memory
                try await session.prepare(outputs, revealingTo: recipients, runs: 1, storage: storage)
            }
            guard let values = try await reveal(outputs, recipients, session) else { continue }
            parts.append(zip(model.outputs, values).map { $1.converted(to: $0.type) })
        }
        let seconds = ContinuousClock.now - start
        var report = PartyReport(try await session.statistics, seconds: seconds)
        report.slices = ranges?.count ?? 1
        report.losses = files.losses + losses
        if session.party == Inference.inputOwner, !parts.isEmpty {
            report.outputs = try OutputFiles(directory: outputDirectory).write(
                model.outputs.enumerated().map { index, output in
                    (output.name, Tensor.joining(parts.map { $0[index] }))
                }
            )
        }
        return report
    }

    private struct Arguments {
        var tensors: [String: CrypTensor] = [:]
        var publicValues: [String: Tensor] = [:]
    }

    /// One input as this party knows it before it is cut.
    private struct Operand {
        var index: Int
        var name: String
        var entry: InputList.Entry
        /// What all may know of a secret input.
        var range: ClosedRange<Double>?
        /// A public input, as a whole.
        var known: (expression: CrypTensor, value: Tensor)?
    }

    private func operands(
        _ list: InputList,
        _ files: Files,
        _ model: ONNXModel,
        _ session: Session
    ) async throws -> [Operand] {
        var operands: [Operand] = []
        for (index, name) in try list.names(for: model).enumerated() {
            var operand = Operand(index: index, name: name, entry: list.entries[index])
            operand.range = list.ranges.first { $0.name == name }?.range
            if operand.entry.isPublic {
                operand.known = try await session.publicInput(from: Inference.inputOwner, name: name) {
                    try files.tensors.get()[index]
                }
            } else if list.memoryLimit != nil, operand.entry.shape.map({ $0.count < 1 << 40 }) != true {
                throw CrypTenError(
                    .malformedFrame,
                    "\(Inference.inputOwner) names no shape of '\(name)' that can be planned"
                )
            }
            operands.append(operand)
        }
        return operands
    }

    /// What the encoding takes from the inputs, at their owner, who is told: with the fraction bits that follow from their ranges.
    private func inputLosses(_ operands: [Operand], _ files: Files, _ session: Session) -> [EncodingLoss] {
        guard session.party == Inference.inputOwner, let tensors = try? files.tensors.get() else { return [] }
        let fractionBits = session.configuration.fractionBits
        let secret = operands.filter { $0.known == nil }
        let losses = secret.compactMap { operand in
            EncodingLoss(
                of: tensors[operand.index],
                fractionBits: fractionBits,
                range: operand.range,
                name: inputs[operand.index].name ?? inputs[operand.index].path
            )
        }
        let isDeclared = secret.contains { $0.range != nil }
        if let text = LossNote.inputs(losses, fractionBits: fractionBits, isDeclared: isDeclared).text { note(text) }
        return losses
    }

    /// The slices that the batch is cut into; nil: it runs as a whole.
    private func slices(
        _ list: InputList,
        _ operands: [Operand],
        _ model: ONNXModel,
        _ session: Session
    ) throws -> [Range<Int>]? {
        guard let limit = list.memoryLimit else { return nil }
        let known = operands.compactMap { operand -> Slicing.Argument? in
            guard let shape = operand.known?.value.shape ?? operand.entry.shape else { return nil }
            let value = operand.known?.value
            return Slicing.Argument(
                name: operand.name,
                shape: shape,
                kind: value?.kind ?? operand.entry.kind,
                value: value,
                range: operand.range
            )
        }
        return try naming(model) {
            try Slicing(
                model: model,
                arguments: known,
                parties: session.partyCount,
                fractionBits: session.configuration.fractionBits,
                budget: MemoryBudget(limit: limit)
            ).slices()
        }
    }

    /// What the model is called with for a slice, or for the whole batch where there is none.
    private func arguments(
        _ operands: [Operand],
        _ slice: Range<Int>?,
        _ files: Files,
        _ model: ONNXModel,
        _ session: Session
    ) async throws -> Arguments {
        var arguments = Arguments()
        let batch = slice == nil ? nil : operands.lazy.compactMap(\.entry.shape).first?.dimensions.first
        let secret = Set(operands.lazy.filter { $0.known == nil }.map(\.name))
        for operand in operands {
            let (index, name) = (operand.index, operand.name)
            let load: @Sendable () throws -> Tensor = {
                let whole = try files.tensors.get()[index]
                return slice.map { whole.rows($0) } ?? whole
            }
            if var (expression, value) = operand.known {
                if let batch, Slicing.isCut(public: name, value.shape, batch: batch, secret: secret, model) {
                    (expression, value) = try await session.publicInput(
                        from: Inference.inputOwner,
                        name: name,
                        load
                    )
                }
                if model.mustKnow(name) {
                    arguments.publicValues[name] = value
                } else {
                    arguments.tensors[name] = expression
                }
            } else if let shape = operand.entry.shape {
                arguments.tensors[name] = try await session.input(
                    from: Inference.inputOwner,
                    shape: slice.map { Shape([$0.count] + shape.dimensions.dropFirst()) } ?? shape,
                    kind: operand.entry.kind,
                    range: operand.range,
                    name: name,
                    load
                )
            } else {
                arguments.tensors[name] = try await session.input(
                    from: Inference.inputOwner,
                    range: operand.range,
                    name: name,
                    load
                )
            }
        }
        return arguments
    }

    /// The outputs in the model's order.
    private func call(_ module: ONNXModule, _ arguments: Arguments) throws -> [CrypTensor] {
        try naming(module.model) {
            let outputs = try module(arguments.tensors, publicValues: arguments.publicValues)
            return module.model.outputs.compactMap { outputs[$0.name] }
        }
    }

    /// Adds the file to errors that name an input: the others don't know file names.
    private func naming<Result>(_ model: ONNXModel, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch var error as CrypTenError {
            let names = (try? InputList(secret: inputs, public: publicInputs).names(for: model)) ?? []
            for (name, file) in zip(names, inputs + publicInputs) where error.message.contains("input '\(name)'") {
                error.message += "; '\(name)' is read from \(file.path)"
            }
            throw error
        }
    }
}
