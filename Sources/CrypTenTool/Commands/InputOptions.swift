import ArgumentParser
import CrypTen

/// What parties have, and who learns what.
struct InputOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A secret input and the party that has it; NAME may be left out. May be repeated.",
            discussion: """
                x.npy@2 is party 2's; without a party the file is party 0's, and under `crypten party` its own. A file whose own name ends in @ and a \
                number is followed by its party: x@1@0. Several files of one input are parts of it, and --join says how they are put together.
                """,
            valueName: "[name=]x.npy[@party]"
        )
    )
    var input: [OwnedFile] = []

    @Option(
        name: .customLong("public"),
        help: ArgumentHelp(
            "An input that all parties may see, and who has it. May be repeated.",
            valueName: "[name=]x.npy[@party]"
        )
    )
    var publicInputs: [OwnedFile] = []

    @OptionGroup var joining: JoinOptions
    @OptionGroup var receiving: ReceiveOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Where to write NAME.npy for each output, at a party that learns it.", valueName: "dir")
    )
    var outputDir: String?

    /// Files with their owners.
    ///
    /// - Throws: `ValidationError` for a party that there isn't.
    static func parts(_ files: [OwnedFile], option: String, of parties: Int, usual: PartyID) throws -> [Part] {
        try files.map { try $0.part(of: parties, option: option, usual: usual) }
    }
}

/// How several parties' parts of an input become one, and whether their rows belong together.
struct JoinOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "How parts of an input are put together: rows, columns, or an axis. May be repeated.",
            discussion: """
                x=rows: one party's rows below the other's. x=columns: the same rows, some columns at each party. Parts stand in the order of \
                --input, under `crypten party` in that of the parties; x=columns:1,0 puts party 1's first.
                """,
            valueName: "[name=]rows|columns|axis"
        )
    )
    var join: [NamedJoin] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The keys of a party's rows: refuse to run unless all that join columns have the same ones in the same order.",
            discussion: """
                ids.npy of whole numbers, table.npz:id, table.csv:id by its first line, or a text with a key on each line. What is compared, in secret, \
                are digests under a secret that the dealer lacks: all learn whether they are equal, and nothing else, not even where they differ. Which \
                rows the parties have in common isn't found: bring the tables into the same rows first. Each party with columns gives one. May be repeated.
                """,
            valueName: "[name=]ids.npy[:column][@party]"
        )
    )
    var key: [KeyFile] = []
}

/// Who learns outputs.
struct ReceiveOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Who learns an output: y@2, y@0,1 or y@all; without a name all outputs. May be repeated.",
            discussion: """
                Without this party 0 learns all. With it an output that nobody is named for isn't computed. All parties are told the same, or the run ends.
                """,
            valueName: "[name]@party|all"
        )
    )
    var receive: [OutputReceiver] = []
}
