import ArgumentParser
import CrypTen
import Foundation

struct PartyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "party",
        abstract: "Be one party of an inference.",
        discussion: """
            Party 0 has the inputs, declares their ranges with --range, and learns the outputs; party 1 has the model, and may \
            give its weights --weight-exponents; every party names the same addresses, session and fraction bits. With --identity members talk over TLS 1.3, and each shows \
            the others who it is, as --peer-identity says; without it only loopback addresses are taken, unless \
            --insecure-no-tls is given. With --secret-file, the same at all members, no program without it can take a member's place.

            Before it calls the others, party 1 lists on stderr the constants of its model that all parties will see, with sizes \
            and reasons; `crypten plan` lists the rules.

            With --memory-limit, at party 0, every party keeps to it, and a batch that is too large runs in slices. Give the \
            dealer the same.

            Whatever goes wrong at one member, all others end with an error that says what: at once where a process has ended, \
            and after --silence-limit where one is stopped or out of reach. Nothing of a session that has failed is used \
            again: start all its members anew.
            """
    )

    @Option(name: .long, help: ArgumentHelp("Which party this is, from 0.", valueName: "i"))
    var id: Int

    @Option(
        name: .long,
        help: ArgumentHelp("Where each party listens, in order, separated by commas.", valueName: "host:port,…")
    )
    var parties: String?

    @Option(name: .long, help: ArgumentHelp("Where the dealer listens.", valueName: "host:port"))
    var dealer: String?

    @Option(name: .long, help: ArgumentHelp("The session's name, the same for all.", valueName: "name"))
    var session: String?

    @Option(name: .long, help: ArgumentHelp("The model; at party 1.", valueName: "m.onnx"))
    var model: String?

    @OptionGroup var place: ClusterPlace
    @OptionGroup var files: InputOptions
    @OptionGroup var ranges: RangeOptions
    @OptionGroup var encoding: EncodingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var visibility: VisibilityOptions

    @Flag(name: .long, help: "Have the dealer deal before the run; at party 0, the others follow.")
    var prepare = false

    @Option(
        name: .long,
        help: ArgumentHelp("Store what was dealt ahead in this new file; at the last party.", valueName: "file")
    )
    var preparedFile: String?

    @OptionGroup var memory: MemoryOptions
    @OptionGroup var deadlines: DeadlineOptions

    @OptionGroup var secret: SecretOptions

    @OptionGroup var identities: IdentityOptions

    @Flag(name: .long, help: ArgumentHelp("Speak with the process that started this one.", visibility: .private))
    var supervised = false

    func validate() throws {
        try encoding.refuseAuto("the others' data are secret, and all must name the same")
        guard id >= 0 else { throw ValidationError("--id \(id): parties are counted from 0") }
        if id != 0,
            !files.input.isEmpty || !files.publicInputs.isEmpty || !ranges.range.isEmpty || files.outputDir != nil
        {
            throw ValidationError(
                "--input, --public, --range and --output-dir belong to party 0, and this is party \(id)"
            )
        }
        if id != 0, memory.memoryLimit != nil {
            throw ValidationError("--memory-limit belongs to party 0 and to the dealer, and this is party \(id)")
        }
        try memory.check(prepares: prepare)
        if id != 0, prepare { throw ValidationError("--prepare belongs to party 0, and this is party \(id)") }
        if id != 1, model != nil || !visibility.secret.isEmpty || !visibility.open.isEmpty {
            throw ValidationError("--model, --secret and --open belong to party 1, and this is party \(id)")
        }
        if id != 1, visibility.weightExponents {
            throw ValidationError("--weight-exponents belongs to party 1, and this is party \(id)")
        }
        if id == 1, model == nil { throw ValidationError("--model is missing: party 1 has the model") }
        if supervised { return }
        guard let parties, dealer != nil, session != nil else {
            throw ValidationError("--parties, --dealer and --session are needed")
        }
        let count = parties.split(separator: ",", omittingEmptySubsequences: false).count
        try PartyCount.check(count, option: "--parties with")
        guard id < count else { throw ValidationError("--id \(id): --parties names parties 0 to \(count - 1)") }
        try identities.check(own: .party(id), count: count)
        if preparedFile != nil, id != count - 1 {
            throw ValidationError("--prepared-file belongs to party \(count - 1), the last, and this is party \(id)")
        }
    }

    func run() async throws {
        let inference = Inference(
            model: model,
            secret: Set(visibility.secret),
            open: Set(visibility.open),
            weightExponents: visibility.weightExponents,
            inputs: files.input,
            publicInputs: files.publicInputs,
            ranges: ranges.range,
            outputDirectory: files.outputDir,
            prepares: prepare,
            memoryLimit: memory.memoryLimit,
            preparedFile: preparedFile
        )
        guard supervised else { return try await runByHand(inference) }
        try await Supervisor(deadlines: deadlines).runParty(id, threads: threads.threads, slices: inference.slices) {
            invitation in
            // Files are read before the others are called: nobody waits for a disk.
            let files = inference.readFiles(fractionBits: invitation.fractionBits)
            return { .inference(try await inference.run(files, on: $0)) }
        }
    }

    private func runByHand(_ inference: Inference) async throws {
        var configuration = SessionConfiguration()
        configuration.fractionBits = encoding.fractionBits
        configuration.threads = threads.threads
        deadlines.apply(to: &configuration)
        try secret.apply(to: &configuration)
        let files = inference.readFiles(fractionBits: configuration.fractionBits)
        guard let parties, let dealer, let name = session else { preconditionFailure("validated") }
        let addresses = parties.split(separator: ",").map(String.init)
        configuration.membership = try identities.membership(own: .party(id), count: addresses.count)
        configuration.logger = MemberLog.logger("party \(id)")
        Output.note("party \(id): connecting")
        let session = try await Session.connect(
            party: PartyID(id),
            parties: addresses,
            dealer: dealer,
            session: name,
            configuration: configuration,
            insecurePlaintext: identities.insecureNoTLS,
            timeout: deadlines.connecting(usual: 300)
        )
        Output.note("party \(id): connected")
        try await session.onProgress { progress in
            let (layer, fraction) = inference.slices.joined(progress)
            ProgressLine.show("\(Int(fraction * 100)) %  \(layer ?? "")")
        }
        let report = try await session.finishing(as: "party \(id)") { try await inference.run(files, on: $0) }
        ProgressLine.clear()
        let outputs = (report.outputs ?? []).map { ("output \($0.name)", "\($0.shape) in \($0.file ?? "no file")") }
        Output.result(
            TextTable.list(
                outputs + ((report.slices ?? 1) > 1 ? [("slices", "\(report.slices ?? 1)")] : []) + [
                    ("rounds", "\(report.rounds)"), ("online bytes", report.onlineBytes.grouped),
                    ("setup bytes", report.setupBytes.grouped), ("seconds", report.seconds.fixed(3)),
                ]
            )
        )
    }
}
