import CrypTen
import CrypTenONNX
import CrypTenRing
import Foundation

extension Training {
    /// Trains; all parties call it.
    func run(_ files: Files, on session: Session) async throws -> TrainingPartyReport {
        try await agree(on: session)
        let (store, checkpoint) = try await newestCheckpoint(on: session)
        let start = ContinuousClock.now
        let announced = try await session.announce(from: model.owner, for: .training) {
            guard let model = files.model else {
                throw CrypTenError(.invalidArgument, "\(self.model.owner) has no model: give it --model")
            }
            return try model.get()
        }
        let network = announced.model
        if announced.parameters.isEmpty {
            throw CrypTenError(
                .invalidArgument,
                "the model has no weight that can be trained: floats that a layer reads"
            )
        }
        _ = try standardizedInputs(of: network)
        let isStreamed = try await decidesToStream(files, of: network, on: session)
        var streams: [StreamedTensor] = []
        var examples: [CrypTensor]
        if isStreamed {
            streams = try await streamedExamples(of: network, files, session)
            examples = try await placeholders(of: streams, session)
        } else {
            examples = try await self.examples(inputs, of: network, files, session, kind: "input")
        }
        let epochs = try await batches(of: examples[0].shape[0], files, session)
        let sizes = Set(epochs.joined().map(\.count)).sorted(by: >)
        // What doesn't fit is found here, before anything of data or weights is sent.
        let scores = try probe(announced, examples, rows: sizes[0])
        let targets: CrypTensor
        if isStreamed {
            streams.append(try await streamedLabels(scores.shape, files, session))
            targets = try await placeholders(of: [streams[streams.count - 1]], session)[0]
        } else {
            targets = try await target(labels, scores.shape, files, session, name: "labels")
        }
        try checkRows(of: examples + [targets], name: "--labels")
        let total = epochs.reduce(0) { $0 + $1.count }
        var taken = RowsTaken()
        if let checkpoint, checkpoint.stepCount <= total {
            try taken.take(epochs.joined().prefix(checkpoint.stepCount), asIn: checkpoint)
        }
        var trainer = try trainer(of: announced, steps: total)
        for size in sizes { try trainer.check(on: (examples + [targets]).map { $0.rows(Array(0..<size)) }) }
        var (test, tested): (Test?, (examples: [CrypTensor], targets: CrypTensor, size: Int)?)
        if let validationLabels {
            let examples = try await self.examples(validation, of: network, files, session, kind: "validation input")
            // As many rows at a time as a step takes, and more where the network takes any.
            let all = examples[0].shape[0]
            let many = min(all, max(sizes[0], 256))
            let size = (try? probe(announced.eval(), examples, rows: many)) == nil ? min(all, sizes[0]) : many
            for rows in Set([size, all % size]).subtracting([0]) {
                _ = try probe(announced.eval(), examples, rows: rows)
            }
            let targets = try await target(
                validationLabels,
                scores.shape,
                files,
                session,
                name: "labels of --validation"
            )
            try checkRows(of: examples + [targets], name: "--validation")
            tested = (examples, targets, size)
        }
        let prepared = try await standardized(examples, test: tested?.examples, of: network, on: session)
        examples = prepared.examples
        if let tested, let examples = prepared.test {
            test = Test(data: try await dataset(examples + [tested.targets], on: session), size: tested.size)
        }
        let done = checkpoint?.stepCount ?? 0
        guard done <= total else {
            throw CrypTenError(
                .invalidArgument,
                "the checkpoint is of step \(done), and \(self.epochs) epochs have \(total): ask for as many epochs, or more"
            )
        }
        var kept: TensorDataset?
        var streamed: StreamedDataset?
        if isStreamed {
            progress("masking a batch", 0)
            streamed = try await StreamedDataset(streams, batches: Array(epochs.joined()), from: done, on: session)
        } else {
            let data = try await dataset(examples + [targets], on: session)
            // What was standardised is in the data set, and only there from now on.
            try await session.releaseReplaced(examples, remaining: data.tensors)
            kept = try await shuffled(data, on: session)
        }
        if let store, let checkpoint {
            progress("reading the checkpoint of step \(done)", 0)
            try trainer.restore(try await store.load(checkpoint, for: trainer.model, on: session))
        } else {
            progress("masking weights", 0)
            try await trainer.begin(on: session)
        }
        // What masking has left; from here on a step is like the one before it.
        ProcessMemory.giveBackAll()
        ProcessMemory.measureTensorsAnew()
        var report = TrainingPartyReport()
        report.resumedAt = done == 0 ? nil : done
        var losses = earlierLosses(done)
        let steps = ContinuousClock.now
        var step = 0
        for (epoch, batches) in epochs.enumerated() {
            var told: [Double] = []
            for (index, rows) in batches.enumerated() {
                step += 1
                if step <= done { continue }
                let isTold = revealEvery.map { step % $0 == 0 } ?? false
                let place = "epoch \(epoch + 1), step \(index + 1)"
                let value = try await located(place) {
                    let recipients: Recipients? = isTold ? .party(recipient.index) : nil
                    if let kept {
                        return try await trainer.step(on: kept[rows], session, revealingLossTo: recipients)
                    }
                    return try await trainer.step(on: &streamed!, session, revealingLossTo: recipients)
                }
                taken.take(rows)
                if let value { try check(value, place) }
                losses.append(value ?? .nan)
                if let value { told.append(value) }
                progress(
                    "epoch \(epoch + 1)/\(epochs.count), step \(index + 1)/\(batches.count)"
                        + (told.last.map { ", loss \($0.fixed(4))" } ?? ""),
                    Double(step) / Double(total)
                )
                let isLast = index + 1 == batches.count
                if let store, checkpoints?.every.map({ step % $0 == 0 }) ?? isLast {
                    try await save(trainer, isLast ? epoch + 1 : epoch, losses, taken, to: store, session)
                }
            }
            // The epoch that the checkpoint has ended is tested again: who was killed after it hasn't told its scores.
            if step < done || step == done && test == nil { continue }
            if step == done { told = losses.suffix(batches.count).filter { !$0.isNaN } }
            var result = TrainingPartyReport.Epoch(epoch: epoch + 1)
            result.loss = told.isEmpty ? nil : told.reduce(0, +) / Double(told.count)
            if let test {
                result.scores = try await located("after epoch \(epoch + 1)") {
                    try await score(trainer.model.eval(), test, session)
                }
            }
            report.epochs.append(result)
        }
        report.secondsTraining = (ContinuousClock.now - steps) / .seconds(1)
        report.steps = step - done
        try await export(trainer.model, to: &report, session)
        try await export(prepared.scales, to: &report, session)
        if session.party == recipient, revealEvery != nil {
            report.losses = losses.map { $0.isNaN ? nil : $0 }
            try write(losses)
        }
        report.cost = PartyReport(try await session.statistics, seconds: ContinuousClock.now - start)
        return report
    }

