import ArgumentParser
import CrypTen

/// Who makes the correlations, where a command starts all members.
enum LocalDealer: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// A process of its own, or a thread where all are threads.
    case local
    /// Nobody: the two parties make them.
    case nobody = "none"

    var correlations: CorrelationProvider {
        self == .local ? .dealer : .parties
    }
}

/// Whether a command that starts all members starts a dealer, too.
struct CorrelationOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "With `none` no dealer is started, and the two parties make the correlations themselves.",
            discussion: """
                That takes many times the bytes and the time of the run itself, all of it before the inputs are needed, and nobody else is to be \
                trusted. What the run sends, in rounds and bytes, and its results' exactness are the same.
                """,
            valueName: "local|none"
        )
    )
    var dealer = LocalDealer.local

    @OptionGroup var trees: TransferTreeOptions

    /// Who makes the correlations, and how.
    var setting: CorrelationSetting { trees.setting(dealer.correlations) }

    /// - Parameter parties: How many there are to be.
    func check(parties: Int) throws {
        try DealerPlace.check(dealer.correlations, parties: parties)
        try trees.check(dealer.correlations)
    }

    /// What is started, in words.
    func members(_ parties: Int) -> String {
        "\(parties) parties" + (dealer == .local ? " and a dealer" : "")
    }
}

/// What one member's `--dealer` says: where the dealer listens, or `none`.
struct DealerPlace: ExpressibleByArgument, Sendable, Equatable {
    /// nil: there is no dealer.
    var address: String?

    init(argument: String) {
        address = argument == "none" ? nil : argument
    }

    var correlations: CorrelationProvider {
        address == nil ? .parties : .dealer
    }

    /// What its help says.
    static let help = ArgumentHelp(
        "Where the dealer listens; none: the two parties make the correlations themselves.",
        valueName: "host:port|none"
    )

    static func check(_ correlations: CorrelationProvider, parties: Int) throws {
        guard correlations == .parties else { return }
        guard parties == 2 else {
            throw ValidationError(
                "--dealer none is for two parties, who can make their correlations themselves, and there are \(parties): leave it out, or take two"
            )
        }
    }
}
