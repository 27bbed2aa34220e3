import ArgumentParser
import CrypTen
import CrypTenService
import Foundation

struct ClientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Ask a cell as somebody who is no party of it.",
        subcommands: [Infer.self, Load.self, Token.self]
    )

    struct Token: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a token for one party, good for some minutes.",
            discussion: """
                A client that shows no certificate sends each party a token of its own, signed with the client's key, whose public half stands \
                in the cluster file. Whoever has the token may ask in the client's name until it ends: send it to that party and nowhere else. `keys:` of the cluster \
                file takes what openssl prints.

                  openssl genpkey -algorithm ed25519 -out app.key
                  openssl pkey -in app.key -pubout
                  crypten client token --key app.key --name ward-app --cell lending --party clinic
                """
        )

        @Option(name: .long, help: ArgumentHelp("The client's private key, PEM: P-256 or Ed25519.", valueName: "file"))
        var key: String

        @Option(name: .long, help: ArgumentHelp("The client's name in the cluster file.", valueName: "client"))
        var name: String

        @Option(name: .long, help: ArgumentHelp("The cell's name.", valueName: "cell"))
        var cell: String

        @Option(name: .long, help: ArgumentHelp("The party's name.", valueName: "party"))
        var party: String

        @Option(name: .long, help: ArgumentHelp("Good for this model alone; may be repeated.", valueName: "model"))
        var model: [String] = []

        @Option(name: .long, help: ArgumentHelp("For how many seconds, up to 600.", valueName: "s"))
        var seconds = 300

        func run() async throws {
            Output.result(
                try await ClientTokens.Key(contentsOf: URL(fileURLWithPath: key)).token(
                    client: name,
                    cell: cell,
                    party: party,
                    models: model.isEmpty ? nil : Set(model),
                    seconds: seconds
                )
            )
        }
    }
}
