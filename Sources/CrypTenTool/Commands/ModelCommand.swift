import ArgumentParser
import CrypTen
import CrypTenONNX
import Foundation

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Say what is in an ONNX model, and whether it can be run.",
        discussion: """
            Its inputs, and which of them can't be secret and why; its outputs; its operators, and whether each is computed on secrets; how many \
            numbers it holds; which constants all parties would see, and by which rule; of which weights the encoding takes too much; and everything \
            that would be refused: all operators that aren't computed here, with their nodes, and not the first alone. It reads files that `infer` \
            refuses, too. Nothing is sent and nothing is run.

              crypten model m.onnx
              crypten model m.onnx --json | jq .refusals

            The model is planned once, with the extents that it leaves open at usual sizes; --input-shape gives others. What hangs on a node that \
            is refused can't be tried: after a change ask again.

            The exit code is 0 where the model can be run, and 1 where it would be refused.
            """
    )

    @Argument(help: ArgumentHelp("The model.", valueName: "m.onnx"))
    var model: String

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The shape of an input that the model leaves open. May be repeated.",
            valueName: "name=1x1x28x28"
        )
    )
    var inputShape: [NamedShape] = []

    @OptionGroup var encoding: EncodingOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Take this constant for secret, whatever the rules say. May be repeated.", valueName: "name")
    )
    var secret: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Take this constant for one that all parties may see. May be repeated.",
            valueName: "name"
        )
    )
    var open: [String] = []

    @Flag(name: .long, help: "Print one JSON object instead of tables.")
    var json = false

    func validate() throws {
        try encoding.refuseAuto("a model alone has no numbers to try them on")
        for (index, shape) in inputShape.enumerated()
        where inputShape[..<index].contains(where: { $0.name == shape.name }) {
            throw ValidationError("--input-shape says the shape of \(shape.name) twice")
        }
    }

    func run() throws {
        ProgressLine.show("reading")
        let report = try ONNXModel.Report(
            contentsOf: URL(fileURLWithPath: model),
            shapes: Dictionary(uniqueKeysWithValues: inputShape.map { ($0.name, $0.shape.dimensions) }),
            secret: Set(secret),
            open: Set(open),
            fractionBits: encoding.fractionBits
        )
        ProgressLine.clear()
        if json {
            try Output.result(json: ModelSummary(report: report))
        } else {
            Output.result(report.text(file: model))
        }
        if !report.isRunnable { throw ExitCode(1) }
    }
}

/// A model's report as JSON: with whether it can be run.
private struct ModelSummary: Encodable {
    var report: ONNXModel.Report

    private enum Keys: String, CodingKey {
        case isRunnable
    }

    func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(report.isRunnable, forKey: .isRunnable)
    }
}
