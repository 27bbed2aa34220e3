import ArgumentParser
import CrypTen
import CrypTenONNX
import Foundation

struct PartyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "party",
        abstract: "Be one party of an inference.",
        discussion: """
            Each party gives what it has: --input and --public its own files, whose shapes all others are told, --range their ranges, --model \
            the model if it has it, which may give its weights --weight-exponents. Parts of one input that several have are put together as --join says, \
            in the order of the parties. Party 0 learns the outputs, where all parties aren't told the same other --receive. Every party names \
            the same addresses, session and fraction bits. With --identity members talk over TLS 1.3, and each shows \
            the others who it is, as --peer-identity says; without it only loopback addresses are taken, unless \
            --insecure-no-tls is given. With --secret-file, the same at all members, no program without it can take a member's place.

            Before it calls the others, who has the model lists on stderr the constants of it that all parties will see, with sizes \
            and reasons; `crypten plan` lists the rules.

            With --dealer none, at both of two parties, there is no dealer: they make the correlations themselves, with each other, before \
            the run or, where party 0 is told --prepare, apart from it.

            With --memory-limit, at party 0, every party keeps to it, and a batch that is too large runs in slices. Give the \
            dealer, where there is one, the same.

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

    @Option(name: .long, help: DealerPlace.help)
    var dealer: DealerPlace?

    @OptionGroup var trees: TransferTreeOptions

    @Option(name: .long, help: ArgumentHelp("The session's name, the same for all.", valueName: "name"))
    var session: String?

    @Option(name: .long, help: ArgumentHelp("The model; at the party that has it.", valueName: "m.onnx"))
    var model: OwnedFile?

    @OptionGroup var place: ClusterPlace
    @OptionGroup var scheduler: SchedulerPlace
    @OptionGroup var files: InputOptions
    @OptionGroup var ranges: RangeOptions
    @OptionGroup var encoding: EncodingOptions
    @OptionGroup var slabs: SlabOptions
    @OptionGroup var computing: ComputeOptions
    @OptionGroup var visibility: VisibilityOptions

    @Flag(
        name: .long,
        help:
            "Have the dealer deal before the run, or, without one, make the correlations before it; party 0 decides, and the others follow."
    )
    var prepare = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Store what was dealt ahead in this new file, where party 0 is told --prepare; at the last party, without a dealer at each.",
            valueName: "file"
        )
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
        if id != 0, memory.memoryLimit != nil {
            throw ValidationError("--memory-limit belongs to party 0 and to the dealer, and this is party \(id)")
        }
        try memory.check(prepares: prepare)
        if model == nil, visibility.visibility != ModelVisibility() {
            throw ValidationError(
                "--secret, --open, --weight-exponents, --secret-features, --pad-trees and --hide-labels belong to the party that has the model: give --model, too"
            )
        }
        try NamedJoin.check(files.joining.join)
        _ = try inference()
        if supervised { return }
        guard let parties, let dealer, session != nil else {
            throw ValidationError("--parties, --dealer and --session are needed")
        }
        let count = parties.split(separator: ",", omittingEmptySubsequences: false).count
        try PartyCount.check(count, option: "--parties with")
        guard id < count else { throw ValidationError("--id \(id): --parties names parties 0 to \(count - 1)") }
        try DealerPlace.check(dealer.correlations, parties: count)
        try trees.check(dealer.correlations)
        try identities.check(own: .party(id), count: count, hasDealer: dealer.address != nil)
        if preparedFile != nil, id != count - 1, dealer.address != nil {
            throw ValidationError("--prepared-file belongs to party \(count - 1), the last, and this is party \(id)")
        }
    }

    func run() async throws {
        let inference = try inference()
        guard supervised else { return try await runByHand(inference) }
        try await Supervisor(deadlines: deadlines).runParty(id, compute: computing.compute, slices: inference.slices) {
            invitation in
            // Files are read before the others are called: nobody waits for a disk.
            let files = inference.readFiles(fractionBits: invitation.fractionBits)
            return { .inference(try await inference.run(files, on: $0)) }
        }
    }

    /// What this party has.
    private func inference() throws -> Inference {
        let own = PartyID(id)
        func parts(_ files: [OwnedFile], _ option: String) throws -> [Part] {
            try files.map { file in
                guard file.owner ?? own == own else {
                    throw ValidationError("\(option) \(file.argument): this is \(own), which gives what it has itself")
                }
                return Part(file: file.file, owner: own)
            }
        }
        return try Inference(
            model: parts(model.map { [$0] } ?? [], "--model").first,
            visibility: visibility.visibility,
            inputs: parts(files.input, "--input"),
            publicInputs: parts(files.publicInputs, "--public"),
            joins: files.joining.join,
            keys: files.joining.key.map { key in
                guard key.owner ?? own == own else {
                    throw ValidationError("--key \(key.argument): this is \(own), which gives what it has itself")
                }
                return try key.owned(of: id + 1, usual: own)
            },
            ranges: ranges.range,
            receivers: files.receiving.receive,
            outputDirectory: files.outputDir,
            writesOnce: supervised,
            prepares: prepare,
            memoryLimit: memory.memoryLimit,
            preparedFile: preparedFile
        )
    }

    private func runByHand(_ inference: Inference) async throws {
        var configuration = SessionConfiguration()
        configuration.fractionBits = encoding.fractionBits
        configuration.slabBits = slabs.slabBits
        computing.compute.apply(to: &configuration)
        deadlines.apply(to: &configuration)
        try secret.apply(to: &configuration)
        let files = inference.readFiles(fractionBits: configuration.fractionBits)
        guard let parties, let dealer, let name = session else { preconditionFailure("validated") }
        let addresses = parties.split(separator: ",").map(String.init)
        trees.setting(dealer.correlations).apply(to: &configuration)
        configuration.membership = try identities.membership(
            own: .party(id),
            count: addresses.count,
            hasDealer: dealer.address != nil
        )
        configuration.logger = MemberLog.logger("party \(id)")
        Output.note("party \(id): connecting")
        let session = try await Session.connect(
            party: PartyID(id),
            parties: addresses,
            dealer: dealer.address,
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
        var lines = (report.outputs ?? []).filter { $0.parties.contains(id) }.map { ("output \($0.name)", $0.place) }
        if let slices = report.slices, slices > 1 { lines.append(("slices", "\(slices)")) }
        lines += [
            ("rounds", "\(report.rounds)"), ("online bytes", report.onlineBytes.grouped),
            ("setup bytes", report.setupBytes.grouped),
        ]
        lines += report.offline.lines
        lines.append(("seconds", report.seconds.fixed(3)))
        Output.result(TextTable.list(lines))
    }
}