    /// The folder for checkpoints, and the newest that all parties have, where training is to go on from it: before data are sent.
    private func newestCheckpoint(
        on session: Session
    ) async throws -> (store: CheckpointStore?, newest: CheckpointHeader?) {
        guard let store = try checkpoints?.store() else { return (nil, nil) }
        guard checkpoints?.resumes == true, let header = try await store.newest(on: session) else {
            try await store.begin(on: session)
            return (store, nil)
        }
        for problem in await store.damaged { Output.note("passed over: \(problem.message)") }
        guard header.summary == agreement.summary else {
            throw CrypTenError(
                .wrongSession,
                "the checkpoint is of a training with other options (\(header.summary)), and this is one of \(agreement.summary): resume it with its own"
            )
        }
        return (store, header)
    }

    /// Makes a checkpoint; who is told losses writes those so far.
    private func save(
        _ trainer: Trainer<ONNXModule>,
        _ epoch: Int,
        _ losses: [Double],
        _ taken: RowsTaken,
        to store: CheckpointStore,
        _ session: Session
    ) async throws {
        // First: what a checkpoint goes on from is there when it is.
        if session.party == recipient { try write(losses) }
        var state = trainer.state(epoch: epoch, orderSeed: seed, summary: agreement.summary)
        state.notes = taken.notes
        try await store.save(state, on: session)
    }

    /// Compares what the parties were told.
    private func agree(on session: Session) async throws {
        let own = agreement
        let bytes = try await session.broadcast(from: PartyID(0)) { Array(try JSONEncoder().encode(own)) }
        guard let first = try? JSONDecoder().decode(TrainingAgreement.self, from: Data(bytes)) else {
            throw CrypTenError(.malformedFrame, "party 0 says in a way that can't be read what is to be trained")
        }
        if let difference = own.difference(from: first) {
            throw CrypTenError(
                .diverged,
                "\(session.party) and party 0 were told different things by \(difference): all parties are told the same but for paths of files"
            )
        }
    }

    // MARK: Data

