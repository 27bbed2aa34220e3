import CrypTen
import CrypTenONNX
import CrypTenRing
import Foundation

extension Training {
    /// Trains; all parties call it.
    func run(_ files: Files, on session: Session) async throws -> TrainingPartyReport {
        try await agree(on: session)
        let start = ContinuousClock.now
        let announced = try await session.announce(from: model.owner, for: .training) {
            guard let model = files.model else {
                throw CrypTenError(.invalidArgument, "\(self.model.owner) has no model: give it --model")
            }
            return try model.get()
        }
        let network = announced.model
        let examples = try await self.examples(inputs, of: network, files, session, kind: "input")
        let batch = Array(0..<min(batchSize, examples[0].shape[0]))
        // What doesn't fit is found here, before anything of data or weights is sent.
        let scores = try self.scores(announced, examples.map { $0.rows(batch) })
        if let problem = loss.problem(ofScores: scores.shape) {
            throw CrypTenError(.shapeMismatch, "--loss \(loss.rawValue) \(problem), and this one gives \(scores.shape)")
        }
        let targets = try await target(labels, scores.shape, files, session, name: "labels")
        let data = try await dataset(examples + [targets], on: session, name: "--labels")
        let epochs = try await batches(of: data.count, files, session)
        var test: TensorDataset?
        if let validationLabels {
            let examples = try await self.examples(validation, of: network, files, session, kind: "validation input")
            let targets = try await target(
                validationLabels,
                scores.shape,
                files,
                session,
                name: "labels of --validation"
            )
            test = try await dataset(examples + [targets], on: session, name: "--validation")
        }
        var trainer = Trainer(announced, optimizer) { [self] model, batch in
            loss.value(try self.scores(model, Array(batch.dropLast())), batch[batch.count - 1])
        }
        trainer.lossScale = lossScale
        trainer.trained = try trained(of: announced)
        progress("masking weights", 0)
        try await trainer.begin(on: session)
        var report = TrainingPartyReport()
        var losses: [Double] = []
        let total = epochs.reduce(0) { $0 + $1.count }
        var first: Duration?
        let steps = ContinuousClock.now
        for (epoch, batches) in epochs.enumerated() {
            var told: [Double] = []
            for (index, rows) in batches.enumerated() {
                let isTold = revealEvery.map { (losses.count + 1) % $0 == 0 } ?? false
                let value = try await located(epoch, index) {
                    try await trainer.step(
                        on: data[rows],
                        session,
                        revealingLossTo: isTold ? .party(recipient.index) : nil
                    )
                }
                losses.append(value ?? .nan)
                if let value { told.append(value) }
                if first == nil { first = ContinuousClock.now - steps }
                progress(
                    "epoch \(epoch + 1)/\(epochs.count), step \(index + 1)/\(batches.count)"
                        + (told.last.map { ", loss \($0.fixed(4))" } ?? ""),
                    Double(losses.count) / Double(total)
                )
            }
            var result = TrainingPartyReport.Epoch(epoch: epoch + 1)
            result.loss = told.isEmpty ? nil : told.reduce(0, +) / Double(told.count)
            if let test { result.scores = try await score(trainer.model.eval(), test, session) }
            report.epochs.append(result)
        }
        report.secondsTraining = (ContinuousClock.now - steps) / .seconds(1)
        report.steps = losses.count
        if session.party == recipient, revealEvery != nil {
            report.losses = losses.map { $0.isNaN ? nil : $0 }
            try write(losses)
        }
        try await export(trainer.model, to: &report, session)
        report.cost = PartyReport(try await session.statistics, seconds: ContinuousClock.now - start)
        return report
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
            let whole = operand.joined(tensors)
            if let error = whole.error { throw error }
            examples.append(whole)
        }
        return examples
    }

    /// An input of the model, and what parties have of it.
    struct Operand {
        var input: ONNXModel.Input
        var parts: [Part]
        var way: NamedJoin.Way?

        /// All of it.
        func joined(_ tensors: [CrypTensor]) -> CrypTensor {
            switch way {
            case nil: tensors[0]
            case .rows: CrypTen.joined(rows: tensors)
            case .columns: CrypTen.joined(columns: tensors)
            }
        }
    }

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
        if let join = joins.first(where: { $0.name.map { !names.contains($0) } ?? false }) {
            throw CrypTenError(.invalidArgument, "--join \(join.argument): the model has no such input")
        }
        return try model.inputs.map { input in
            let own = parts.filter { ($0.file.name ?? names[0]) == input.name }
            if own.isEmpty {
                throw CrypTenError(.invalidArgument, "there is no \(kind) '\(input.name)', which the model takes")
            }
            let join = joins.first { $0.name == nil || $0.name == input.name }
            if own.count > 1, join == nil {
                throw CrypTenError(
                    .invalidArgument,
                    """
                    \(own.count) parties have parts of \(kind) '\(input.name)': say whether they are rows or columns, \
                    --join \(input.name)=rows
                    """
                )
            }
            return Operand(input: input, parts: own, way: own.count > 1 ? join?.way : nil)
        }
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

    private func dataset(_ tensors: [CrypTensor], on session: Session, name: String) async throws -> TensorDataset {
        let counts = tensors.map { $0.shape[0] }
        guard counts.allSatisfy({ $0 == counts[0] }) else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name): inputs have \(counts.dropLast().map(String.init).joined(separator: ", ")) rows, and there are \(counts[counts.count - 1]) labels"
            )
        }
        progress("masking \(counts[0].grouped) rows", 0)
        return try await TensorDataset(tensors, on: session)
    }

    /// The rows of each step, by epoch.
    private func batches(of count: Int, _ files: Files, _ session: Session) async throws -> [[[Int]]] {
        guard let order else {
            let order = BatchOrder(count: count, batchSize: batchSize, seed: seed)
            return (0..<epochs).map { order.batches(ofEpoch: $0) }
        }
        let (_, rows) = try await session.publicInput(from: order.owner, name: "--order") {
            let rows = try files.tensor(order)
            guard rows.shape.rank == 2, rows.shape.count > 0, let numbers = rows.integers,
                rows.kind == .integer, numbers.allSatisfy((0..<Int64(count)).contains)
            else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(order.file.path) of shape \(rows.shape): --order holds a row of whole numbers from 0 to \(count - 1) for each step, [steps, batch]"
                )
            }
            return rows
        }
        guard rows.shape.rank == 2, let numbers = rows.integers, numbers.allSatisfy((0..<Int64(count)).contains) else {
            throw CrypTenError(.malformedFrame, "\(order.owner) names rows that there aren't")
        }
        let (steps, size) = (rows.shape[0], rows.shape[1])
        guard steps % epochs == 0 else {
            throw CrypTenError(.invalidArgument, "--order has \(steps) steps, which aren't \(epochs) epochs of as many")
        }
        let all = (0..<steps).map { step in numbers[step * size..<(step + 1) * size].map { Int($0) } }
        return (0..<epochs).map { Array(all[$0 * (steps / epochs)..<($0 + 1) * (steps / epochs)]) }
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
    func trained(of network: ONNXModule) throws -> Set<String>? {
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

    /// Adds to an error where in training it was.
    private func located<Result>(_ epoch: Int, _ step: Int, _ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch var error as CrypTenError where error.code == .outOfRange {
            error.message = "epoch \(epoch + 1), step \(step + 1): \(error.message)"
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
