import ArgumentParser
import CrypTen
import CrypTenService
import Foundation
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Be one member of a cell, a party or its dealer, and stay up.",
        discussion: """
            A party loads the cluster file's models once, keeps runs prepared, and answers clients at its door: programs that are no party, \
            split their inputs into shares, and send one to each party over HTTPS. When a member is lost, those that are left make a new \
            session by themselves.

            SIGTERM ends a party in good order: what runs is finished, what comes is refused; a dealer ends at once, and its session. SIGHUP reads the cluster file anew: identities, \
            revocations, clients' certificates and keys, and models change without a request being lost; what all members agree on changes \
            when all are started anew.

            Environment variables take the place of what the file's local part says: CRYPTEN_IDENTITY, CRYPTEN_LISTEN, CRYPTEN_DOOR, \
            CRYPTEN_STATUS, CRYPTEN_STATE, CRYPTEN_THREADS; CRYPTEN_LOG is text or json, CRYPTEN_LOG_LEVEL the least that is noted.

              crypten cluster check cluster.yaml
              crypten serve --cluster cluster.yaml --as clinic
            """
    )

    @OptionGroup var member: ClusterOptions

    func run() async throws {
        let log = try DaemonLog(environment: ProcessInfo.processInfo.environment)
        let logger = log.logger(member.name)
        try await CellMember(URL(fileURLWithPath: member.cluster), as: member.name, logger: logger).run()
    }
}

/// Which member of which cluster file.
struct ClusterOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The cluster file.", valueName: "file"))
    var cluster: String

    @Option(name: .customLong("as"), help: ArgumentHelp("Which member or dealer of it this is.", valueName: "name"))
    var name: String
}