    /// A tensor for each of the model's inputs, in its order, with the parts of several parties joined.
    private func examples(
        _ parts: [Part],
        of model: ONNXModel,
        _ files: Files,
        _ session: Session,
        kind: String
    ) async throws -> [CrypTensor] {
        var examples: [CrypTensor] = []
        for operand in try operands(parts, of: model, kind: kind) {
            var tensors: [CrypTensor] = []
            for part in operand.parts {
                let name = "\(kind) '\(operand.input.name)' of \(part.owner)"
                tensors.append(
                    try await session.input(from: part.owner, name: name) {
                        try encoded(try files.tensor(part), as: operand.input, of: model, name: part.file.path)
                    }
                )
            }
            examples.append(try operand.joinedRows(tensors))
        }
        return examples
    }

    /// An input of the model, and what parties have of it.
    typealias Operand = JoinedInput<Part>

    /// Which files are of which input.
    func operands(_ parts: [Part], of model: ONNXModel, kind: String) throws -> [Operand] {
        let names = model.inputs.map(\.name)
        for part in parts {
            if let name = part.file.name, !names.contains(name) {
                throw CrypTenError(
                    .invalidArgument,
                    "the model has no input '\(name)'; it has \(names.joined(separator: ", "))"
                )
            }
            if part.file.name == nil, names.count != 1 {
                throw CrypTenError(
                    .invalidArgument,
                    "the model takes \(names.count) inputs: name them, as in \(names.first ?? "x")=FILE.npy@0"
                )
            }
        }
        return try Operand.all(
            of: model,
            parts.map { (name: $0.file.name ?? names[0], piece: $0) },
            joins: joins,
            kind: kind
        )
    }

    /// Examples as the network reads them, at their owner: words are expanded, and whole numbers are real ones where it takes those.
    func encoded(_ tensor: Tensor, as input: ONNXModel.Input, of model: ONNXModel, name: String) throws -> Tensor {
        if let words = model.words[input.name] { return try words.expanded(tensor, name: name) }
        guard input.type.kind == .real, tensor.kind != .real else { return tensor }
        return Tensor(tensor.doubles, shape: tensor.shape)
    }

    /// Labels as the loss takes them.
    private func target(
        _ labels: Part,
        _ scores: Shape,
        _ files: Files,
        _ session: Session,
        name: String
    ) async throws -> CrypTensor {
        try await session.input(from: labels.owner, name: name) {
            try loss.encoded(try files.tensor(labels), scores: scores, name: labels.file.path)
        }
    }

    /// Whether there are as many rows of all.
    private func checkRows(of tensors: [CrypTensor], name: String) throws {
        let counts = tensors.map { $0.shape[0] }
        if counts.allSatisfy({ $0 == counts[0] }) { return }
        throw CrypTenError(
            .shapeMismatch,
            "\(name): inputs have \(counts.dropLast().map(String.init).joined(separator: ", ")) rows, and there are \(counts[counts.count - 1]) labels"
        )
    }

    private func dataset(_ tensors: [CrypTensor], on session: Session) async throws -> TensorDataset {
        progress("masking \(tensors[0].shape[0].grouped) rows", 0)
        return try await TensorDataset(tensors, on: session)
    }

    /// The rows of each step, of an order `[steps, batch]` of so many.
    ///
    /// - Throws: `.invalidArgument` where it is none, naming its file.
    static func steps(of order: Tensor, in path: String, count: Int) throws -> [[Int]] {
        guard order.shape.rank == 2, order.shape.count > 0, order.kind == .integer, let numbers = order.integers,
            numbers.allSatisfy((0..<Int64(count)).contains)
        else {
            throw CrypTenError(
                .invalidArgument,
                """
                \(path) of shape \(order.shape): --order holds a row of whole numbers from 0 to \(count - 1) for each step, \
                [steps, batch]
                """
            )
        }
        let size = order.shape[1]
        return (0..<order.shape[0]).map { step in numbers[step * size..<(step + 1) * size].map { Int($0) } }
    }

    /// The rows of each step, by epoch.
    private func batches(of count: Int, _ files: Files, _ session: Session) async throws -> [[[Int]]] {
        guard let order else {
            let order = BatchOrder(count: count, batchSize: batchSize, seed: seed)
            return (0..<epochs).map { order.batches(ofEpoch: $0) }
        }
        let (_, rows) = try await session.publicInput(from: order.owner, name: "--order") {
            let rows = try files.tensor(order)
            _ = try Training.steps(of: rows, in: order.file.path, count: count)
            return rows
        }
        guard let all = try? Training.steps(of: rows, in: order.file.path, count: count) else {
            throw CrypTenError(.malformedFrame, "\(order.owner) names rows that there aren't")
        }
        return try byEpoch(all)
    }

