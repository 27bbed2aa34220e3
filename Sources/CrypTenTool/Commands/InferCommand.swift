import ArgumentParser
import CrypTen
import CrypTenONNX
import Foundation

struct InferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer",
        abstract: "Run an ONNX model on inputs, neither seen by the other's owner, in processes of this machine.",
        discussion: """
            Party 0 has the inputs, party 1 the model, where nothing else is said; a dealer helps and sees neither. All are processes that \
            talk over loopback. Party 0 learns the outputs.

            Whoever has something is named behind it: --input x=bank.npy@0 --input x=shop.npy@2 --join x=columns is one input whose columns two parties \
            have, --model m.onnx@2 a model of party 2, --receive y@1 an output that party 1 learns. --key compares the keys of joined rows before \
            anything is computed with them, and shows whether they are equal.

              crypten infer --model m.onnx@1 --input x=bank.npy@0 --input x=shop.npy@1 --join x=columns \\
                --key customers.csv:id@0 --key ids.npy@1 --receive score@0 --local 2 --output-dir out

            Before anything is sent, the constants of the model that all parties will see are listed on stderr, with sizes and \
            reasons. All other floats are secret; --open and --secret decide otherwise, and `crypten plan` lists the rules.

            With --prepare what the dealer has to do is done first and timed apart; the run itself then exchanges nothing \
            with it. --prepared-file puts that into a file at the last party, sealed under a key of this run alone: it is \
            consumed by this run and good for no other.

            With --dealer none two parties need no dealer: they make the correlations themselves, which takes many times the bytes and \
            seconds of the run; --prepare shows them apart, and --prepared-file is one for each party then, FILE.0 and FILE.1.

              crypten infer --model m.onnx --input images.npy --local 2 --dealer none --prepare --output-dir out

            With --memory-limit no process goes beyond about that much memory. A batch that would take more is cut along its \
            first axis into slices that fit, one run each; the outputs are those of the whole batch, in the same files. The \
            weights are masked once; each slice takes the rounds of a run. A model that reads across its batch is refused. Public \
            inputs are cut with it where the model names their first extents alike; others go to every slice.

              crypten infer --model m.onnx --input images.npy --local 2 --memory-limit 2GiB --output-dir out

            --check asks whether the numbers are right. Numbers are fixed point in 64 bits; one that is too large becomes another \
            one, one that is too small vanishes, and in a secret run nobody can see it. So --check runs all parties in one process, \
            where nothing is secret, beside the true functions in double on unrounded weights and inputs. For each layer it prints \
            the largest value, the largest error, and how many bits of head room are left: with 1.0 bits the values may double. \
            When a value has left its range, or an output is further from the true one than is documented or than --wanted-error, \
            the last lines name the layer, the operation, the value, the limit and what to do, and the exit code is 1. \
            --output-dir may be left out. With --dealer none the two parties make the correlations of the run that is checked, and what they \
            make is checked with it.

              crypten infer --model m.onnx --input images.npy --local 2 --check

            --suggest with --check tries fraction bits from 8 to 28 on the inputs given, samples of those to come, and where none will \
            do exponents of weights and ranges of inputs as well; it prints the options of the cheapest run that is exact enough. --fraction-bits auto does the same, and then runs with them.
            """
    )

    @Option(
        name: .long,
        help: ArgumentHelp("The model, and who has it; party 1 where nobody is named.", valueName: "m.onnx[@party]")
    )
    var model: OwnedFile

    @OptionGroup var files: InputOptions
    @OptionGroup var ranges: RangeOptions

    @Option(
        name: .long,
        help: ArgumentHelp("How many parties, each a process, not counting the dealer.", valueName: "n")
    )
    var local: Int

    @OptionGroup var correlations: CorrelationOptions
    @OptionGroup var encoding: EncodingOptions
    @OptionGroup var slabs: SlabOptions
    @OptionGroup var computing: ComputeOptions
    @OptionGroup var visibility: VisibilityOptions
    @OptionGroup var preparation: PreparationOptions
    @OptionGroup var memory: MemoryOptions
    @OptionGroup var deadlines: DeadlineOptions

    @Flag(
        name: .long,
        help: "Print each layer's largest value, error and head room. Insecure: all parties are this one process."
    )
    var check = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --check: how far outputs may be from the true ones, as a part of their largest number.",
            valueName: "part"
        )
    )
    var wantedError: Double?

    @Flag(
        name: .long,
        help:
            "With --check: try fraction bits 8, 10, … 28, and print the options that are exact enough and cost least."
    )
    var suggest = false

    @Flag(name: .long, help: "Say where the time went, by member and kind of work.")
    var profile = false

    @Flag(name: .long, help: "Print one JSON object instead of a table.")
    var json = false

    func validate() throws {
        try PartyCount.check(local, option: "--local")
        try correlations.check(parties: local)
        try memory.check(prepares: preparation.prepare || preparation.preparedFile != nil)
        if check, preparation.prepare || preparation.preparedFile != nil || memory.memoryLimit != nil || profile {
            throw ValidationError(
                "--check follows one run in one process: leave out --prepare, --prepared-file, --memory-limit and --profile"
            )
        }
        if let wantedError {
            guard check || encoding.isAuto else {
                throw ValidationError("--wanted-error says what --check looks for: give --check, too")
            }
            guard wantedError > 0, wantedError < 1 else {
                throw ValidationError("--wanted-error \(wantedError): choose more than 0 and less than 1")
            }
        }
        if suggest, !check { throw ValidationError("--suggest tries checked runs: give --check, too") }
        if suggest, files.outputDir != nil || encoding.isAuto {
            throw ValidationError(
                "--suggest writes no outputs and tries all fraction bits: leave out --output-dir and --fraction-bits auto"
            )
        }
        try files.receiving.receive.forEach { try $0.check(parties: local) }
        try NamedJoin.check(files.joining.join)
        _ = try inference()
        guard files.outputDir != nil || check else {
            throw ValidationError("--output-dir is missing: where to write the outputs")
        }
        guard !files.input.isEmpty || !files.publicInputs.isEmpty || takesNothing else {
            throw ValidationError("--input is missing: an array to run the model on")
        }
    }

    /// Whether the model is there and has no inputs.
    private var takesNothing: Bool {
        (try? ONNXModel(contentsOf: URL(fileURLWithPath: model.file.path)))?.inputs.isEmpty == true
    }

    func run() async throws {
        if suggest { return try await printSuggestion() }
        let fractionBits = encoding.isAuto ? try await foundFractionBits() : encoding.fractionBits
        let run = LocalRun(
            parties: local,
            fractionBits: fractionBits,
            slabBits: slabs.slabBits,
            correlations: correlations.setting,
            compute: computing.compute,
            deadlines: deadlines.arguments,
            inference: try inference()
        )
        if check { return try await runChecked(run.inference, fractionBits: fractionBits) }
        ProgressLine.show("starting \(correlations.members(local))")
        var report = try await run.run { layer, fraction in
            ProgressLine.show("\(Int(fraction * 100)) %  \(layer ?? "")")
        }
        ProgressLine.clear()
        if !profile { report.profile = nil }
        if json {
            try Output.result(json: report)
        } else {
            let outputs = report.outputs.map { ("output \($0.name)", $0.place) }
            Output.result(TextTable.list(outputs + [("parties", "\(report.parties)")] + report.costLines))
            if let work = report.profile {
                Output.result("\n" + WorkTable.text(work, hasDealer: work.count > local))
            }
        }
    }

    private func inference() throws -> Inference {
        try Inference(
            model: model.part(of: local, option: "--model", usual: Inference.modelOwner),
            visibility: visibility.visibility,
            inputs: InputOptions.parts(files.input, option: "--input", of: local, usual: Inference.inputOwner),
            publicInputs: InputOptions.parts(
                files.publicInputs,
                option: "--public",
                of: local,
                usual: Inference.inputOwner
            ),
            joins: files.joining.join,
            keys: files.joining.key.map { try $0.owned(of: local) },
            ranges: ranges.range,
            receivers: files.receiving.receive,
            outputDirectory: files.outputDir,
            prepares: preparation.prepare || preparation.preparedFile != nil,
            memoryLimit: memory.memoryLimit,
            preparedFile: preparation.preparedFile
        ).ordered()
    }

    /// What checked runs with several fraction bits have given.
    private func suggestion() async throws -> Suggestion {
        let suggestion = try await Suggestion.trying(
            CheckedInference(
                parties: local,
                fractionBits: encoding.fractionBits,
                slabBits: slabs.slabBits,
                correlations: correlations.setting,
                compute: computing.compute,
                wantedError: wantedError ?? CheckReport.usualWantedError,
                inference: try inference()
            )
        ) { ProgressLine.show("checking with \($0)") }
        ProgressLine.clear()
        return suggestion
    }

    private func printSuggestion() async throws {
        let suggestion = try await suggestion()
        if json { try Output.result(json: suggestion) } else { Output.result(suggestion.text) }
        if let problem = suggestion.problem { throw problem }
    }

    /// The fraction bits that are exact enough, as the inference was asked for: what else becomes public its owner decides.
    private func foundFractionBits() async throws -> Int {
        let suggestion = try await suggestion()
        guard let bits = suggestion.fractionBits, let options = suggestion.options else {
            throw suggestion.problem ?? CrypTenError(.outOfRange, "no fraction bits from 8 to 28 are exact enough")
        }
        let given = try inference().publishingOptions
        guard suggestion.candidates.contains(where: { $0.reason == nil && $0.others == given })
        else {
            throw CrypTenError(
                .outOfRange,
                "no fraction bits from 8 to 28 alone are exact enough on these inputs; these options are, and make public what they say: \(options)"
            )
        }
        Output.note("found on these inputs: --fraction-bits \(bits)")
        return bits
    }

    private func runChecked(_ inference: Inference, fractionBits: Int) async throws {
        ProgressLine.show("checking \(local) parties in this process")
        let wantedError = wantedError ?? CheckReport.usualWantedError
        let result = try await CheckedInference(
            parties: local,
            fractionBits: fractionBits,
            slabBits: slabs.slabBits,
            correlations: correlations.setting,
            compute: computing.compute,
            wantedError: wantedError,
            inference: inference
        ).run()
        ProgressLine.clear()
        let table = CheckTable(
            result.check,
            outputs: result.outputs,
            losses: result.losses,
            wantedError: wantedError
        )
        if json { try Output.result(json: table) } else { Output.result(table.text) }
        guard let last = table.sentences.last else { return }
        for sentence in table.sentences.dropLast() { Output.error(sentence) }
        throw CrypTenError(.outOfRange, last)
    }
}
