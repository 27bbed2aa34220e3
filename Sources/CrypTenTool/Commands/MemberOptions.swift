import ArgumentParser
import CrypTen

/// Which party of a session this process is, and where the others are.
struct MemberOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Which party this is, from 0.", valueName: "i"))
    var id: Int?

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

    @OptionGroup var secret: SecretOptions

    @OptionGroup var identities: IdentityOptions

    @Flag(name: .long, help: ArgumentHelp("Speak with the process that started this one.", visibility: .private))
    var supervised = false

    @Option(
        name: .long,
        help: ArgumentHelp("How many parties the process that started this one has.", visibility: .private)
    )
    var members: Int?

    private var addresses: [String]? {
        parties?.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// How many parties there are, where this says it.
    var count: Int? {
        supervised ? members : addresses?.count
    }

    /// Whether this process is one member, or starts them all.
    ///
    /// - Parameter local: How many it is to start.
    func check(local: Int?) throws {
        if local != nil {
            guard id == nil, parties == nil, dealer?.address == nil, session == nil else {
                throw ValidationError(
                    "--local starts all members: leave out --id, --parties, --session and --dealer, but for --dealer none"
                )
            }
            guard !identities.isGiven else {
                throw ValidationError(
                    "--local starts all members on this machine: leave out --identity and what names others"
                )
            }
            return
        }
        guard let id else {
            throw ValidationError("give --local, to start all parties here, or --id, to be one of them")
        }
        guard id >= 0 else { throw ValidationError("--id \(id): parties are counted from 0") }
        if supervised { return }
        guard let addresses, let dealer, session != nil else {
            throw ValidationError("--parties, --dealer and --session are needed")
        }
        guard id < addresses.count else {
            throw ValidationError("--id \(id): --parties names parties 0 to \(addresses.count - 1)")
        }
        try identities.check(own: .party(id), count: addresses.count, hasDealer: dealer.address != nil)
    }

    /// Who makes the correlations.
    var correlations: CorrelationProvider {
        dealer?.correlations ?? .dealer
    }

    /// The same, and how.
    var setting: CorrelationSetting { trees.setting(correlations) }

    /// Connects with the others.
    func connect(_ configuration: SessionConfiguration, _ deadlines: DeadlineOptions) async throws -> Session {
        var configuration = configuration
        try secret.apply(to: &configuration)
        guard let id, let addresses, let dealer, let session else { preconditionFailure("validated") }
        setting.apply(to: &configuration)
        configuration.membership = try identities.membership(
            own: .party(id),
            count: addresses.count,
            hasDealer: dealer.address != nil
        )
        configuration.logger = MemberLog.logger("party \(id)")
        Output.note("party \(id): connecting")
        let connected = try await Session.connect(
            party: PartyID(id),
            parties: addresses,
            dealer: dealer.address,
            session: session,
            configuration: configuration,
            insecurePlaintext: identities.insecureNoTLS,
            timeout: deadlines.connecting(usual: 300)
        )
        Output.note("party \(id): connected")
        return connected
    }
}
