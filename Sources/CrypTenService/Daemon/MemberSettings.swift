import CrypTenBase
import CrypTenDevice
package import CrypTenIdentity
import Foundation

/// What one member's daemon goes by: its part of a cluster file, with what the environment says instead.
package struct MemberSettings: Sendable {
    package let cluster: ClusterFile
    package let name: String
    package let part: ClusterFile.Part
    package let local: ClusterFile.Local

    /// - Parameters:
    ///   - environment: `CRYPTEN_IDENTITY` (files, separated by colons), `CRYPTEN_LISTEN`, `CRYPTEN_DOOR`, `CRYPTEN_STATUS`, `CRYPTEN_STATE`,
    ///     `CRYPTEN_STATUS_HOSTS` (separated by commas) and `CRYPTEN_THREADS` take the place of what the file's local part says.
    /// - Throws: `.invalidArgument` for a name that the file doesn't have, or for what can't be.
    package init(_ cluster: ClusterFile, as name: String, environment: [String: String]) throws {
        self.cluster = cluster
        self.name = name
        part = try cluster.part(of: name)
        var local = cluster.local[name] ?? ClusterFile.Local()
        func given(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
        if let files = given("CRYPTEN_IDENTITY") { local.identity = files.split(separator: ":").map(String.init) }
        for (key, path) in [
            ("CRYPTEN_LISTEN", \ClusterFile.Local.listen), ("CRYPTEN_DOOR", \.door), ("CRYPTEN_STATUS", \.status),
            ("CRYPTEN_STATE", \.state),
        ] {
            if let value = given(key) { local[keyPath: path] = value }
        }
        if let hosts = given("CRYPTEN_STATUS_HOSTS") {
            local.statusHosts = hosts.split(separator: ",").map(String.init)
        }
        if let text = given("CRYPTEN_THREADS") {
            guard let threads = Int(text), (1...1024).contains(threads) else {
                throw CrypTenError(.invalidArgument, "CRYPTEN_THREADS=\(text): choose 1 to 1024")
            }
            local.threads = threads
        }
        if let text = given("CRYPTEN_DEVICE") { local.device = try DeviceChoice(text) }
        self.local = local
    }

    /// Where the member listens for others.
    package var listen: String {
        switch part {
        case .party(let party): local.listen ?? cluster.members[party].address
        case .dealer(let index): local.listen ?? cluster.dealers[index].address
        }
    }

    // MARK: Identities

    /// - Throws: `.invalidArgument` without one; what is wrong with a file.
    package func identities() throws -> [MemberIdentity] {
        guard !local.identity.isEmpty else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) has no identity: name its file in the cluster file (local.\(name).identity) or in CRYPTEN_IDENTITY; "
                    + "`crypten identity create \(name)` makes one"
            )
        }
        return try local.identity.map { try MemberIdentity(contentsOf: URL(fileURLWithPath: $0)) }
    }

    /// By what this member knows the others.
    ///
    /// - Parameter dealer: Which dealer is in use; nil at a dealer, and where there is none.
    func trust(dealer: Int?) throws -> (parties: [PartyID: PeerTrust], dealer: PeerTrust?) {
        var parties: [PartyID: PeerTrust] = [:]
        for member in cluster.members where part != .party(member.party) {
            parties[PartyID(member.party)] = try MemberSettings.trust(
                member.identity,
                member.certificateName,
                member.authorities
            )
        }
        let trusted = try dealer.map { index in
            let dealer = cluster.dealers[index]
            return try MemberSettings.trust(dealer.identity, dealer.certificateName, dealer.authorities)
        }
        return (parties, trusted)
    }

    private static func trust(
        _ identity: Set<Fingerprint>,
        _ name: String?,
        _ authorities: [String]
    ) throws -> PeerTrust {
        PeerTrust(
            fingerprints: identity,
            name: name,
            authorities: try authorities.map { try MemberCertificate(contentsOf: URL(fileURLWithPath: $0)) }
        )
    }

    func membership(dealer: Int?) throws -> Membership {
        let trust = try trust(dealer: dealer)
        return try Membership(
            identities: identities(),
            parties: trust.parties,
            dealer: trust.dealer,
            revoked: cluster.revoked
        )
    }
}
