import ArgumentParser
import CrypTen
import CrypTenService
import Foundation

struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Look at a cluster file: what members of a cell have agreed on.",
        subcommands: [Check.self, Cell.self]
    )

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Explain what is wrong with a cluster file, with lines.",
            discussion: """
                Prints the digest of what all members must agree on: read it to each other; each party logs it when a session is up. With --as the member's \
                own part is checked, too: its identity's file, whether its fingerprint is the one that others know, its models' files.
                """
        )

        @Argument(help: "The cluster file.")
        var file: String

        @Option(name: .customLong("as"), help: ArgumentHelp("Check what this member needs.", valueName: "name"))
        var name: String?

        func run() throws {
            let (cluster, faults) = try ClusterFile.read(contentsOf: URL(fileURLWithPath: file))
            for fault in faults { Output.note("\(file): \(fault)") }
            guard let cluster else { throw ExitCode(1) }
            if let name {
                let own = try cluster.check(as: name, environment: ProcessInfo.processInfo.environment)
                for fault in own { Output.note("\(file): \(fault)") }
                if own.contains(where: { $0.gravity == .fault }) { throw ExitCode(1) }
            }
            Output.result(
                TextTable.list([
                    ("cell", cluster.cell),
                    ("parties", cluster.members.map(\.name).joined(separator: ", ")),
                    ("dealers", cluster.dealers.isEmpty ? "none" : cluster.dealers.map(\.name).joined(separator: ", ")),
                    ("models", cluster.models.map(\.name).joined(separator: ", ")),
                    ("clients", cluster.clients.map(\.name).joined(separator: ", ")),
                    ("agreement", cluster.agreementDigest),
                ])
            )
        }
    }

    struct Cell: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what clients need to know of a cell: cell.json.",
            discussion: """
                Names, addresses of doors, and fingerprints of the parties. Give it to clients by a way that they trust, as by it they know \
                whom they talk to. With --certificate NAME=FILE a party's certificate is in it, too, for programs that want to read it.
                """
        )

        @Argument(help: "The cluster file.")
        var file: String

        @Option(
            name: .long,
            help: ArgumentHelp("A party's certificate: clinic=clinic.certificate.pem.", valueName: "name=file")
        )
        var certificate: [String] = []

        func run() throws {
            let cluster = try ClusterFile(contentsOf: URL(fileURLWithPath: file))
            var certificates: [String: MemberCertificate] = [:]
            for text in certificate {
                guard let equals = text.firstIndex(of: "="),
                    cluster.members.contains(where: { $0.name == text[..<equals] })
                else {
                    throw ValidationError("--certificate \(text): write a party's name, =, and a file")
                }
                let path = String(text[text.index(after: equals)...])
                certificates[String(text[..<equals])] = try MemberCertificate(contentsOf: URL(fileURLWithPath: path))
            }
            Output.result(String(decoding: try cluster.cellFile(certificates), as: UTF8.self))
        }
    }
}
