import ArgumentParser
import CrypTen
import CrypTenONNX

/// Constants whose visibility is chosen by hand.
struct VisibilityOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep this constant of the model secret, whatever the rules say. May be repeated.",
            valueName: "name"
        )
    )
    var secret: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Show all numbers of this constant of the model to all parties. May be repeated.",
            valueName: "name"
        )
    )
    var open: [String] = []

    @Flag(
        name: .long,
        help: "Give each secret weight a public exponent, which all members learn: then small ones keep their bits."
    )
    var weightExponents = false

    @Flag(
        name: .long,
        help: "Hide which feature each node of the model's trees reads: one product and one round more."
    )
    var secretFeatures = false

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Hide the shapes of the model's trees: all become full trees of the greatest depth; means --secret-features.",
            discussion: "All parties see how many there are, and that depth."
        )
    )
    var padTrees = false

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Keep the texts of labels from the other parties: they see, and learn, the labels' places, 0, 1, ….",
            discussion: "All parties see how many there are. The model's owner, where it learns them, gets the texts."
        )
    )
    var hideLabels = false

    /// What all of them say.
    var visibility: ModelVisibility {
        ModelVisibility(
            secret: Set(secret),
            open: Set(open),
            weightExponents: weightExponents,
            trees: padTrees ? .counts : secretFeatures ? .shapes : .features,
            hidesLabels: hideLabels
        )
    }
}

extension ONNXModel.TreeVisibility {
    /// The option that says it.
    var arguments: [String] {
        switch self {
        case .features: []
        case .shapes: ["--secret-features"]
        case .counts: ["--pad-trees"]
        }
    }
}

/// Whether correlations are dealt before the clock of the online part starts.
struct PreparationOptions: ParsableArguments {
    @Flag(
        name: .long,
        help:
            "Have the dealer deal, or the parties make, before the run; then the run waits for the parties' openings alone."
    )
    var prepare = false

    @Option(
        name: .long,
        help: ArgumentHelp("Store what was dealt in this new file; means --prepare.", valueName: "file")
    )
    var preparedFile: String?
}

/// How much memory a process may have.
struct MemoryOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The memory that no process goes beyond: 2GiB, 800MiB. Larger batches run in slices that fit.",
            valueName: "size"
        ),
        transform: MemoryOptions.bytes
    )
    var memoryLimit: Int?

    /// The least that a process can be asked to keep to, in bytes.
    static let least = 48 << 20

    /// A prepared run's corrections are all there before it starts, and slices are there to avoid that.
    func check(prepares: Bool) throws {
        guard memoryLimit != nil, prepares else { return }
        throw ValidationError(
            "--memory-limit cuts a batch into runs that are dealt as they go, and --prepare deals ahead: leave one out"
        )
    }

    private static let units: [(suffix: String, bytes: Double)] = [
        ("TiB", 0x1p40), ("GiB", 0x1p30), ("MiB", 0x1p20), ("KiB", 0x1p10), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6),
        ("kB", 1e3), ("KB", 1e3), ("T", 0x1p40), ("G", 0x1p30), ("M", 0x1p20), ("K", 0x1p10),
    ]

    /// A number and a unit, as bytes.
    static func bytes(_ text: String) throws -> Int {
        guard let unit = units.first(where: { text.lowercased().hasSuffix($0.suffix.lowercased()) }) else {
            throw ValidationError("'\(text)' has no unit: write a number and MiB or GiB, as in 800MiB or 1.5GiB")
        }
        let digits = text.dropLast(unit.suffix.count)
        guard let first = digits.first, first.isASCII, first.isNumber, let number = Double(digits), number.isFinite
        else {
            throw ValidationError("'\(text)' is no size: write a number and MiB or GiB, as in 800MiB or 1.5GiB")
        }
        let bytes = number * unit.bytes
        guard bytes >= Double(least) else {
            throw ValidationError("'\(text)' is too little for a process: choose \(least >> 20)MiB or more")
        }
        guard bytes < 0x1p60 else { throw ValidationError("'\(text)' is more than any machine has") }
        return Int(bytes)
    }
}

/// Threads of a process's kernels.
struct ThreadOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Threads of each party.", valueName: "t"))
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads): choose 1 to 1024")
        }
    }
}

