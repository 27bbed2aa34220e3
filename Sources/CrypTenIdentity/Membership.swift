public import CrypTenBase
package import Foundation
import NIOConcurrencyHelpers

/// By what a member knows another one.
public struct PeerTrust: Sendable, Hashable {
    /// Certificates with these fingerprints are the member's: one, and two while it changes from one to the next.
    public var fingerprints: Set<Fingerprint>
    /// Certificates with this name are the member's, where one of ``authorities`` has issued them.
    public var name: String?
    /// Who may issue certificates with ``name``: of the member's own organisation, and of no other.
    public var authorities: [MemberCertificate]

    /// Known by fingerprints, or by a name that an authority vouches for, or both.
    public init(fingerprints: Set<Fingerprint> = [], name: String? = nil, authorities: [MemberCertificate] = []) {
        self.fingerprints = fingerprints
        self.name = name
        self.authorities = authorities
    }

    func covers(_ certificate: MemberCertificate, at date: Date) -> Bool {
        if fingerprints.contains(certificate.fingerprint) { return true }
        guard let name, certificate.names.contains(name) else { return false }
        return authorities.contains { certificate.isIssued(by: $0, at: date) }
    }
}

/// Who this member is, and by what it knows the others: with it, connections are TLS 1.3, and both ends show who they are.
///
/// It may change while sessions run: what is revoked ends at once, and what else is changed holds for connections that are made
/// from then on.
public final class Membership: Sendable {
    private struct State {
        var identities: [MemberIdentity]
        var parties: [PartyID: PeerTrust]
        var dealer: PeerTrust?
        var revoked: Set<Fingerprint>
        /// Connections, with what their other ends have shown, and what ends them.
        var watched: [ObjectIdentifier: (fingerprint: Fingerprint, end: @Sendable () -> Void)] = [:]

        func trust(in role: Role) -> PeerTrust? {
            switch role {
            case .party(let party): parties[party]
            case .dealer: dealer
            }
        }
    }

    private let state: NIOLockedValueBox<State>

    /// A membership.
    ///
    /// - Parameters:
    ///   - identities: This member's: one, or several, of which the first that is valid at the time is shown.
    ///   - parties: By what the other parties are known.
    ///   - dealer: By what the dealer is known; nil at the dealer itself.
    ///   - revoked: What is no longer taken, whatever else says so.
    /// - Throws: `.invalidArgument` without an identity.
    public init(
        identities: [MemberIdentity],
        parties: [PartyID: PeerTrust],
        dealer: PeerTrust? = nil,
        revoked: Set<Fingerprint> = []
    ) throws {
        try Membership.check(identities)
        state = NIOLockedValueBox(
            State(identities: identities, parties: parties, dealer: dealer, revoked: revoked)
        )
    }

    private static func check(_ identities: [MemberIdentity]) throws {
        guard !identities.isEmpty else {
            throw CrypTenError(
                .invalidArgument,
                "a member without an identity: make one with `crypten identity create`"
            )
        }
    }

    /// Replaces identities and what the others are known by, for connections that are made from now on.
    ///
    /// - Throws: `.invalidArgument` without an identity; nothing has changed then.
    public func replace(
        identities: [MemberIdentity],
        parties: [PartyID: PeerTrust],
        dealer: PeerTrust? = nil
    ) throws {
        try Membership.check(identities)
        state.withLockedValue { state in
            (state.identities, state.parties, state.dealer) = (identities, parties, dealer)
        }
    }

    /// Takes a certificate no longer: connections whose other end has shown it end now, and their sessions with them.
    public func revoke(_ fingerprint: Fingerprint) {
        let ended = state.withLockedValue { state in
            state.revoked.insert(fingerprint)
            return state.watched.values.filter { $0.fingerprint == fingerprint }
        }
        for connection in ended { connection.end() }
    }

    /// The identity to be shown now: the first that is valid, or else the first.
    package func shown(at date: Date) -> MemberIdentity {
        state.withLockedValue { state in
            state.identities.first { $0.certificate.isValid(at: date) } ?? state.identities[0]
        }
    }

    /// What is wrong with this member's own identities, or soon will be.
    package func warnings(at date: Date) -> [String] {
        let certificates = state.withLockedValue { $0.identities.map(\.certificate) }
        // Of several the last to end counts: the others are on their way out.
        guard let last = certificates.max(by: { $0.notAfter < $1.notAfter }) else { return [] }
        return Membership.warning("the certificate of this member", last, at: date).map { [$0] } ?? []
    }

    /// What is said of a certificate whose end is near; nil where it isn't.
    package static func warning(_ whose: String, _ certificate: MemberCertificate, at date: Date) -> String? {
        guard certificate.isNearItsEnd(at: date) else { return nil }
        let days = certificate.daysLeft(at: date)
        let end = certificate.notAfter.day
        return days < 0
            ? "\(whose), \"\(certificate.name)\", expired on \(end): make another one (crypten identity create)"
            : "\(whose), \"\(certificate.name)\", expires in \(days) days, on \(end): make another one (crypten identity create), and "
                + "have the others take both until then"
    }

    /// Judges what the other end of a connection has shown.
    ///
    /// - Parameters:
    ///   - der: Its certificate; nil if it has shown none. That it has the key was shown by TLS.
    ///   - role: Who it says it is, or who was called.
    package func judge(_ der: [UInt8]?, as role: Role, at date: Date) -> Judgement {
        guard let der else { return Judgement(verdict: .missing) }
        guard let certificate = try? MemberCertificate(der: der) else { return Judgement(verdict: .unknown) }
        return state.withLockedValue { state in
            var judgement = Judgement(verdict: .unknown, certificate: certificate)
            if state.revoked.contains(certificate.fingerprint) {
                judgement.verdict = .revoked
            } else if state.trust(in: role)?.covers(certificate, at: date) == true {
                judgement.verdict =
                    if date < certificate.notBefore { .notYetValid } else if certificate.notAfter < date {
                        .expired
                    } else {
                        .admitted
                    }
            } else {
                let roles = state.parties.keys.sorted().map { Role.party($0) } + [.dealer]
                judgement.owner = roles.first { state.trust(in: $0)?.covers(certificate, at: date) == true }
                if judgement.owner != nil { judgement.verdict = .anothers }
            }
            return judgement
        }
    }

    /// Has a connection ended when the certificate that its other end has shown is revoked.
    ///
    /// - Returns: Whether it is watched; it isn't where the certificate is revoked already.
    package func watch(
        _ connection: ObjectIdentifier,
        showing fingerprint: Fingerprint,
        end: @escaping @Sendable () -> Void
    ) -> Bool {
        state.withLockedValue { state in
            guard !state.revoked.contains(fingerprint) else { return false }
            state.watched[connection] = (fingerprint, end)
            return true
        }
    }

    /// The connection has ended.
    package func unwatch(_ connection: ObjectIdentifier) {
        state.withLockedValue { $0.watched[connection] = nil }
    }
}
