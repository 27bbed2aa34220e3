import CrypTen
import CrypTenONNX
import Foundation

/// A training run that is planned and priced as `Training` would run it, and not run.
struct PlannedTraining {
    var training: Training
    var parties: Int
    var fractionBits: Int
    /// The network to predict a step's time for; nil: none is predicted.
    var network: NetworkProfile?
    /// Threads of each member; nil: the machine's processors, on one machine their part of them.
    var threads: Int?

    /// Plans masking, a step and a test, and predicts a step's time where a network is given.
    ///
    /// The files of all parties are read, for their shapes.
    /// - Throws: what is wrong with a file, and what `train` would refuse.
    func report(_ progress: @escaping @Sendable (Double) -> Void = { _ in }) throws -> TrainingPlanReport {
        let url = URL(fileURLWithPath: training.model.file.path)
        let model = try ONNXModel(contentsOf: url, secret: training.secret, open: training.open, for: .training)
        var rehearsal = try Rehearsal(parties: parties, fractionBits: fractionBits)
        let network = rehearsal.announce(model, from: training.model.owner)
        let examples = try self.examples(training.inputs, of: model, &rehearsal, kind: "input")
        let count = examples[0].shape[0]
        let order = try training.order.map { try $0.file.tensor(below: .infinity) }
        if let order, order.shape.rank != 2 {
            throw CrypTenError(
                .invalidArgument,
                "--order of shape \(order.shape) has no row for each step, [steps, batch]"
            )
        }
        let size = min(order?.shape[1] ?? training.batchSize, count)
        let batch = Array(0..<size)
        let scores = try training.probe(network, examples, rows: size)
        var data = try rehearsal.hold(examples + [try target(training.labels, scores.shape, &rehearsal)])
        var preparing: Cost?
        for place in try training.standardizedInputs(of: model) {
            let (standardized, cost) = try rehearsal.standardize(data.kept[place])
            data.kept[place] = standardized
            preparing = preparing.map { $0 + cost } ?? cost
        }
        if training.preparation.isShuffled {
            let (shuffled, cost) = try rehearsal.shuffle(data.kept)
            data.kept = shuffled
            preparing = preparing.map { $0 + cost } ?? cost
        }
        let steps = order?.shape[0] ?? BatchOrder(count: count, batchSize: size).batchesPerEpoch * training.epochs
        var trainer = try training.trainer(of: network, steps: steps)
        let recipients = training.revealEvery == nil ? nil : Recipients.party(training.recipient.index)
        let (masking, step) = try trainer.rehearse(
            on: data.kept.map { $0.rows(batch) },
            &rehearsal,
            revealingLossTo: recipients
        )
        let prediction = try self.network.map { network in
            let isLocal = network == .loop
            return try rehearsal.measure(
                step,
                machines: isLocal ? .shared : .oneEach,
                threads: threads ?? (isLocal ? max(1, ProcessInfo.processInfo.activeProcessorCount / parties) : nil),
                progress: progress
            ).prediction(on: network)
        }
        let setup = zip(data.setup.onlineBytes, masking.onlineBytes).map { $0 + $1 }
        let report = PlanReport(
            online: step.cost,
            setup: Cost(partyCount: parties),
            memory: step.memory,
            prediction: prediction,
            inputs: [],
            outputs: [],
            constants: model.constants
        )
        // A masked number, and its mask at whoever put it in.
        let kept = data.kept.reduce(0) { $0 + $1.count } * 8
        return TrainingPlanReport(
            step: report,
            rows: count,
            batch: size,
            steps: steps,
            setupBytesPerParty: setup,
            preparation: preparing.map {
                TrainingPlanReport.Preparation(
                    rounds: $0.rounds,
                    bytesPerParty: $0.onlineBytes,
                    dealerBytes: $0.dealerBytes
                )
            },
            dataBytesPerParty: kept * 2,
            dataBytesAtDealer: kept
        )
    }

    private func examples(
        _ parts: [Training.Part],
        of model: ONNXModel,
        _ rehearsal: inout Rehearsal,
        kind: String
    ) throws -> [CrypTensor] {
        var examples: [CrypTensor] = []
        for operand in try training.operands(parts, of: model, kind: kind) {
            var tensors: [CrypTensor] = []
            for part in operand.parts {
                let tensor = try training.encoded(
                    try part.file.tensor(below: .infinity),
                    as: operand.input,
                    of: model,
                    name: part.file.path
                )
                tensors.append(
                    rehearsal.input(from: part.owner, shape: tensor.shape, kind: tensor.kind, name: operand.input.name)
                )
            }
            examples.append(try operand.joined(tensors))
        }
        return examples
    }

    private func target(
        _ labels: Training.Part,
        _ scores: Shape,
        _ rehearsal: inout Rehearsal
    ) throws -> CrypTensor {
        let tensor = try training.loss.encoded(
            try labels.file.tensor(below: .infinity),
            scores: scores,
            name: labels.file.path
        )
        return rehearsal.input(from: labels.owner, shape: tensor.shape, kind: tensor.kind, name: "labels")
    }
}

/// What a training run will cost: a step, layer by layer, and all of them.
struct TrainingPlanReport: Encodable, Sendable {
    /// One step.
    var step: PlanReport
    var rows: Int
    var batch: Int
    var steps: Int
    /// To mask data and weights, once.
    var setupBytesPerParty: [Int]
    /// To standardise and shuffle them before, once; nil where neither is asked for.
    var preparation: Preparation?
    /// What masked data take at each party, and their masks at the dealer, for as long as training lasts.
    var dataBytesPerParty: Int
    var dataBytesAtDealer: Int

    /// What is done with data before training.
    struct Preparation: Encodable, Sendable {
        var rounds: Int
        var bytesPerParty: [Int]
        var dealerBytes: Int
    }

    /// Tables for people.
    var text: String {
        var lines = [
            ("rows, in batches of", "\(rows.grouped), \(batch.grouped)"), ("steps", steps.grouped),
            ("rounds in all", (step.rounds * steps).grouped),
            (
                "online bytes in all, a party",
                step.onlineBytesPerParty.map { ($0 * steps).grouped }.joined(separator: "  ")
            ),
            ("dealer bytes in all", (step.dealerBytes * steps).grouped),
            ("setup bytes a party", setupBytesPerParty.map(\.grouped).joined(separator: "  ")),
            (
                "masked data, kept at a party and the dealer",
                "\(dataBytesPerParty.asMemory)  \(dataBytesAtDealer.asMemory)"
            ),
        ]
        if let preparation {
            lines += [
                ("rounds to standardise and shuffle", preparation.rounds.grouped),
                ("bytes for that, a party", preparation.bytesPerParty.map(\.grouped).joined(separator: "  ")),
                ("dealer bytes for that", preparation.dealerBytes.grouped),
            ]
        }
        if let seconds = step.predictedSeconds {
            lines.append(("predicted seconds in all", (seconds * Double(steps)).fixed(1)))
        }
        return "one step\n\n" + step.text + "\n\nall steps, without tests\n\n" + TextTable.list(lines)
    }
}
