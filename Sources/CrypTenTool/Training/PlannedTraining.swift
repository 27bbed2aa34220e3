import CrypTen
import CrypTenDevice
import CrypTenONNX
import CrypTenRing
import Foundation

/// A training run that is planned and priced as `Training` would run it, and not run.
struct PlannedTraining {
    var training: Training
    var parties: Int
    var fractionBits: Int
    var slabBits: Int
    /// Who would make the correlations.
    var correlations = CorrelationSetting.dealer
    /// The network to predict a step's time for; nil: none is predicted.
    var network: NetworkProfile?
    /// Threads of each member; nil: the machine's processors, on one machine their part of them.
    var threads: Int?
    /// The speeds of the device that every member computes on; nil: the processor.
    var device: DeviceProfile?

    /// Plans masking, a step and a test, and predicts a step's time where a network is given.
    ///
    /// The files of all parties are read, for their shapes.
    /// - Throws: what is wrong with a file, and what `train` would refuse.
    func report(_ progress: @escaping @Sendable (Double) -> Void = { _ in }) throws -> TrainingPlanReport {
        let url = URL(fileURLWithPath: training.model.file.path)
        let model = try ONNXModel(contentsOf: url, secret: training.secret, open: training.open, for: .training)
        var rehearsal = try Rehearsal(
            parties: parties,
            fractionBits: fractionBits,
            slabBits: slabBits,
            correlations: correlations.provider,
            transferTreeHeight: correlations.transferTreeHeight
        )
        let network = rehearsal.announce(model, from: training.model.owner)
        var streams: [StreamedTensor] = []
        let examples = try self.examples(training.inputs, of: model, kind: "input", &rehearsal, &streams)
        let count = examples[0].shape[0]
        let ordered = try training.order.map { order in
            let steps = try Training.steps(
                of: try order.file.tensor(below: .infinity),
                in: order.file.path,
                count: count
            )
            return Array(try training.byEpoch(steps).joined())
        }
        let size = min(ordered?[0].count ?? training.batchSize, count)
        let batch = Array(0..<size)
        let scores = try training.probe(network, examples, rows: size)
        let operands = examples + [try target(scores.shape, &rehearsal, &streams)]
        let elements = operands.reduce(0) { $0 + $1.count }
        // As training decides.
        let counted = examples.reduce(count * training.numbersOfLabel(in: model)) { $0 + $1.count }
        let canBeStreamed = streams.count == operands.count && !training.keepsData
        let isStreamed =
            canBeStreamed && training.streams ?? (counted > training.dataLimit / Training.bytesOfElement)
        let shuffled = BatchOrder(count: count, batchSize: size, seed: training.seed)
        let steps = ordered?.count ?? shuffled.batchesPerEpoch * training.epochs
        var trainer = try training.trainer(of: network, steps: steps)
        var data: (kept: [CrypTensor], setup: Cost)
        var preparing: Cost?
        let rows: [CrypTensor]
        var next: [CrypTensor] = []
        if isStreamed {
            let batches = ordered ?? (0..<training.epochs).flatMap { shuffled.batches(ofEpoch: $0) }
            let streamed = try StreamedDataset(planning: streams, batches: batches)
            data = try rehearsal.hold(streamed.rehearsed(on: &rehearsal))
            rows = try streamed.batch(of: data.kept)
            next = streamed.rehearsed(on: &rehearsal)
        } else {
            data = try rehearsal.hold(operands)
            preparing = try prepare(&data.kept, of: model, &rehearsal)
            rows = data.kept.map { $0.rows(batch) }
        }
        let recipients = training.revealEvery == nil ? nil : Recipients.party(training.recipient.index)
        let (masking, first, step) = try trainer.rehearse(
            on: rows,
            masking: next,
            &rehearsal,
            revealingLossTo: recipients
        )
        let prediction = try self.network.map { network in
            try rehearsal.prediction(of: step, on: network, threads: threads, device: device, progress)
        }
        let setup = zip(data.setup.onlineBytes, masking.onlineBytes).map { $0 + $1 }
        var report = PlanReport(
            online: step.cost,
            setup: Cost(partyCount: parties),
            memory: step.memory,
            prediction: prediction,
            inputs: [],
            outputs: [],
            constants: model.constants
        )
        if let offline = step.offline { report.isWithoutDealer(offline, on: self.network ?? .loop) }
        report.device = try device.map { DeviceCost(try rehearsal.counts(of: step, on: $0), on: $0) }
        // A masked number, and its mask at whoever put it in.
        let kept = data.kept.reduce(0) { $0 + $1.count } * 8
        let offline = first.offline.flatMap { first in
            step.offline.map { offline in
                TrainingPlanReport.Offline(
                    // Both steps keep values, too, and are the last that do.
                    before: Array(rehearsal.keepingOffline.dropLast(2)),
                    first: first,
                    step: offline,
                    steps: steps,
                    on: self.network ?? .loop
                )
            }
        }
        // In blocks: its masked numbers and their masks' shares at a party, the masks at the dealer.
        let blocks = data.kept.reduce(0) { $0 + ProcessMemory.bytesOfTensor($1.count) }
        let perEpoch = next.reduce(0) { $0 + $1.count } * 8 * (steps / max(1, training.epochs))
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
                    dealerBytes: correlations.hasDealer ? $0.dealerBytes : 0
                )
            },
            offline: offline,
            isStreamed: isStreamed,
            // And, where a party has what the dealer would have, its share of the mask once more.
            dataBytesPerParty: kept * (correlations.hasDealer ? 2 : 3),
            dataBytesAtDealer: correlations.hasDealer ? kept : 0,
            tensorMemoryBytes: step.memory.heldBytesPerParty.map { $0 + (correlations.hasDealer ? 2 : 3) * blocks }
                + (correlations.hasDealer ? [step.memory.heldDealerBytes + blocks] : []),
            keptDataBytesPerParty: elements * Training.bytesOfElement,
            streamedBytesPerEpoch: isStreamed ? perEpoch : elements * 8
        )
    }

    /// Standardises and shuffles what is kept, where that is asked for.
    private func prepare(
        _ data: inout [CrypTensor],
        of model: ONNXModel,
        _ rehearsal: inout Rehearsal
    ) throws -> Cost? {
        var total: Cost?
        let standardized = try training.standardizedInputs(of: model)
        var (test, unused): ([CrypTensor]?, [StreamedTensor]) = (nil, [])
        if training.validationLabels != nil, !standardized.isEmpty {
            test = try examples(training.validation, of: model, kind: "validation input", &rehearsal, &unused)
        }
        for place in standardized {
            let (standardized, cost) = try rehearsal.standardize(data[place], and: test?[place])
            data[place] = standardized
            total = total.map { $0 + cost } ?? cost
        }
        if training.preparation.isShuffled {
            let (shuffled, cost) = try rehearsal.shuffle(data)
            data = shuffled
            total = total.map { $0 + cost } ?? cost
        }
        return total
    }

    /// The shape and kind of what a file becomes; of one that is too large to be kept only the first row is read.
    private func form(
        of part: Part,
        _ transform: @escaping @Sendable (Tensor) throws -> Tensor
    ) throws -> (shape: Shape, kind: ElementKind) {
        if training.mayBeStreamed(part) {
            let rows = try MappedRows(NumpyRows(URL(fileURLWithPath: part.file.path)), transform)
            return (rows.shape, rows.kind)
        }
        let tensor = try transform(try part.file.tensor(below: .infinity))
        return (tensor.shape, tensor.kind)
    }

    private func examples(
        _ parts: [Part],
        of model: ONNXModel,
        kind: String,
        _ rehearsal: inout Rehearsal,
        _ streams: inout [StreamedTensor]
    ) throws -> [CrypTensor] {
        var examples: [CrypTensor] = []
        for operand in try training.operands(parts, of: model, kind: kind) {
            var tensors: [CrypTensor] = []
            var streamed: [StreamedTensor] = []
            for part in operand.parts {
                let name = operand.input.name
                let (shape, kind) = try form(of: part) { [training] in
                    try training.encoded($0, as: operand.input, of: model, name: part.file.path)
                }
                tensors.append(rehearsal.input(from: part.owner, shape: shape, kind: kind, name: name))
                streamed.append(StreamedTensor(planning: shape, kind, from: part.owner, name: name))
            }
            examples.append(try operand.joinedRows(tensors))
            if training.streams == true || !operand.isSum { streams.append(try operand.joined(streamed)) }
        }
        return examples
    }

    private func target(
        _ scores: Shape,
        _ rehearsal: inout Rehearsal,
        _ streams: inout [StreamedTensor]
    ) throws -> CrypTensor {
        let labels = training.labels
        let (shape, kind) = try form(of: labels) { [training] in
            try training.loss.encoded($0, scores: scores, name: labels.file.path)
        }
        streams.append(StreamedTensor(planning: shape, kind, from: labels.owner, name: "labels"))
        return rehearsal.input(from: labels.owner, shape: shape, kind: kind, name: "labels")
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
    /// What two parties without a dealer make themselves in all; nil where there is one. A step's is the step's.
    var offline: Offline?
    /// Whether data are masked batch by batch, each epoch anew.
    var isStreamed: Bool
    /// What masked data take at each party, and their masks at the dealer, for as long as training lasts.
    var dataBytesPerParty: Int
    var dataBytesAtDealer: Int
    /// What tensors take at most from the first step on, at each party and at the dealer: data, weights and moments, a step's
    /// values, and blocks that are kept for the next step.
    var tensorMemoryBytes: [Int]
    /// What kept data would take at most, at a party that has all of them; what streaming would send each other party in an epoch.
    var keptDataBytesPerParty: Int
    var streamedBytesPerEpoch: Int

    /// What making the correlations will take, in all steps and, once, before the first.
    struct Offline: Encodable, Sendable {
        var bytesPerParty: [Int]
        var exchanges: Int
        var transfers: Int
        var ciphertexts: Int
        var answers: Int
        /// Of these bytes those that go before the first step: for data that are standardised and shuffled, and a session's first exchanges.
        var bytesBeforePerParty: [Int]
        /// What either party keeps of masks of weights and moments.
        var keptBytesPerParty: Int
        /// Levels of the trees that transfers are extended by.
        var transferTreeHeight: Int
        var network: String
        var seconds: Double
        /// The trees with which it takes the least time there; nil where these are.
        var quickest: QuickestTrees?

        /// - Parameters:
        ///   - before: Of the runs before the first step.
        ///   - first: Of the first step.
        ///   - step: Of each step that follows.
        init(
            before: [OfflineCost],
            first: OfflineCost,
            step: OfflineCost,
            steps: Int,
            on network: NetworkProfile
        ) {
            let total = before.reduce(steps > 1 ? first + step.repeated(steps - 1) : first, +)
            bytesPerParty = total.bytesPerParty.map { $0 + OfflineCost.connectionBytes }
            exchanges = total.exchanges + OfflineCost.connectionExchanges
            (transfers, ciphertexts, answers) = (total.transfers, total.ciphertexts, total.answers)
            bytesBeforePerParty = before.reduce([0, 0]) { zip($0, $1.bytesPerParty).map(+) }.map {
                $0 + OfflineCost.connectionBytes
            }
            keptBytesPerParty = step.keptBytes
            self.network = network.name
            transferTreeHeight = total.transferTreeHeight
            seconds = total.seconds(on: network)
            quickest = QuickestTrees(total, on: network)
        }

        /// Lines of a table.
        var lines: [(String, String)] {
            [
                ("offline bytes in all, a party", bytesPerParty.map(\.grouped).joined(separator: "  ")),
                ("of these before the first step", bytesBeforePerParty.map(\.grouped).joined(separator: "  ")),
                ("offline exchanges in all", exchanges.grouped),
                ("correlated transfers in all", transfers.grouped), ("levels of their trees", "\(transferTreeHeight)"),
                ("ciphertexts and answers in all", "\(ciphertexts.grouped)  \(answers.grouped)"),
                ("masks kept of weights and moments", keptBytesPerParty.asMemory),
                ("seconds offline in all, about", "\(seconds.fixed(1)) (\(network))"),
            ] + (quickest?.lines(beside: seconds) ?? [])
        }
    }

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
        ]
        lines += offline?.lines ?? [("dealer bytes in all", (step.dealerBytes * steps).grouped)]
        let places = offline == nil ? "a party and the dealer" : "a party"
        lines += [
            ("setup bytes a party", setupBytesPerParty.map(\.grouped).joined(separator: "  ")),
            (
                "data",
                isStreamed
                    ? "streamed, \(streamedBytesPerEpoch.grouped) bytes an epoch; kept they would take \(keptDataBytesPerParty.asMemory)"
                    : "kept; streamed they would take \(streamedBytesPerEpoch.grouped) bytes an epoch"
            ),
            (
                "masked data, kept at \(places)",
                dataBytesPerParty.asMemory + (offline == nil ? "  \(dataBytesAtDealer.asMemory)" : "")
            ),
            (
                "tensors at \(places), about",
                tensorMemoryBytes.map(\.asMemory).joined(separator: "  ")
            ),
        ]
        if let preparation {
            lines += [
                ("rounds to standardise and shuffle", preparation.rounds.grouped),
                ("bytes for that, a party", preparation.bytesPerParty.map(\.grouped).joined(separator: "  ")),
            ]
            if offline == nil { lines.append(("dealer bytes for that", preparation.dealerBytes.grouped)) }
        }
        if let seconds = step.predictedSeconds {
            lines.append(("predicted seconds in all", (seconds * Double(steps)).fixed(1)))
        }
        return "one step\n\n" + step.text + "\n\nall steps, without tests\n\n" + TextTable.list(lines)
    }
}