/// The encoding of real numbers.
struct EncodingOptions: ParsableArguments {
    @Option(
        name: .customLong("fraction-bits"),
        help: ArgumentHelp("Fraction bits of fixed-point numbers, 4 to 28.", valueName: "f")
    )
    private var choice = FractionBits.number(16)

    /// How many, where they are chosen by hand; else those that are usual.
    var fractionBits: Int {
        if case .number(let bits) = choice { bits } else { 16 }
    }

    /// Whether they are to be found.
    var isAuto: Bool {
        choice == .auto
    }

    func validate() throws {
        guard (4...28).contains(fractionBits) else {
            throw ValidationError("--fraction-bits \(fractionBits): choose 4 to 28")
        }
    }

    /// For commands that have nothing to find them with.
    ///
    /// - Parameter reason: Why.
    func refuseAuto(_ reason: String) throws {
        guard isAuto else { return }
        throw ValidationError(
            """
            --fraction-bits auto is for infer --local, which tries them on the data: here \(reason); find a number with \
            infer --local 2 --check --suggest on sample inputs, and name it
            """
        )
    }

    /// A number of fraction bits, or that one is to be found.
    enum FractionBits: ExpressibleByArgument, Hashable, Sendable {
        case number(Int)
        case auto

        init?(argument: String) {
            if argument == "auto" {
                self = .auto
            } else if let bits = Int(argument) {
                self = .number(bits)
            } else {
                return nil
            }
        }

        var defaultValueDescription: String {
            if case .number(let bits) = self { "\(bits)" } else { "auto" }
        }
    }
}

/// In slabs of how many elements gates work.
struct SlabOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Take 2^b elements at a time, 12 to 20: 18 where all members compute on devices.",
            valueName: "b"
        )
    )
    var slabBits = SessionConfiguration().slabBits

    func validate() throws {
        guard (12...20).contains(slabBits) else {
            throw ValidationError("--slab-bits \(slabBits): choose 12 to 20")
        }
    }
}

/// How long members of a session wait for one another.
struct DeadlineOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Wait so long for all members to be connected.",
            discussion: "Members may start in any order. Without this 300 seconds, on one machine 60.",
            valueName: "seconds"
        )
    )
    var timeout: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Take a member that is silent for so long for dead, and end the session; 1 or more.",
            discussion: """
                Members show that they live several times a second, also while they compute: this is how long a network may be \
                away, or a process stopped. A member whose process ends is noticed at once.
                """,
            valueName: "seconds"
        )
    )
    var silenceLimit = 10.0

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Wait so long for one step of a member that lives.",
            discussion: "It bounds what a member may compute, or read, while another one needs its answer.",
            valueName: "seconds"
        )
    )
    var patience = 3600.0

    func validate() throws {
        for (name, value, least) in [
            ("--timeout", timeout ?? 1, 0.0), ("--silence-limit", silenceLimit, 1.0), ("--patience", patience, 0.0),
        ] where !(value >= least && value > 0 && value <= 1e6) {
            throw ValidationError(
                "\(name) \(value.shortest): choose \(least > 0 ? "\(Int(least))" : "more than 0") to 1000000 seconds"
            )
        }
    }

    /// Puts them into a session's configuration.
    func apply(to configuration: inout SessionConfiguration) {
        configuration.silenceLimit = .seconds(silenceLimit)
        configuration.patience = .seconds(patience)
    }

    /// How long to wait for the others, where `usual` is what one waits without being told.
    func connecting(usual: Double) -> Duration {
        .seconds(timeout ?? usual)
    }

    /// The same for another process.
    var arguments: [String] {
        ["--silence-limit", "\(silenceLimit)", "--patience", "\(patience)"]
            + (timeout.map { ["--timeout", "\($0)"] } ?? [])
    }
}

extension Double {
    /// Without a fraction where there is none.
    fileprivate var shortest: String {
        self == rounded() && abs(self) < 1e15 ? "\(Int(self))" : "\(self)"
    }
}

/// How many parties there are.
enum PartyCount {
    static func check(_ count: Int, option: String) throws {
        guard (2...64).contains(count) else { throw ValidationError("\(option) \(count): choose 2 to 64 parties") }
    }
}
