import CrypTen
import CrypTenONNX
import CrypTenRing
import CrypTenRuntime
import Foundation

/// The program that every party of an inference runs: each has some of the inputs, one the model, and some learn outputs.
struct Inference: Sendable {
    /// The party that has the inputs and learns the outputs, where nobody else is named.
    static let inputOwner = PartyID(0)
    /// The party that has the model, where nobody else is named.
    static let modelOwner = PartyID(1)

    /// At its owner, and where all parties are started.
    var model: Part?
    /// At the model's owner.
    var visibility = ModelVisibility()
    /// This party's, or all parties' where all are started.
    var inputs: [Part] = []
    /// Sent to all.
    var publicInputs: [Part] = []
    /// How several parties' parts of an input are put together.
    var joins: [NamedJoin] = []
    /// Keys of the rows of joined inputs.
    var keys: [KeyFile] = []
    /// Sent to all.
    var ranges: [NamedRange] = []
    /// Who learns which output, the same at all parties; none: party 0 learns all.
    var receivers: [OutputReceiver] = []
    /// Where a party writes the outputs that it learns; nil: nowhere.
    var outputDirectory: String?
    /// Whether an output that several learn is written by the first of them alone: where all write into one folder.
    var writesOnce = false
    /// Whether the correlations are made before the run: party 0 says so, and others may repeat it.
    var prepares = false
    /// At party 0: the bytes that no process may go beyond; larger batches run in slices.
    var memoryLimit: Int?
    /// At the last party, without a dealer at each: where it stores what was made ahead; nil: in memory.
    var preparedFile: String?
    /// How the outputs are revealed: in a checked session with a report beside.
    var reveal: @Sendable ([Reveal], Session) async throws -> [Tensor?] = { reveals, session in
        try await session.reveal(reveals)
    }
    /// Whether nothing is said before the run: it is one of several.
    var isQuiet = false
    /// Which slice is under way.
    let slices = SliceProgress()

    /// The files of a party, read; what is wrong with them is told to all once they are connected.
    struct Files: Sendable {
        /// Secret inputs, and public ones behind them.
        var contents: Result<[InputContent], any Error>
        var keys: [RowKeys] = []
        var model: Result<ONNXModel, any Error>?
        /// What the encoding takes from the weights, at their owner.
        var losses: [EncodingLoss] = []
    }

    /// Reads what this party has, before it meets the others; who has the model is told what of it all will see.
    func readFiles(fractionBits: Int) -> Files {
        // Numbers within a declared range may be larger than those of which nothing is known; which input it is of is seen later.
        let limit = ranges.reduce(FixedPoint.limit(fractionBits: fractionBits)) {
            max($0, $1.low.magnitude.nextUp, $1.high.magnitude.nextUp)
        }
        var keys: [RowKeys] = []
        var files = Files(
            contents: Result {
                try OutputFiles(directory: outputDirectory).prepare()
                keys = try self.keys.map { try $0.keys() }
                return try inputs.map { try $0.file.content(below: limit) }
                    + publicInputs.map { try $0.file.content(below: .infinity) }
            },
            model: model.map { part in
                Result {
                    let model = try loaded(part)
                    if let text = PublicConstants(of: model).text { note(text) }
                    if let text = WeightExponents(of: model).text { note(text) }
                    if let text = EnsembleNotes(of: model).text { note(text) }
                    if let text = LabelNote(of: model).text { note(text) }
                    return model
                }
            }
        )
        files.keys = keys
        if case .success(let model) = files.model {
            files.losses = model.encodingLosses(fractionBits: fractionBits)
            if let text = LossNote.weights(files.losses, fractionBits: fractionBits).text { note(text) }
            if let text = HeldFactors(of: model).text { note(text) }
        }
        return files
    }

    /// Loads a model with what its owner decides about it.
    func loaded(_ part: Part) throws -> ONNXModel {
        let url = URL(fileURLWithPath: part.file.path)
        return try visibility.applied(
            to: ONNXModel(contentsOf: url, secret: visibility.secret, open: visibility.open, trees: visibility.trees)
        )
    }

    /// What this party tells the others of its files.
    func holdings(_ tensors: [Tensor], keys: [RowKeys]) -> Holdings {
        var own = Holdings()
        own.hasModel = model != nil
        own.entries = zip(inputs.map { ($0, false) } + publicInputs.map { ($0, true) }, tensors).map { part, tensor in
            Holdings.Entry(
                name: part.0.file.name,
                isPublic: part.1,
                shape: tensor.shape.dimensions,
                isReal: tensor.kind == .real
            )
        }
        own.keys = zip(self.keys, keys).map { Holdings.Keys(name: $0.name, count: $1.keys.count) }
        (own.joins, own.ranges, own.receivers) = (joins, ranges, receivers)
        (own.prepares, own.storesPrepared, own.memoryLimit) = (prepares, preparedFile != nil, memoryLimit)
        return own
    }

    /// Tells this party's owner something before the run.
    func note(_ text: String) {
        guard !isQuiet else { return }
        ProgressLine.clear()
        Output.note(text)
    }

