import CrypTenBase
public import CrypTenIdentity
public import Foundation

/// What others are told of a cluster file.
extension ClusterFile {
    /// `cell.json`: what clients need to know, and how they know the parties.
    ///
    /// - Parameter certificates: Parties' certificates by their names, for clients that need them.
    /// - Throws: `.invalidArgument` where a party has no door, or a certificate isn't one that it is known by.
    public func cellFile(_ certificates: [String: MemberCertificate] = [:]) throws -> Data {
        let parties = try members.map { member in
            guard let door = member.door else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(member.name) has no door: name where clients call it (members.\(member.name).door)"
                )
            }
            var party = PartyEntry(
                name: member.name,
                url: door,
                fingerprint: member.identity.isEmpty ? nil : member.identity.map { "\($0)" }.sorted()
            )
            if party.fingerprint == nil {
                party.authority = try member.authorities.map { path in
                    try MemberCertificate(contentsOf: URL(fileURLWithPath: path)).pem
                }
            }
            if let certificate = certificates[member.name] {
                guard member.identity.isEmpty || member.identity.contains(certificate.fingerprint) else {
                    throw CrypTenError(
                        .invalidArgument,
                        "the certificate given for \(member.name) is another one than the cluster file knows it by"
                    )
                }
                party.certificate = certificate.pem
            }
            return party
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(CellEntry(cell: cell, parties: parties))
    }

    private struct CellEntry: Encodable {
        var cell: String
        var parties: [PartyEntry]
    }

    private struct PartyEntry: Encodable {
        var name: String
        var url: String
        /// By what certificates it is known, and by whose; one of them at least.
        var fingerprint: [String]?
        var authority: [String]?
        var certificate: String?
    }

    /// What is wrong with what one member needs beside what all know: its identity and its models.
    ///
    /// - Throws: `.invalidArgument` for a name that the file doesn't have.
    public func check(as name: String, environment: [String: String]) throws -> [ClusterFault] {
        let settings = try MemberSettings(self, as: name, environment: environment)
        var faults: [ClusterFault] = []
        do {
            let known: (identity: Set<Fingerprint>, name: String?) =
                switch settings.part {
                case .party(let index): (members[index].identity, members[index].certificateName)
                case .dealer(let index): (dealers[index].identity, dealers[index].certificateName)
                }
            let shown = try settings.identities().map(\.certificate)
            if known.name == nil, !shown.contains(where: { known.identity.contains($0.fingerprint) }) {
                faults.append(
                    ClusterFault(
                        "none of the identities of \(name) has the fingerprint that others know it by: it is \(shown.map { "\($0.fingerprint)" }.joined(separator: ", "))"
                    )
                )
            }
            for certificate in shown where certificate.isNearItsEnd(at: Date()) {
                faults.append(
                    ClusterFault(
                        "the certificate of \(name) ends in \(certificate.daysLeft(at: Date())) days",
                        gravity: .warning
                    )
                )
            }
        } catch let error as CrypTenError {
            faults.append(ClusterFault(error.message))
        }
        if case .party = settings.part {
            do {
                _ = try DoorClients(self, party: name)
            } catch let error as CrypTenError {
                faults.append(ClusterFault(error.message))
            }
        }
        for model in models where model.owner == name {
            guard let path = settings.local.models[model.name] else {
                faults.append(
                    ClusterFault("model \(model.name) is \(name)'s, and local.\(name).models names no file for it")
                )
                continue
            }
            if !FileManager.default.isReadableFile(atPath: path) {
                faults.append(ClusterFault("\(path): the file of model \(model.name) can't be read"))
            }
        }
        do {
            faults += try preparedFaults(of: name, files: settings.local.models)
        } catch {
            faults.append(ClusterFault((error as? CrypTenError)?.message ?? "a model's file can't be read"))
        }
        if !clients.isEmpty, case .party = settings.part, settings.local.state == nil,
            clients.contains(where: { $0.models.values.contains { $0.rowsPerDay != nil } })
        {
            faults.append(
                ClusterFault("clients have budgets of rows: name a folder of its own for \(name) (local.\(name).state)")
            )
        }
        return faults
    }
}
