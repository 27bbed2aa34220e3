import ArgumentParser
import CrypTen
import Foundation

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Classify 360 handwritten digits: one party has the network, the other the images.",
        discussion: """
            Parties and dealer are processes of this machine; with --dealer none two parties make the correlations themselves. The answers \
            are compared with those of the same network in the clear.
            """
    )

    @Option(
        name: .long,
        help: ArgumentHelp("How many parties, not counting the dealer; 2 with --dealer none.", valueName: "n")
    )
    var parties = 2

    @OptionGroup var correlations: CorrelationOptions

    @Flag(name: .long, help: "Print one JSON object instead of a table.")
    var json = false

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Draw a digit in a browser, and have two parties recognise it that don't see it.",
            discussion: "Serves a page on this machine until Ctrl-C; nothing of it comes from or goes to a network."
        )
    )
    var web = false

    @Option(name: .long, help: ArgumentHelp("Where --web serves its page, on 127.0.0.1.", valueName: "port"))
    var port = 8080

    func validate() throws {
        if web, parties != 2 || json {
            throw ValidationError("--web has two parties and a page: leave out --parties and --json")
        }
        guard web || port == 8080 else { throw ValidationError("--port is for --web") }
        guard (1...65_535).contains(port) else { throw ValidationError("--port \(port): choose 1 to 65535") }
        try PartyCount.check(parties, option: "--parties")
        try correlations.check(parties: parties)
    }

    func run() async throws {
        let digits = try Digits()
        if web {
            ProgressLine.show("starting \(correlations.members(2))")
            return try await WebDemo(
                digits: digits,
                page: digits.page,
                port: port,
                correlations: correlations.setting
            ).run()
        }
        ProgressLine.show("starting \(correlations.members(parties))")
        let report = try await digits.classify(parties: parties, correlations.setting) { layer, fraction in
            ProgressLine.show("\(Int(fraction * 100)) %  \(layer ?? "")")
        }
        ProgressLine.clear()
        if json { return try Output.result(json: report) }
        var lines: [(String, String)] = [
            ("images", "\(report.images)"),
            ("accuracy, private", "\((report.accuracyPrivate * 100).fixed(1)) %"),
            ("accuracy, in the clear", "\((report.accuracyPlain * 100).fixed(1)) %"),
            ("labels that differ", "\(report.labelsDiffer)"),
            ("largest logit error", report.maxLogitError.fixed(6)),
            ("rounds", "\(report.rounds)"),
            ("online bytes a party", report.onlineBytesPerParty.map(\.grouped).joined(separator: "  ")),
            ("setup bytes a party", report.setupBytesPerParty.map(\.grouped).joined(separator: "  ")),
        ]
        lines += report.offline == nil ? [("dealer bytes", report.dealerBytes.grouped)] : report.offline.lines
        lines.append(("seconds", report.seconds.fixed(3)))
        Output.result(TextTable.list(lines))
    }
}