    /// Runs the inference; all parties call it.
    func run(_ files: Files, on session: Session) async throws -> PartyReport {
        let arrangement = try await arrangement(files, on: session)
        // Everybody is connected, and inputs are loaded.
        let start = ContinuousClock.now
        if let limit = arrangement.memoryLimit {
            let budget = MemoryBudget(limit: limit)
            budget.apply()
            try await session.limitPreparations(to: budget.waitingLimit)
        }
        let announced = try await session.announce(from: arrangement.modelOwner) {
            guard let model = files.model else {
                throw CrypTenError(.invalidArgument, "\(arrangement.modelOwner) has no model: give it --model")
            }
            return try model.get()
        }
        let model = announced.model
        if let text = OutputFiles(directory: outputDirectory).renaming(of: model.outputs.map(\.name)) { note(text) }
        let (inputs, comparisons, outputs) = try await session.alike {
            let inputs = try arrangement.inputs(of: model)
            return (
                inputs, try arrangement.comparisons(of: inputs),
                try ReceivedOutput.all(of: model, arrangement.receivers, parties: session.partyCount)
            )
        }
        for (comparison, keys) in comparisons {
            try await comparison.compare(keys[session.party].map { files.keys[$0] }, on: session)
        }
        noteUnkeyed(inputs, comparisons.map(\.comparison.input), session)
        let operands = try await operands(inputs, arrangement, files, session)
        let losses = inputLosses(operands, files, session)
        let cut = try await session.alike { try self.cut(arrangement, operands, outputs, model, session) }
        let ranges = cut.slices
        if let limit = arrangement.memoryLimit { MemoryBudget(limit: limit).apply(beside: cut.madeBytes) }
        var arguments = try await arguments(operands, ranges?.first, files, model, session)
        // What doesn't fit is found here, before anything of the inputs or weights is sent.
        let first = arguments
        _ = try await session.alike { try call(announced, first, operands) }
        let module = try await session.hold(announced)
        var parts: [[Tensor?]] = []
        var shapes: [[Shape]] = []
        for index in 0..<(ranges?.count ?? 1) {
            slices.begin(index, of: ranges?.count ?? 1)
            if index > 0 {
                arguments = try await self.arguments(operands, ranges?[index], files, model, session)
            }
            let expressions = try call(module, arguments, operands)
            shapes.append(outputs.map { expressions[$0.index].shape })
            let reveals = outputs.map { $0.reveals(expressions[$0.index], of: session.partyCount) }
            if arrangement.prepares {
                let storage = preparedFile.map { PreparedStorage.file(URL(fileURLWithPath: $0)) } ?? .memory
                try await session.prepare(reveals.flatMap { $0 }, runs: 1, storage: storage)
            }
            var told = try await reveal(reveals.flatMap { $0 }, session)[...]
            parts.append(
                outputs.enumerated().map { index, output in
                    let own = told.prefix(reveals[index].count)
                    told = told.dropFirst(reveals[index].count)
                    let place = output.place(of: session.party.index, of: session.partyCount)
                    let value = place.flatMap { $0 < own.count ? own[own.startIndex + $0] : nil }
                    return value?.converted(to: output.output.type)
                }
            )
        }
        let seconds = ContinuousClock.now - start
        var report = PartyReport(try await session.statistics, seconds: seconds)
        report.slices = ranges?.count ?? 1
        report.losses = files.losses + losses
        // The owner knows the texts of labels that it hides.
        let texts = try files.model?.get().texts ?? model.texts
        report.outputs = try write(outputs, shapes, parts, texts: texts, party: session.party.index)
        return report
    }

    /// What all parties have, each having told the others.
    private func arrangement(_ files: Files, on session: Session) async throws -> Arrangement {
        let own = Result { try holdings(try files.contents.get().map(\.raw), keys: files.keys).bytes }
        let told = try await session.tellEachOther(own, refusing: .input)
        return try await session.alike {
            try Arrangement(told.enumerated().map { try Holdings(told: $1, by: PartyID($0)) })
        }
    }

    /// Rows that nothing but their place joins are worth a word to one who has a part of them.
    private func noteUnkeyed(_ inputs: [JoinedInput<Arrangement.Piece>], _ keyed: [String], _ session: Session) {
        for input in inputs where input.way != nil && input.way?.axis != 0 && !keyed.contains(input.input.name) {
            let owners = Set(input.parts.map(\.owner.index))
            guard owners.count > 1, owners.min() == session.party.index else { continue }
            note(
                "input '\(input.input.name)': rows of \(owners.count) parties are joined as they stand, the first with the first; --key compares their keys before"
            )
        }
    }

    /// Writes the outputs that this party has learnt.
    ///
    /// - Returns: All outputs, with files of those that were written here; nil where this party is told none.
    private func write(
        _ outputs: [ReceivedOutput],
        _ shapes: [[Shape]],
        _ parts: [[Tensor?]],
        texts: [String: [String]],
        party: Int
    ) throws -> [OutputReport]? {
        let told = outputs.indices.filter { index in !parts.isEmpty && parts.allSatisfy { $0[index] != nil } }
        guard !told.isEmpty else { return nil }
        let own = told.filter { !writesOnce || outputs[$0].parties.min() == party }
        let written = try OutputFiles(directory: outputDirectory).write(
            own.map { index in (outputs[index].output.name, Tensor.joining(parts.compactMap { $0[index] })) },
            texts: texts
        )
        return outputs.indices.map { index in
            let file = own.firstIndex(of: index).flatMap { written[$0].file }
            var shape = shapes[0][index].dimensions
            if shapes.count > 1 { shape[0] = shapes.reduce(0) { $0 + $1[index][0] } }
            let output = outputs[index]
            return OutputReport(name: output.output.name, shape: shape, file: file, parties: output.parties)
        }
    }
}
