import ArgumentParser
import CrypTen

/// An input's public range on the command line: `NAME=LOW..HIGH`.
struct NamedRange: ExpressibleByArgument, Hashable, Sendable, Codable {
    var name: String
    var low: Double
    var high: Double

    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "="), sign != argument.startIndex else { return nil }
        name = String(argument[..<sign])
        let text = argument[argument.index(after: sign)...]
        guard let dots = text.firstRange(of: ".."), let low = Double(text[..<dots.lowerBound]),
            let high = Double(text[dots.upperBound...]), low <= high, low.isFinite, high.isFinite
        else { return nil }
        (self.low, self.high) = (low, high)
    }

    var range: ClosedRange<Double> {
        low...high
    }

    /// How it stands on a command line.
    var argument: String {
        "\(name)=\(low)..\(high)"
    }
}

/// Inputs whose range all members may know.
struct RangeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A range that holds all numbers of an input, which all members learn. May be repeated.",
            discussion: """
                From ranges follow the scales of what is computed: sums of squares of amounts fit, and small numbers keep their bits. A \
                number outside is refused. Write what everybody may know: 0..250000 for salaries, not the largest one.
                """,
            valueName: "name=low..high"
        )
    )
    var range: [NamedRange] = []

    /// Ranges of inputs that the model has.
    ///
    /// - Throws: `.invalidArgument` for a name that it doesn't have, or has twice, and for a range that can't be declared.
    static func check(_ ranges: [NamedRange], inputs: [String], summary: String) throws {
        for (index, named) in ranges.enumerated() {
            guard inputs.contains(named.name) else {
                throw CrypTenError(
                    .invalidArgument,
                    "--range names '\(named.name)', and the model has no such input; it has \(summary)"
                )
            }
            if ranges[..<index].contains(where: { $0.name == named.name }) {
                throw CrypTenError(.invalidArgument, "the range of input '\(named.name)' is given twice")
            }
            if let error = CrypTensor(0.0).declaring(range: named.range).error { throw error }
        }
    }
}
