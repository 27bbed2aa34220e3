import ArgumentParser
import CrypTen
import Foundation

/// Identities of members: what they show each other over TLS.
struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "Make and look at the identities that members show each other.",
        discussion: """
            An identity is a key and a certificate. The key stays where it was made; the certificate is known by its fingerprint, \
            which two people read to each other over the telephone, or is issued by an authority that both know.

              crypten identity create clinic            clinic.identity.pem, for this member alone,
                                                        and clinic.certificate.pem, for everybody
              crypten identity show clinic.certificate.pem
              crypten party --id 0 … --identity clinic.identity.pem --peer-identity 1=3f9a-11c0-… --peer-identity dealer=…

            To change to a new certificate, make one, have the others give --peer-identity twice, with the old fingerprint and the new \
            one, and then show the new one.
            """,
        subcommands: [Create.self, Show.self, Authority.self]
    )

    /// Where files go.
    struct FileOptions: ParsableArguments {
        @Argument(help: ArgumentHelp("A name of letters, digits, hyphens and points.", valueName: "name"))
        var name: String

        @Option(
            name: .long,
            help: ArgumentHelp(
                "The folder for the files; it is made, for this user alone, where it isn't there.",
                valueName: "folder"
            )
        )
        var out = "."

        /// Writes both files, and says what they are.
        func write(_ identity: MemberIdentity, called kind: String) throws {
            let folder = URL(fileURLWithPath: out, isDirectory: true)
            do {
                try FileManager.default.createDirectory(
                    at: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw CrypTenError(.fileNotReadable, "the folder \(out) can't be made", cause: error)
            }
            let files = try identity.write(to: folder)
            Output.result(
                TextTable.list(
                    Show.lines(of: identity.certificate) + [
                        ("\(kind) (secret)", files.identity.relativePath),
                        ("certificate", files.certificate.relativePath),
                    ]
                )
            )
        }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an identity: a key, P-256, and its certificate.",
            discussion: """
                Writes NAME.identity.pem, which only this user may read, and NAME.certificate.pem, which may go to everybody. \
                Read the fingerprint to the owners of the other members; each gives it as --peer-identity.
                """
        )

        @OptionGroup var files: FileOptions

        @Option(name: .long, help: ArgumentHelp("How long the certificate is valid.", valueName: "days"))
        var days = MemberIdentity.usualDays

        @Option(
            name: .long,
            help: ArgumentHelp(
                "Have an authority issue it: the file with its key, from `crypten identity authority`.",
                valueName: "file"
            )
        )
        var authority: String?

        func run() throws {
            let issuer = try authority.map { try MemberIdentity(contentsOf: URL(fileURLWithPath: $0)) }
            try files.write(MemberIdentity.create(name: files.name, days: days, authority: issuer), called: "identity")
        }
    }

    struct Authority: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an authority, which issues the certificates of an organisation's members.",
            discussion: """
                Others give its certificate as --authority, for this organisation's members alone, and the members' names as \
                --peer-name. Keep the key on a machine that runs no member.
                """
        )

        @OptionGroup var files: FileOptions

        @Option(name: .long, help: ArgumentHelp("How long its certificate is valid.", valueName: "days"))
        var days = MemberIdentity.mostDays

        func run() throws {
            try files.write(MemberIdentity.createAuthority(name: files.name, days: days), called: "authority")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whose a certificate is, how long it is valid, and its fingerprint."
        )

        @Argument(help: ArgumentHelp("Certificates, or identities.", valueName: "file"))
        var files: [String]

        func run() throws {
            for file in files {
                let certificate = try MemberCertificate(contentsOf: URL(fileURLWithPath: file))
                Output.result(TextTable.list(Show.lines(of: certificate)))
            }
        }

        static func lines(of certificate: MemberCertificate, at date: Date = Date()) -> [(String, String)] {
            let days = certificate.daysLeft(at: date)
            let left =
                if date < certificate.notBefore { "not valid yet" } else if days < 0 { "expired" } else { "\(days)" }
            return [
                ("name", certificate.name), ("fingerprint", "\(certificate.fingerprint)"),
                ("valid from", certificate.notBefore.day), ("valid until", certificate.notAfter.day),
                ("days left", left),
            ]
        }
    }
}
