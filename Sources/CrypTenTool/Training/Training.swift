import CrypTen
import CrypTenONNX
import CrypTenRing
import CrypTenRuntime
import Foundation

/// The program that every party of a training run runs: each has some of the data, one has the labels, one the first weights.
struct Training: Sendable {
    var model: Part
    /// Constants of the model that are secret, or public, against the rule; at its owner.
    var secret: Set<String> = []
    var open: Set<String> = []
    /// The examples, several of one input where parties join them.
    var inputs: [Part]
    var joins: [NamedJoin] = []
    var labels: Part
    /// Examples that the network is tested with after each epoch.
    var validation: [Part] = []
    var validationLabels: Part?
    var loss: TrainingLoss
    var optimizer: any Optimizer
    /// The optimiser and its numbers, on one line.
    var optimizerSummary: String
    /// Rates of so many steps; nil: the optimiser's own.
    var schedule: @Sendable (_ steps: Int) throws -> (any Schedule)? = { _ in nil }
    /// Whether that follows from how many steps there are.
    var scheduleEnds = false
    /// What becomes of gradients before the optimiser gets them.
    var transform: (@Sendable (ParameterTree) throws -> ParameterTree)?
    var lossScale = 1.0
    var epochs = 1
    var batchSize = 32
    /// The rows of each step's batch, which all parties see; nil: shuffled by `seed`.
    var order: Part?
    var seed: UInt64 = 0
    /// What becomes of examples before, in secret.
    var preparation = Preparation()
    /// Names of weights that aren't trained, or what their names begin with, up to a dot.
    var frozen: [String] = []
    /// Of how many steps the loss of one is told; nil: of none.
    var revealEvery: Int?
    /// Who is told losses and scores.
    var recipient = PartyID(0)
    /// Where it writes the losses.
    var lossesFile: String?
    /// Where the network's last weights go, and to whom: .onnx, .npz or .safetensors.
    var exports: [Part] = []
    /// Where this party keeps checkpoints; nil: nowhere.
    var checkpoints: Checkpoints?
    /// Weights that the model's owner gives instead of those in the model's file.
    var weights: Part?
    /// Whether data are streamed; nil: where they don't fit in memory.
    var streams: Bool?
    /// What masked data may take of this process's memory before they are streamed, in bytes.
    var dataLimit = Int.max
    /// Told how far it is.
    var progress: @Sendable (String, Double) -> Void = { _, _ in }

    /// A folder for checkpoints.
    struct Checkpoints: Sendable {
        var directory: String
        /// After how many steps one is made; nil: after each epoch.
        var every: Int?
        /// Whether training goes on from the newest.
        var resumes = false
        /// A file whose bytes seal them.
        var keyFile: String?
        /// What seals them in its place.
        var key: CheckpointKey?

        /// The folder's store.
        func store() throws -> CheckpointStore {
            try CheckpointStore(
                directory: URL(fileURLWithPath: directory, isDirectory: true),
                key: try key ?? keyFile.map { try CheckpointKey(contentsOf: URL(fileURLWithPath: $0)) }
            )
        }
    }

    /// What all parties must have been told alike: no file's name, and no number of one.
    var agreement: TrainingAgreement {
        func owners(_ parts: [Part]) -> [TrainingAgreement.Tensor] {
            parts.map { TrainingAgreement.Tensor(name: $0.file.name, owner: $0.owner.index) }
        }
        return TrainingAgreement(
            model: model.owner.index,
            inputs: owners(inputs),
            joins: joins,
            labels: labels.owner.index,
            validation: owners(validation + (validationLabels.map { [$0] } ?? [])),
            loss: loss.rawValue,
            optimizer: optimizerSummary,
            lossScale: lossScale,
            epochs: epochs,
            batchSize: batchSize,
            order: order?.owner.index,
            seed: order == nil ? seed : 0,
            frozen: frozen,
            revealEvery: revealEvery,
            recipient: recipient.index,
            exports: exports.map(\.owner.index),
            weights: weights?.owner.index,
            scheduleEnds: scheduleEnds,
            preparation: preparation,
            streams: streams,
            checkpoints: checkpoints.map { [$0.every ?? 0, $0.resumes ? 1 : 0] }
        )
    }
}

/// What all parties of a training run must agree on.
struct TrainingAgreement: Codable, Equatable, Sendable {
    struct Tensor: Codable, Equatable, Sendable {
        var name: String?
        var owner: Int
    }

    var model: Int
    var inputs: [Tensor]
    var joins: [NamedJoin]
    var labels: Int
    var validation: [Tensor]
    var loss: String
    var optimizer: String
    var lossScale: Double
    var epochs: Int
    var batchSize: Int
    var order: Int?
    var seed: UInt64
    var frozen: [String]
    var revealEvery: Int?
    var recipient: Int
    var exports: [Int]
    var weights: Int?
    /// Whether the learning rate follows from how many steps there are.
    var scheduleEnds = false
    /// What becomes of examples before.
    var preparation = Training.Preparation()
    /// Whether data are streamed; nil: as their size and the parties' memory say.
    var streams: Bool?
    /// After how many steps, and whether they are resumed.
    var checkpoints: [Int]?

    /// What of it a checkpoint belongs to, in words: how long training goes on, and what is told, may change.
    var summary: String {
        [
            loss, optimizer, "loss scale \(lossScale)",
            "batches of \(order == nil ? "\(batchSize), seed \(seed)" : "an order")",
            preparation.summary, scheduleEnds ? "\(epochs) epochs" : "",
            frozen.isEmpty ? "" : "without \(frozen.joined(separator: ", "))",
        ].filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// The option of which two parties say different things; nil where they agree.
    func difference(from other: TrainingAgreement) -> String? {
        let parts: [(String, Bool)] = [
            ("--model", model == other.model), ("--input", inputs == other.inputs), ("--join", joins == other.joins),
            ("--labels", labels == other.labels), ("--validation", validation == other.validation),
            ("--loss", loss == other.loss), ("--optimizer and its numbers", optimizer == other.optimizer),
            ("--loss-scale", lossScale == other.lossScale), ("--epochs", epochs == other.epochs),
            ("--batch-size", batchSize == other.batchSize), ("--order", order == other.order),
            ("--seed", seed == other.seed), ("--standardize and --shuffle", preparation == other.preparation),
            ("--freeze", frozen == other.frozen),
            ("--reveal-loss-every, which is 1 with --losses", revealEvery == other.revealEvery),
            ("--to", recipient == other.recipient),
            ("--export", exports == other.exports), ("--weights", weights == other.weights),
            ("--stream and --no-stream", streams == other.streams),
            ("--checkpoint, --checkpoint-every and --resume", checkpoints == other.checkpoints),
        ]
        return parts.first { !$0.1 }?.0
    }
}
