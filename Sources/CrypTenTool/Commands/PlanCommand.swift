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

            With --network the time is predicted, too: this machine does the computing of every party and of the dealer, on \
            made-up numbers, and the network's round trips and bytes are added to what that takes. Each member is taken to \
            have a machine like this one; on `loop` all share this one, as under `infer --local`.

            With --train and the options of `crypten train` it says what training will cost, step by step and in all.
            """
    )

    @Option(name: .long, help: ArgumentHelp("The model.", valueName: "m.onnx"))
    var model: String

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The shape of an input that the model leaves open. May be repeated.",
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

    @Option(name: .long, help: ArgumentHelp("How many parties, beside the dealer.", valueName: "n"))
    var parties = 2

    @OptionGroup var ranges: RangeOptions
    @OptionGroup var encoding: EncodingOptions
    @OptionGroup var visibility: VisibilityOptions

    @OptionGroup var network: NetworkOptions
    @OptionGroup var threads: ThreadOptions

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
        try encoding.refuseAuto("what it plans for has no numbers")
        guard threads.threads == nil || network.network != nil else {
            throw ValidationError("--threads says how a time is predicted: give --network, too")
        }
    }

    func run() async throws {
        ProgressLine.show("planning")
        let report = try PlannedInference(
            model: model,
            shapes: inputShape,
            publicInputs: publicInputs,
            ranges: ranges.range,
            parties: parties,
            fractionBits: encoding.fractionBits,
            secret: Set(visibility.secret),
            open: Set(visibility.open),
            weightExponents: visibility.weightExponents,
            network: network.network,
            threads: threads.threads
        ).report { ProgressLine.show("measuring \(Int($0 * 100)) %") }
        ProgressLine.clear()
        if let text = LossNote.weights(report.losses ?? [], fractionBits: encoding.fractionBits).text {
            Output.note(text)
        }
        if let text = report.heldFactors { Output.note(text) }
        if let html { try PlanPage(report, title: model).write(to: html) }
        if json { return try Output.result(json: report) }
        Output.result(report.text + (report.weightExponents?.lines.map { "\n\n\($0)" } ?? ""))
    }
}

/// An input's shape on the command line: `NAME=1x1x28x28`.
struct NamedShape: ExpressibleByArgument, Sendable {
    var name: String
    var shape: Shape

    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "="), sign != argument.startIndex else { return nil }
        name = String(argument[..<sign])
        let text = argument[argument.index(after: sign)...]
        var extents: [Int] = []
        for part in text.split(separator: "x", omittingEmptySubsequences: false) where !text.isEmpty {
            guard let extent = Int(part) else { return nil }
            extents.append(extent)
        }
        guard let shape = try? Shape(checking: extents) else { return nil }
        self.shape = shape
    }
}

/// A public input on the command line: `NAME=X.npy`, or `NAME` alone.
struct PublicInput: ExpressibleByArgument, Sendable {
    var name: String
    var path: String?

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard !parts[0].isEmpty, parts.count == 1 || !parts[1].isEmpty else { return nil }
        name = parts[0]
        path = parts.count == 2 ? parts[1] : nil
    }
}
