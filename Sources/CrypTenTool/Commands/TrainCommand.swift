import ArgumentParser
import CrypTen
import CrypTenONNX
import Foundation

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train an ONNX model on data of several parties, none seen by another.",
        discussion: """
            Each file is followed by the party that has it, @0 for party 0. Several parties may have parts of one input: other rows \
            (--join x=rows), or other columns of the same rows (--join x=columns). Labels are one party's, the first weights the model \
            owner's. Nobody but --export's party learns the trained weights, and nobody anything of data or labels but what --to is told.

              crypten train --model net.onnx --input x=a.npy@0 --input x=b.npy@1 --join x=columns --labels y.npy@1 \\
                --loss binary-cross-entropy-with-logits --optimizer adam --learning-rate 0.01 --epochs 10 --batch-size 35 \\
                --validation x=at.npy@0,x=bt.npy@1,y=yt.npy@1 --reveal-loss-every 1 --losses losses.npy --export out.onnx@1 --local 2

            The model is a network as PyTorch exports it, without constant folding; the weights keep their names. Where two start with equal numbers the \
            file has one as an Identity of the other: each is trained apart. Dropout and batch normalisation train where the file was \
            exported in training mode. Labels of cross-entropy are numbers of classes, [N]; those of binary-cross-entropy-with-logits and \
            hinge are 0 or 1. Which rows are in which batch all members see, the dealer too: --order says it, else a seed that all have. \
            With --shuffle secret these are numbers of rows in an order that no party knows, and the dealer does.

            With --checkpoint each party keeps its shares in its folder, after each epoch; whatever is killed at whichever moment, the same command \
            with --resume goes on from the newest that all have.

            Data are masked and sent once; an epoch sends none again. What doesn't fit in memory is streamed: read and masked batch by batch, \
            beside the step before, 8 bytes a number each epoch. All steps have one plan, but for an uneven last batch.

            With --dealer none two parties make the correlations of every step themselves, and nobody else is needed.

            With --local all members are processes of this machine. Without it this is one party, --id, of --parties, and every party is \
            given the same options, but for paths of files that others have. --check trains in one process, where nothing is \
            secret, and ends with the step and the layer of the first number that has left its range.
            """
    )

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The network with its first weights, and who has it; party 1 where nobody is named.",
            valueName: "m.onnx@party"
        )
    )
    var model: OwnedFile

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Examples, a row each; NAME may be left out. May be repeated.",
            valueName: "[name=]x.npy@party"
        )
    )
    var input: [OwnedFile]

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How parts of an input are put together: rows, columns, or an axis; columns:1,0 has party 1's first.",
            valueName: "[name=]rows"
        )
    )
    var join: [NamedJoin] = []

    @Option(name: .long, help: ArgumentHelp("What is to be learnt, one for each row.", valueName: "y.npy@party"))
    var labels: OwnedFile

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What is made small: \(TrainingLoss.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "loss"
        )
    )
    var loss: TrainingLoss

    @OptionGroup var place: ClusterPlace
    @OptionGroup var scheduler: SchedulerPlace
    @OptionGroup var optimizer: OptimizerOptions
    @OptionGroup var schedule: ScheduleOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A public number by which gradients are multiplied on their way, and divided at its end.",
            valueName: "s"
        )
    )
    var lossScale = 1.0

    @Option(name: .long, help: "How often each row is seen.")
    var epochs = 1

    @Option(name: .long, help: ArgumentHelp("How many rows a step takes.", valueName: "n"))
    var batchSize: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The rows of each step's batch, whole numbers [steps, batch]; all members see them. Party 0 has the file where nobody is named.",
            valueName: "rows.npy@party"
        )
    )
    var order: OwnedFile?

    @Option(name: .long, help: "What batches are drawn from, without --order.")
    var seed: UInt64 = 0

    @OptionGroup var preparation: DataOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A weight that isn't trained, or what its name begins with, up to a dot. May be repeated.",
            valueName: "name"
        )
    )
    var freeze: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Files to test with after each epoch; labels are y, or labels where an input is called y. Whose they are goes without saying where it is as in training.",
            valueName: "x=…,y=…"
        )
    )
    var validation: [OwnedFiles] = []

    @Option(name: .long, help: ArgumentHelp("Tell the loss of every k-th step.", valueName: "k"))
    var revealLossEvery: Int?

    @Option(name: .long, help: ArgumentHelp("Who is told losses and scores.", valueName: "party"))
    var to = 0

    @Option(
        name: .long,
        help: ArgumentHelp("Where that party writes the losses, one for each step.", valueName: "losses.npy")
    )
    var losses: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Tell the trained weights to a party, which writes them. May be repeated.",
            valueName: "out.onnx@party"
        )
    )
    var export: [OwnedFile] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "First weights instead of those in the model's file: .safetensors or .npz, under the same names.",
            valueName: "w.npz@party"
        )
    )
    var weights: OwnedFile?

    @OptionGroup var streaming: StreamOptions
    @OptionGroup var checkpoints: CheckpointOptions

    @Option(
        name: .long,
        help: ArgumentHelp("How many parties, each a process of this machine, not counting the dealer.", valueName: "n")
    )
    var local: Int?

    @OptionGroup var member: MemberOptions
    @OptionGroup var encoding: EncodingOptions
    @OptionGroup var slabs: SlabOptions
    @OptionGroup var computing: ComputeOptions
    @OptionGroup var visibility: VisibilityOptions
    @OptionGroup var deadlines: DeadlineOptions

    @Flag(
        name: .long,
        help: "Train in this one process, where nothing is secret, and end where a number leaves its range. Insecure."
    )
    var check = false

    @Flag(name: .long, help: "Say what training will cost, and train nothing: what `crypten plan --train` does.")
    var plan = false

    @OptionGroup var network: NetworkOptions
    @OptionGroup var profiles: DeviceProfileOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Write a report with learning curves: one file, to be opened offline.", valueName: "file")
    )
    var html: String?

    @Flag(name: .long, help: "Print one JSON object instead of tables.")
    var json = false

    /// How many parties there are.
    private var parties: Int {
        local ?? member.count ?? 0
    }

    func validate() throws {
        try encoding.refuseAuto("training has no outputs to try them on")
        try member.check(local: local)
        try PartyCount.check(parties, option: local == nil ? "--parties with" : "--local")
        if !member.supervised {
            try DealerPlace.check(member.correlations, parties: parties)
            try member.trees.check(member.correlations)
        }
        guard (1...1_000_000).contains(epochs) else {
            throw ValidationError("--epochs \(epochs): choose 1 to 1000000")
        }
        if let batchSize, batchSize < 1 { throw ValidationError("--batch-size \(batchSize): choose 1 or more") }
        if let revealLossEvery, revealLossEvery < 1 {
            throw ValidationError("--reveal-loss-every \(revealLossEvery): choose 1 or more")
        }
        guard (0..<parties).contains(to) else {
            throw ValidationError("--to \(to): there are parties 0 to \(parties - 1)")
        }
        guard lossScale >= 0x1p-10, lossScale <= 0x1p20 else {
            throw ValidationError("--loss-scale \(lossScale): choose 2^-10 to 2^20; powers of two lose nothing")
        }
        if schedule.schedule.changesMomentum, optimizer.optimizer == .adagrad {
            throw ValidationError("--schedule \(schedule.schedule.argument) changes momentum, and adagrad has none")
        }
        if visibility.weightExponents {
            throw ValidationError("--weight-exponents is for inference: weights that are trained have 24 fraction bits")
        }
        if visibility.visibility.trees != .features || visibility.hideLabels {
            throw ValidationError(
                "--secret-features, --pad-trees and --hide-labels are for inference: trees and labels' texts aren't trained"
            )
        }
        if streaming.stream == true, preparation.preparation != Training.Preparation() {
            throw ValidationError(
                "--stream masks rows batch by batch, and --standardize and --shuffle secret read all of them: leave out either"
            )
        }
        if streaming.dataMemory != nil, streaming.stream != nil || preparation.preparation != Training.Preparation() {
            throw ValidationError(
                "--data-memory decides whether data are streamed, and the other options have decided: leave it out"
            )
        }
        if order != nil, batchSize != nil {
            throw ValidationError("--order says how many rows a step takes: leave out --batch-size")
        }
        if plan {
            guard local != nil, !check else {
                throw ValidationError(
                    "--plan reads the shapes of all parties' files here: give --local, and leave out --check"
                )
            }
        } else if network.network != nil {
            throw ValidationError("--network says how a time is predicted: it is for plan --train")
        } else if profiles.deviceProfile != nil {
            throw ValidationError("--device-profile says what a time is predicted of: it is for plan --train")
        }
        if check, local == nil { throw ValidationError("--check trains in this one process: give --local") }
        if html != nil, local == nil {
            throw ValidationError("--html is for --local, which knows what all members report")
        }
        if json, local == nil { throw ValidationError("--json is for --local, which knows what all members report") }
        for file in export.map(\.file.path)
        where ![".onnx", ".npz", ".safetensors"].contains(where: file.lowercased().hasSuffix) {
            throw ValidationError(
                "--export \(file): the name ends in .onnx, .npz or .safetensors, which says what is written"
            )
        }
        for (index, file) in export.enumerated()
        where export[..<index].contains(where: { $0.file.path == file.file.path }) {
            throw ValidationError("--export names \(file.file.path) twice")
        }
        try NamedJoin.check(join)
        _ = try training()
    }

    /// What was asked for.
    func training() throws -> Training {
        func part(_ file: OwnedFile, _ option: String, usual: PartyID? = nil) throws -> Part {
            try file.part(of: parties, option: option, usual: usual)
        }
        let inputs = try input.map { try part($0, "--input") }
        let labels = try part(self.labels, "--labels")
        var training = Training(
            model: try part(model, "--model", usual: PartyID(1)),
            secret: Set(visibility.secret),
            open: Set(visibility.open),
            inputs: inputs,
            joins: join,
            labels: labels,
            loss: loss,
            optimizer: optimizer.make(),
            optimizerSummary: [optimizer.summary, schedule.summary].filter { !$0.isEmpty }.joined(separator: ", ")
        )
        // Labels are y, or labels where an input of the model is called so.
        let usual: [String] = ["y", "labels"]
        let labelNames = usual.filter { name in !inputs.contains { $0.file.name == name } }
        for file in validation.flatMap(\.files) {
            if let name = file.file.name, labelNames.contains(name) {
                training.validationLabels = try part(file, "--validation", usual: labels.owner)
            } else {
                let owners = Set(
                    inputs.filter { $0.file.name == file.file.name || $0.file.name == nil || file.file.name == nil }
                        .map(\.owner)
                )
                training.validation.append(
                    try part(file, "--validation", usual: owners.count == 1 ? owners.first : nil)
                )
            }
        }
        if !validation.isEmpty, training.validationLabels == nil {
            throw ValidationError("--validation has no labels: add \(labelNames.first ?? "y")=FILE.npy")
        }
        let (rates, rate) = (schedule, optimizer.learningRate)
        training.schedule = { try rates.make(rate: rate, steps: $0) }
        training.scheduleEnds = schedule.schedule.ends
        training.transform = schedule.transform
        training.lossScale = lossScale
        training.epochs = epochs
        training.batchSize = batchSize ?? 32
        training.order = try order.map { try part($0, "--order", usual: PartyID(0)) }
        training.seed = seed
        training.preparation = preparation.preparation
        training.frozen = freeze
        training.revealEvery = revealLossEvery ?? (losses == nil ? nil : 1)
        training.recipient = PartyID(to)
        training.lossesFile = losses
        training.exports = try export.map { try part($0, "--export") }
        training.weights = try weights.map { try part($0, "--weights", usual: training.model.owner) }
        if let weights = training.weights, weights.owner != training.model.owner {
            throw ValidationError(
                "--weights \(weights.file.path): the model's owner, \(training.model.owner), gives them"
            )
        }
        training.checkpoints = checkpoints.checkpoints
        training.streams = streaming.stream
        training.dataLimit = streaming.limit(processes: local.map { $0 + 1 } ?? (member.supervised ? parties + 1 : 1))
        return training
    }

    func run() async throws {
        var training = try training()
        try training.checkPaths(of: member.id.map { PartyID($0) }, makingFolder: !plan)
        if member.supervised { return try await runSupervised(training) }
        if plan, let local { return try printPlan(of: training, parties: local) }
        let passphrase = try await checkpoints.passphrase()
        training.checkpoints?.key = try passphrase.map { try CheckpointKey(passphrase: $0) }
        guard let local else { return try await runByHand(training) }
        let asked = training
        let report: TrainingReport
        if check {
            report = try await CheckedTraining(
                parties: local,
                fractionBits: encoding.fractionBits,
                slabBits: slabs.slabBits,
                correlations: member.setting,
                compute: computing.compute,
                training: training
            ).run()
        } else {
            let members = LocalMembers(
                parties: local,
                fractionBits: encoding.fractionBits,
                slabBits: slabs.slabBits,
                correlations: member.setting,
                compute: computing.compute,
                deadlines: deadlines.arguments,
                checkpointPassphrase: passphrase,
                arguments: { arguments(party: $0, of: local, asked) }
            )
            let reports = try await members.run { text, fraction in
                ProgressLine.show("\(Int(fraction * 100)) %  \(text ?? "")")
            }
            report = TrainingReport(
                parties: reports.parties.compactMap(\.training),
                dealer: reports.dealer,
                recipient: to
            )
        }
        ProgressLine.clear()
        if let html { try TrainingPage(report, title: model.file.path).page.write(to: html) }
        if json { return try Output.result(json: report) }
        Output.result(report.text)
    }

    private func printPlan(of training: Training, parties: Int) throws {
        ProgressLine.show("planning")
        let report = try PlannedTraining(
            training: training,
            parties: parties,
            fractionBits: encoding.fractionBits,
            slabBits: slabs.slabBits,
            correlations: member.setting,
            network: network.network,
            threads: computing.compute.threads,
            device: try profiles.profile(of: computing.compute.device)
        ).report { ProgressLine.show("measuring \(Int($0 * 100)) %") }
        ProgressLine.clear()
        if let html { try PlanPage(report.step, title: "a step of \(model.file.path)").write(to: html) }
        if json { return try Output.result(json: report) }
        Output.result(report.text)
    }

    /// The command line of one party of a local run.
    private func arguments(party: Int, of count: Int, _ training: Training) -> [String] {
        func owned(_ part: Part) -> String { part.argument }
        var arguments = ["train", "--supervised", "--id", "\(party)", "--members", "\(count)"]
        arguments += ["--model", owned(training.model), "--labels", owned(training.labels), "--loss", loss.rawValue]
        arguments += training.inputs.flatMap { ["--input", owned($0)] } + join.flatMap { ["--join", $0.argument] }
        arguments += optimizer.arguments + schedule.arguments
        arguments += ["--loss-scale", "\(lossScale)", "--epochs", "\(epochs)", "--seed", "\(seed)", "--to", "\(to)"]
        if let batchSize { arguments += ["--batch-size", "\(batchSize)"] }
        if let order = training.order { arguments += ["--order", owned(order)] }
        if let labels = training.validationLabels {
            arguments += ["--validation", (training.validation + [labels]).map(owned).joined(separator: ",")]
        }
        if let every = training.revealEvery { arguments += ["--reveal-loss-every", "\(every)"] }
        if let losses { arguments += ["--losses", losses] }
        if let weights = training.weights { arguments += ["--weights", owned(weights)] }
        arguments += preparation.arguments + checkpoints.arguments + streaming.arguments
        arguments += freeze.flatMap { ["--freeze", $0] } + training.exports.flatMap { ["--export", owned($0)] }
        if party == training.model.owner.index {
            arguments += visibility.visibility.arguments
        }
        return arguments
    }

    private func runSupervised(_ training: Training) async throws {
        var training = training
        let supervisor = Supervisor(deadlines: deadlines)
        guard let id = member.id else { preconditionFailure("validated") }
        if id == 0 { training.progress = { supervisor.tell(.progress(layer: $0, fraction: $1)) } }
        let asked = training
        try await supervisor.runParty(id, compute: computing.compute, reports: false) { invitation in
            var program = asked
            program.checkpoints?.key = try invitation.checkpointPassphrase.map { try CheckpointKey(passphrase: $0) }
            let (training, files) = (program, program.readFiles(of: PartyID(id), fractionBits: invitation.fractionBits))
            return { .training(try await training.run(files, on: $0)) }
        }
    }

    private func runByHand(_ training: Training) async throws {
        var training = training
        guard let id = member.id else { preconditionFailure("validated") }
        var configuration = SessionConfiguration()
        configuration.fractionBits = encoding.fractionBits
        configuration.slabBits = slabs.slabBits
        computing.compute.apply(to: &configuration)
        deadlines.apply(to: &configuration)
        training.progress = { ProgressLine.show("\(Int($1 * 100)) %  \($0)") }
        let program = training
        let files = program.readFiles(of: PartyID(id), fractionBits: configuration.fractionBits)
        let session = try await member.connect(configuration, deadlines)
        let report = try await session.finishing(as: "party \(id)") { try await program.run(files, on: $0) }
        ProgressLine.clear()
        Output.result(report.text)
    }
}
