import ArgumentParser

/// What becomes of examples before they are trained with, in secret.
struct DataOptions: ParsableArguments {
    /// Who knows which rows are in which batch.
    enum Shuffle: String, CaseIterable, ExpressibleByArgument {
        /// All members, by number: a seed's order.
        case `public`
        /// No party: of rows that were put into a secret order, all members know the numbers.
        case secret
    }

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Bring each column of an input to mean 0 and deviation 1; a test's rows by the same. Who gets the network learns the statistics, nobody else. May be repeated.",
            valueName: "name"
        )
    )
    var standardize: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Whether rows are put into an order first that no party knows, public or secret; the dealer knows it.",
            valueName: "how"
        )
    )
    var shuffle = Shuffle.public

    func validate() throws {
        for (index, name) in standardize.enumerated() where standardize[..<index].contains(name) {
            throw ValidationError("--standardize names \(name) twice")
        }
    }

    /// What was asked for.
    var preparation: Training.Preparation {
        Training.Preparation(standardized: standardize, isShuffled: shuffle == .secret)
    }

    /// The same for another process.
    var arguments: [String] {
        standardize.flatMap { ["--standardize", $0] } + ["--shuffle", shuffle.rawValue]
    }
}
