import ArgumentParser
import CrypTen
import CrypTenService
import Foundation

/// `--cluster FILE --as NAME` in the place of the flags that say the same: who this member is, where all are, and how they are known.
enum ClusterFlags {
    /// Commands of one member of a session.
    private static let commands = ["party", "dealer", "train"]

    /// The arguments with what the cluster file says.
    ///
    /// - Throws: `ValidationError` for one without the other, or for a flag beside them that the file answers; what is wrong with the file.
    static func expand(_ arguments: [String], environment: [String: String]) throws -> [String] {
        guard let command = arguments.first, commands.contains(command) else { return arguments }
        let early = try EarlyOptions(["--cluster", "--as"], of: arguments.dropFirst())
        let (given, rest) = (early.given, early.rest)
        if given.isEmpty { return arguments }
        guard let file = given["--cluster"], let name = given["--as"] else {
            throw ValidationError("--cluster FILE and --as NAME belong together: which member of which cell this is")
        }
        let cluster = try ClusterFile(contentsOf: URL(fileURLWithPath: file))
        let flags = try MemberSettings(cluster, as: name, environment: environment).flags(of: command)
        for word in rest {
            let option = word.prefix { $0 != "=" }
            if flags.contains(where: { $0.option == option }) {
                throw ValidationError(
                    "\(option) is what the cluster file says: leave it out, or leave out --cluster and --as"
                )
            }
        }
        return [command] + flags.flatMap { [$0.option, $0.value] } + rest
    }
}

/// What ``ClusterFlags`` has taken out of the arguments before they are read: here for `--help`.
struct ClusterPlace: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Take who and where all members are, their identities and the encoding, from this cluster file.",
            valueName: "file"
        )
    )
    var cluster: String?

    @Option(name: .customLong("as"), help: ArgumentHelp("Which member of the cluster file this is.", valueName: "name"))
    var member: String?
}

extension MemberSettings {
    /// The flags of a command that say what the cluster file says.
    fileprivate func flags(of command: String) throws -> [(option: String, value: String)] {
        var flags: [(String, String)] = []
        switch (part, command) {
        case (.party(let party), "party"), (.party(let party), "train"):
            // A party listens where it says itself, and calls the others where all say that they are.
            let addresses = cluster.members.map { $0.party == party ? listen : $0.address }
            flags += [
                ("--id", "\(party)"), ("--parties", addresses.joined(separator: ",")),
                ("--dealer", cluster.dealers.first?.address ?? "none"),
                ("--session", cluster.cell), ("--fraction-bits", "\(cluster.fractionBits)"),
                ("--slab-bits", "\(cluster.slabBits)"),
            ]
            if cluster.correlations == .parties {
                flags.append(("--transfer-tree-height", "\(cluster.transferTreeHeight)"))
            }
            if let dealer = cluster.dealers.first {
                flags += known("dealer", dealer.identity, dealer.certificateName, dealer.authorities)
            }
        case (.dealer, "dealer"):
            flags += [("--listen", listen), ("--parties", "\(cluster.members.count)")]
        case (.party, _):
            throw ValidationError("\(name) is a party of the cell, and `crypten \(command)` is for its dealer")
        case (.dealer, _):
            throw ValidationError("\(name) is a dealer of the cell, and `crypten \(command)` is for its parties")
        }
        for member in cluster.members where part != .party(member.party) {
            flags += known("\(member.party)", member.identity, member.certificateName, member.authorities)
        }
        guard !local.identity.isEmpty else {
            _ = try identities()
            return flags
        }
        flags += local.identity.map { ("--identity", $0) }
        flags += cluster.revoked.map { ("--revoked", "\($0)") }.sorted { $0.1 < $1.1 }
        return flags
    }

    private func known(
        _ member: String,
        _ identity: Set<Fingerprint>,
        _ name: String?,
        _ authorities: [String]
    ) -> [(String, String)] {
        identity.map { ("--peer-identity", "\(member)=\($0)") }.sorted { $0.1 < $1.1 }
            + (name.map { [("--peer-name", "\(member)=\($0)")] } ?? [])
            + authorities.map { ("--authority", "\(member)=\($0)") }
    }
}
