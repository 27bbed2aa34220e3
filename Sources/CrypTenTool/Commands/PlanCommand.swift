import ArgumentParser
import CrypTen
import Foundation

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what an inference will cost, layer by layer, without running it.",
        discussion: """
            The figures are exact: `infer` then counts the same bytes. Every constant of the model is listed, with whether \
            the other parties see it, and which rule made it so.

            Secret are floats, of any rank and size, and integers that become floats. Public are other integers, booleans, \
            one number in a Constant node, and floats that nothing reads but a shape, a bound or a scale. A float that decides \
            an address, or anything public by way of arithmetic, is refused unless --open names it.

            Inputs are given by their files, as to `infer`, or by their shapes: --input-shape x=1x3x224x224. Whoever has something is named behind \
            it, x=100x12@0 and x=100x18@1 with --join x=columns: who has what changes bytes, and no rounds.

            With --network the time is predicted, too: this machine does the computing of every party and of the dealer, on \
            made-up numbers, and the network's round trips and bytes are added to what that takes. Each member is taken to \
            have a machine like this one; on `loop` all share this one, as under `infer --local`.

            With --dealer none it says, beside rounds and online bytes, which are the same, what two parties take who make the \
            correlations themselves: transfers, ciphertexts, bytes and exchanges as they will count them, what a session adds once before \
            its first run, and about how long \
            that takes on one machine or on --network, where it also says which --transfer-tree-height would take the least time, if another \
            one does; the time that is predicted is then that of the run when they have made them. In an exchange both parties send, and read what \
            the other has sent: half a round trip where they wait for it. A large model's correlations are made in turns, \
            and the messages of one are on their way while the next one is computed, so that only the last turn's exchanges are waited for.

            With --device, or with the --device-profile of one that is elsewhere, all members compute on such devices: what party 0 asks its \
            device for is counted, kernel by kernel, and a time is predicted from the device's speeds. Without a profile they are \
            measured first, within seconds; no device is needed with one:

              crypten bench kernels --device cuda --write card.json             where the device is
              crypten plan --model m.onnx --device-profile card.json --slab-bits 18 --network lan

            With --train and the options of `crypten train` it says what training will cost, step by step and in all.
            """
    )

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The model, and who will have it; party 1 where nobody is named.",
            valueName: "m.onnx[@party]"
        )
    )
    var model: OwnedFile

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A secret input by its file, of which the shape is read, as `infer` takes it. May be repeated.",
            valueName: "[name=]x.npy[@party]"
        )
    )
    var input: [OwnedFile] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The shape of an input that the model leaves open, or of a party's part of it. May be repeated.",
            discussion: "x=1x1x28x28@2 is what party 2 will have; without a party it is party 0.",
            valueName: "name=1x1x28x28"
        )
    )
    var inputShape: [NamedShape] = []

    @Option(
        name: .customLong("public"),
        help: ArgumentHelp(
            "An input that all parties may see; with its numbers where they decide shapes. May be repeated.",
            valueName: "name[=x.npy]"
        )
    )
    var publicInputs: [PublicInput] = []

    @OptionGroup var joining: JoinOptions
    @OptionGroup var receiving: ReceiveOptions

    @Option(
        name: .long,
        help: ArgumentHelp("How many parties, not counting the dealer; 2 with --dealer none.", valueName: "n")
    )
    var parties = 2

    @OptionGroup var correlations: CorrelationOptions
    @OptionGroup var ranges: RangeOptions
    @OptionGroup var encoding: EncodingOptions
    @OptionGroup var slabs: SlabOptions
    @OptionGroup var visibility: VisibilityOptions

    @OptionGroup var network: NetworkOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var devices: DeviceOptions
    @OptionGroup var profiles: DeviceProfileOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write a report with bars for every layer: one file, to be opened offline.",
            valueName: "file"
        )
    )
    var html: String?

    @Flag(name: .long, help: "Print one JSON object instead of tables.")
    var json = false

    func validate() throws {
        try PartyCount.check(parties, option: "--parties")
        try correlations.check(parties: parties)
        try encoding.refuseAuto("what it plans for has no numbers")
        try receiving.receive.forEach { try $0.check(parties: parties) }
        try NamedJoin.check(joining.join)
        _ = try inference()
        for owner in inputShape.map(\.owner) + publicInputs.map(\.owner) where (owner?.index ?? 0) >= parties {
            throw ValidationError("there is no \(owner ?? PartyID(0)): there are parties 0 to \(parties - 1)")
        }
        guard threads.threads == nil || network.network != nil else {
            throw ValidationError("--threads says how a time is predicted: give --network, too")
        }
    }

    func run() async throws {
        ProgressLine.show("planning")
        let report = try PlannedInference(
            inference: try inference(),
            shapes: inputShape,
            publicInputs: publicInputs,
            parties: parties,
            fractionBits: encoding.fractionBits,
            slabBits: slabs.slabBits,
            correlations: correlations.setting,
            network: network.network,
            threads: threads.threads,
            device: try profiles.profile(of: devices.device)
        ).report { ProgressLine.show("measuring \(Int($0 * 100)) %") }
        ProgressLine.clear()
        if let text = LossNote.weights(report.losses ?? [], fractionBits: encoding.fractionBits).text {
            Output.note(text)
        }
        if let text = report.heldFactors { Output.note(text) }
        if let html { try PlanPage(report, title: model.file.path).write(to: html) }
        if json { return try Output.result(json: report) }
        let notes = [
            report.weightExponents?.lines, report.ensembles.flatMap { EnsembleNotes(ensembles: $0).text },
            report.labels.flatMap { LabelNote(shown: $0).text },
        ]
        Output.result(report.text + notes.compactMap { $0 }.map { "\n\n\($0)" }.joined())
    }
}

