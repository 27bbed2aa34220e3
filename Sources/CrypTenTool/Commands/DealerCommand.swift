import ArgumentParser
import CrypTen
import CrypTenBase
import Foundation

struct DealerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dealer",
        abstract: "Be the dealer: send correlations to parties, and see no data.",
        discussion: """
            Serves one session after another until it is stopped, a failed one like any other: it says what ended each, and \
            listens for the next. Members of another session that call meanwhile are turned away. With --identity members talk over TLS 1.3, and parties are let in by their certificates alone. The dealer must not collude with a party: run it where no \
            party has a say.
            """
    )

    @Option(name: .long, help: ArgumentHelp("Where to listen.", valueName: "host:port"))
    var listen: String?

    @Option(name: .long, help: ArgumentHelp("How many parties a session has.", valueName: "n"))
    var parties: Int

    @OptionGroup var place: ClusterPlace
    @OptionGroup var scheduler: SchedulerPlace
    @OptionGroup var computing: ComputeOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Keep to this much memory, as party 0's sessions do: 2GiB, 800MiB.", valueName: "size"),
        transform: MemoryOptions.bytes
    )
    var memoryLimit: Int?

    @Flag(name: .long, help: "Serve one session, and end as it has ended.")
    var once = false

    @OptionGroup var deadlines: DeadlineOptions

    @OptionGroup var secret: SecretOptions

    @OptionGroup var identities: IdentityOptions

    @Flag(name: .long, help: ArgumentHelp("Speak with the process that started this one.", visibility: .private))
    var supervised = false

    @Flag(
        name: .long,
        help: ArgumentHelp("Let others of this user look at its files in /proc.", visibility: .private)
    )
    var watched = false

    func validate() throws {
        try PartyCount.check(parties, option: "--parties")
        guard supervised || listen != nil else {
            throw ValidationError("--listen is missing: where parties find the dealer")
        }
        try identities.check(own: .dealer, count: parties)
    }

    func run() async throws {
        var configuration = SessionConfiguration()
        computing.compute.apply(to: &configuration)
        deadlines.apply(to: &configuration)
        try secret.apply(to: &configuration)
        if let budget = memoryLimit.map(MemoryBudget.init) {
            configuration.correctionWindow = budget.correctionWindow
            budget.apply()
        }
        guard supervised else {
            guard let listen else { preconditionFailure("validated") }
            configuration.membership = try identities.membership(own: .dealer, count: parties)
            configuration.logger = MemberLog.logger("dealer")
            let service = try await DealerService.listen(
                at: listen,
                parties: parties,
                insecurePlaintext: identities.insecureNoTLS,
                membership: configuration.membership
            )
            Output.note("dealer: listening at \(service.address) for \(parties) parties")
            return try await serve(service, configuration)
        }
        let supervisor = Supervisor(deadlines: deadlines)
        do {
            let service = try await DealerService.listen(at: "127.0.0.1:0", parties: parties)
            supervisor.tell(.listening(service.address))
            let invitation = try await supervisor.invitation()
            configuration.fractionBits = invitation.fractionBits
            configuration.slabBits = invitation.slabBits
            configuration.preSharedSecret = try PreSharedSecret(invitation.secret)
            configuration.membership = try invitation.membership(own: parties)
            let report = try await interruptible(service) {
                try await service.serve(
                    session: invitation.session,
                    configuration: configuration,
                    timeout: deadlines.connecting(usual: 60)
                )
            }
            supervisor.tell(.dealer(DealerReport(dealerBytes: report.correctionBytes, work: report.work)))
        } catch {
            supervisor.tell(ChildMessage(failure: error))
            throw ExitCode(1)
        }
    }

    /// Serves a session; where a signal comes, its members are told.
    private func interruptible(
        _ service: DealerService,
        _ body: () async throws -> DealerService.Report
    ) async throws -> DealerService.Report {
        try await Interruption.ending(
            "no session is served any more",
            with: { service.abort(CrypTenError(.cancelled, "the dealer was interrupted by a signal").telling(.ended)) },
            body
        )
    }

    /// Serves sessions until a signal comes, or the address can't be listened on any more; with `--once`, one.
    private func serve(_ service: DealerService, _ configuration: SessionConfiguration) async throws {
        while true {
            do {
                let report = try await interruptible(service) {
                    try await service.serve(
                        configuration: configuration,
                        timeout: deadlines.connecting(usual: 300)
                    )
                }
                Output.note("dealer: a session has ended; \(report.correctionBytes.grouped) bytes dealt")
                if once { return }
            } catch let error as CrypTenError where [.addressInUse, .invalidArgument].contains(error.code) {
                throw error
            } catch {
                if once || Interruption.received != nil { throw error }
                // Not the cause: where a party's bytes can't be read, it may quote them.
                Output.note("dealer: a session has failed: \((error as? CrypTenError)?.message ?? "\(error)")")
            }
        }
    }
}