    /// The steps of an order, by epoch.
    ///
    /// - Throws: `.invalidArgument` where epochs haven't as many steps each.
    func byEpoch(_ steps: [[Int]]) throws -> [[[Int]]] {
        guard steps.count % epochs == 0 else {
            throw CrypTenError(
                .invalidArgument,
                "--order has \(steps.count) steps, which aren't \(epochs) epochs of as many"
            )
        }
        let count = steps.count / epochs
        return (0..<epochs).map { Array(steps[$0 * count..<($0 + 1) * count]) }
    }

    // MARK: The network

    /// The first output.
    func scores(_ network: ONNXModule, _ examples: [CrypTensor]) throws -> CrypTensor {
        let names = network.model.inputs.map(\.name)
        let outputs = try network(Dictionary(uniqueKeysWithValues: zip(names, examples)))
        guard let scores = network.model.outputs.first.flatMap({ outputs[$0.name] }) else {
            throw CrypTenError(.malformedFile, "the model has no outputs")
        }
        if let error = scores.error { throw error }
        return scores
    }

    /// Names of the weights that are trained; nil: all.
    private func trained(of network: ONNXModule) throws -> Set<String>? {
        if frozen.isEmpty { return nil }
        let names = network.parameters.names
        func matches(_ name: String, _ prefix: String) -> Bool { name == prefix || name.hasPrefix(prefix + ".") }
        for prefix in frozen where !names.contains(where: { matches($0, prefix) }) {
            throw CrypTenError(
                .invalidArgument,
                "--freeze \(prefix): no weight's name begins with it; there are \(names.prefix(12).joined(separator: ", "))"
            )
        }
        let left = names.filter { name in !frozen.contains { matches(name, $0) } }
        if left.isEmpty { throw CrypTenError(.invalidArgument, "--freeze leaves no weight to train") }
        return Set(left)
    }

    /// Takes the steps of the network's training, of which there are so many.
    func trainer(of network: ONNXModule, steps: Int) throws -> Trainer<ONNXModule> {
        var trainer = Trainer(network, optimizer) { [self] model, batch in
            loss.value(try self.scores(model, Array(batch.dropLast())), batch[batch.count - 1])
        }
        (trainer.lossScale, trainer.transform) = (lossScale, transform)
        trainer.schedule = try schedule(steps)
        trainer.trained = try trained(of: network)
        return trainer
    }

    /// What the network gives for the first rows, as the loss takes it.
    func probe(_ network: ONNXModule, _ examples: [CrypTensor], rows: Int) throws -> CrypTensor {
        let scores = try self.scores(network, examples.map { $0.rows(Array(0..<rows)) })
        if let problem = loss.problem(ofScores: scores.shape) {
            throw CrypTenError(.shapeMismatch, "--loss \(loss.rawValue) \(problem), and this one gives \(scores.shape)")
        }
        guard scores.rank > 0, scores.shape[0] == rows else {
            throw CrypTenError(
                .shapeMismatch,
                "the model gives \(scores.shape) for \(rows) rows: one score a row is trained"
            )
        }
        return scores
    }

    /// Whether a loss can be one.
    private func check(_ value: Double, _ place: String) throws {
        // Rounding may take a loss of nothing below 0, and a cross entropy of 2²⁰ has left every range.
        guard value < -0.01 || value.magnitude > 0x1p26 else { return }
        throw CrypTenError(
            .outOfRange,
            """
            \(place): the loss is \(value.fixed(3)), which no loss is: a number has left its range. --check on this machine names the \
            layer; scale the data, or lower --learning-rate
            """
        )
    }

    /// Adds to an error where in training it was.
    private func located<Result>(_ place: String, _ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch var error as CrypTenError where error.code == .outOfRange {
            error.message =
                "\(place): \(error.message); a lower --learning-rate, or data of moderate size, keep numbers in their range"
            throw error
        }
    }

    private func export(
        _ network: ONNXModule,
        to report: inout TrainingPartyReport,
        _ session: Session
    ) async throws {
        let weights = Array(network.parameters) + Array(network.buffers)
        for part in exports {
            progress("telling the network to \(part.owner)", 1)
            let told = try await session.reveal(weights.map(\.tensor), to: .party(part.owner.index))
            guard let told else { continue }
            try write(zip(weights, told).map { ($0.name, $1) }, of: network.model, to: part.file.path)
            report.exports.append(part.file.path)
        }
    }
}