extension PlanCommand {
    /// What would be run, without what `--input-shape` and `--public` say.
    private func inference() throws -> Inference {
        try Inference(
            model: model.part(of: parties, option: "--model", usual: Inference.modelOwner),
            visibility: visibility.visibility,
            inputs: InputOptions.parts(input, option: "--input", of: parties, usual: Inference.inputOwner),
            joins: joining.join,
            keys: joining.key.map { try $0.owned(of: parties) },
            ranges: ranges.range,
            receivers: receiving.receive
        ).ordered(with: inputShape)
    }
}

/// An input's shape on the command line: `NAME=1x1x28x28`, and who will have it, `NAME=100x12@1`.
struct NamedShape: ExpressibleByArgument, Sendable {
    var name: String
    var shape: Shape
    /// Nil: party 0.
    var owner: PartyID?

    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "="), sign != argument.startIndex else { return nil }
        name = String(argument[..<sign])
        var text = argument[argument.index(after: sign)...]
        if let mark = text.lastIndex(of: "@") {
            guard let number = Int(text[text.index(after: mark)...]), (0..<64).contains(number) else { return nil }
            owner = PartyID(number)
            text = text[..<mark]
        }
        var extents: [Int] = []
        for part in text.split(separator: "x", omittingEmptySubsequences: false) where !text.isEmpty {
            guard let extent = Int(part) else { return nil }
            extents.append(extent)
        }
        guard let shape = try? Shape(checking: extents) else { return nil }
        self.shape = shape
    }
}

/// A public input on the command line: `NAME=X.npy`, or `NAME` alone, and who will have it.
struct PublicInput: ExpressibleByArgument, Sendable {
    var name: String
    var path: String?
    /// Nil: party 0.
    var owner: PartyID?

    init?(argument: String) {
        guard let owned = OwnedFile(argument: argument) else { return nil }
        owner = owned.owner
        // Without a name it is one itself.
        (name, path) = owned.file.name.map { ($0, owned.file.path) } ?? (owned.file.path, nil)
        guard !name.isEmpty, path.map({ !$0.isEmpty }) ?? true else { return nil }
    }
}
