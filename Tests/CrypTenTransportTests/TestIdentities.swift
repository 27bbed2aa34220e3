import CrypTenBase
import CrypTenIdentity
import CrypTenTransport
import Foundation
import Logging
import NIOConcurrencyHelpers

/// Identities of all members of a session, each known to the others by its fingerprint.
struct TestIdentities: Sendable {
    let parties: Int
    private(set) var identities: [Role: MemberIdentity] = [:]

    init(parties: Int) throws {
        self.parties = parties
        for role in Role.all(partyCount: parties) {
            identities[role] = try MemberIdentity.create(name: role.testName, days: 90)
        }
    }

    /// What others know a member by.
    func fingerprint(of role: Role) -> Fingerprint {
        identities[role]!.certificate.fingerprint
    }

    /// Who a member is, and by what it knows the others, after `change`.
    func membership(
        of role: Role,
        change: (inout [MemberIdentity], inout [Role: PeerTrust], inout Set<Fingerprint>) -> Void = { _, _, _ in }
    ) -> Membership {
        var own = [identities[role]!]
        var trust: [Role: PeerTrust] = [:]
        for (other, identity) in identities where other != role {
            trust[other] = PeerTrust(fingerprints: [identity.certificate.fingerprint])
        }
        var revoked: Set<Fingerprint> = []
        change(&own, &trust, &revoked)
        var parties: [PartyID: PeerTrust] = [:]
        for case (.party(let party), let trust) in trust { parties[party] = trust }
        do {
            return try Membership(identities: own, parties: parties, dealer: trust[.dealer], revoked: revoked)
        } catch {
            preconditionFailure("a membership of a test: \(error)")
        }
    }
}

extension Role {
    /// The name in this member's certificate.
    var testName: String { "member-\(option)" }
}

/// Keeps what is logged.
final class LogRecorder: Sendable {
    private let kept = NIOLockedValueBox<[String]>([])

    /// All messages of warnings and worse, in order.
    var warnings: [String] { kept.withLockedValue { $0 } }

    var logger: Logger { Logger(label: "test") { [kept] _ in Handler(kept: kept) } }

    private struct Handler: LogHandler {
        let kept: NIOLockedValueBox<[String]>
        var logLevel = Logger.Level.warning
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            kept.withLockedValue { $0.append("\(event.message)") }
        }
    }
}
