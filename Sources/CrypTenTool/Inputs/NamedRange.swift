import ArgumentParser
import CrypTen

/// An input's public range on the command line: `NAME=LOW..HIGH`.
struct NamedRange: Hashable, Sendable, Codable {
    var name: String
    var low: Double
    var high: Double

    /// - Throws: `ValidationError` for what is no range, saying why.
    init(argument: String) throws {
        func problem(_ why: String) -> ValidationError { ValidationError("--range '\(argument)': \(why)") }
        guard let sign = argument.lastIndex(of: "="), sign != argument.startIndex else {
            throw problem("the input's name is missing; write NAME=LOW..HIGH, as in salary=0..250000")
        }
        name = String(argument[..<sign])
        let text = argument[argument.index(after: sign)...]
        // Swift writes three dots.
        guard let dots = text.firstRange(of: "...") ?? text.firstRange(of: "..") else {
            throw problem(
                "'\(text)' isn't two numbers with two dots between; write NAME=LOW..HIGH, as in salary=0..250000"
            )
        }
        let ends = try [text[..<dots.lowerBound], text[dots.upperBound...]].map { end in
            guard let number = Double(end.filter { $0 != "_" }), number.isFinite else {
                throw problem("'\(end)' is no number")
            }
            return number
        }
        (low, high) = (ends[0], ends[1])
        guard low <= high else { throw problem("\(end(low)) is above \(end(high)); write the lower end first") }
    }

    init(name: String, low: Double, high: Double) {
        (self.name, self.low, self.high) = (name, low, high)
    }

    var range: ClosedRange<Double> {
        low...high
    }

    /// How it stands on a command line.
    var argument: String {
        "\(name)=\(end(low))..\(end(high))"
    }

    private func end(_ number: Double) -> String {
        number == number.rounded() && number.magnitude < 1e15 ? "\(Int(number))" : "\(number)"
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
        ),
        transform: NamedRange.init(argument:)
    )
    var range: [NamedRange] = []

    /// Ranges of inputs that the model has.
    ///
    /// - Parameter known: Names of inputs that all see anyway.
    /// - Throws: `.invalidArgument` for a name that it doesn't have, or has twice, or of a public input, and for a range that can't be
    ///   declared; a peer sends ranges, too.
    static func check(_ ranges: [NamedRange], inputs: [String], known: [String], summary: String) throws {
        for (index, named) in ranges.enumerated() {
            guard named.low <= named.high, named.low.magnitude <= 0x1p46, named.high.magnitude <= 0x1p46 else {
                throw CrypTenError(
                    .invalidArgument,
                    "--range \(named.argument) can't be declared: it goes up, and its ends are at most 2^46 = 70368744177664"
                )
            }
            if known.contains(named.name) {
                throw CrypTenError(
                    .invalidArgument,
                    "input '\(named.name)' is public: all parties see its numbers, and a range says nothing more; leave --range out"
                )
            }
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
