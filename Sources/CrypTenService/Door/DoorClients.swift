import CrypTenBase
import CrypTenIdentity
import CrypTenSharing
import Foundation
import NIOConcurrencyHelpers

/// Who may come to the door, and what each may ask for: as the cluster file says now.
final class DoorClients: Sendable {
    private struct State {
        var clients: [String: ClusterFile.Client]
        var owners: [Fingerprint: String]
        var revoked: Set<Fingerprint>
        var tokens: ClientTokenVerifier
    }

    private let state: NIOLockedValueBox<State>

    /// - Throws: `.invalidArgument` naming a client whose key can't be read.
    init(_ cluster: ClusterFile, party: String) throws {
        state = NIOLockedValueBox(try DoorClients.state(of: cluster, party: party))
    }

    /// Takes over what another cluster file says.
    ///
    /// - Throws: as `init`; nothing has changed then.
    func replace(_ cluster: ClusterFile, party: String) throws {
        let new = try DoorClients.state(of: cluster, party: party)
        state.withLockedValue { $0 = new }
    }

    private static func state(of cluster: ClusterFile, party: String) throws -> State {
        var owners: [Fingerprint: String] = [:]
        for client in cluster.clients {
            for certificate in client.certificates { owners[certificate] = client.name }
        }
        return State(
            clients: Dictionary(cluster.clients.map { ($0.name, $0) }) { first, _ in first },
            owners: owners,
            revoked: cluster.revoked,
            tokens: try ClientTokenVerifier(
                audience: ClientToken.audience(cell: cluster.cell, party: party),
                keys: Dictionary(
                    try cluster.clients.filter { !$0.keys.isEmpty }
                        .map { ($0.name, try $0.keys.map { try ClientTokenKey(pem: $0) }) }
                ) { first, _ in first }
            )
        )
    }

    /// Who asks.
    ///
    /// - Parameters:
    ///   - certificate: The DER form of what the client has shown; nil: nothing.
    ///   - authorization: The header of that name.
    ///   - model: What it asks of; nil: nothing in particular.
    /// - Throws: ``DoorRefusal`` `.unauthorized` with the reason, which doesn't quote what was sent.
    func client(certificate: [UInt8]?, authorization: String?, model: String?) async throws -> ClusterFile.Client {
        let state = state.withLockedValue { $0 }
        if let authorization {
            return try await client(state, authorization, model)
        }
        guard let certificate else {
            throw DoorRefusal(
                .unauthorized,
                "nothing says who asks: show a certificate that the cluster file knows, or send a token for this party (Authorization: Bearer …)"
            )
        }
        let fingerprint = Fingerprint(of: certificate)
        guard !state.revoked.contains(fingerprint) else {
            throw DoorRefusal(.unauthorized, "the certificate that was shown is revoked")
        }
        guard let shown = try? MemberCertificate(der: certificate), shown.isValid(at: Date()) else {
            throw DoorRefusal(
                .unauthorized,
                "the certificate that was shown has expired, or isn't valid yet: make another one"
            )
        }
        guard let name = state.owners[fingerprint], let client = state.clients[name] else {
            throw DoorRefusal(
                .unauthorized,
                "the certificate that was shown is no client's of this cell: have its fingerprint put into the cluster file"
            )
        }
        return client
    }

    private func client(_ state: State, _ authorization: String, _ model: String?) async throws -> ClusterFile.Client {
        let words = authorization.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw DoorRefusal(.unauthorized, "the header Authorization says something else than Bearer and a token")
        }
        let token: ClientToken
        do {
            token = try await state.tokens.verify(String(words[1]))
        } catch {
            throw DoorRefusal(.unauthorized, (error as? CrypTenError)?.message ?? "the token can't be verified")
        }
        guard let client = state.clients[token.client] else {
            throw DoorRefusal(.unauthorized, "the token names no client of this cell")
        }
        if let model, !token.allows(model) {
            throw DoorRefusal(.forbidden, "the token isn't good for model \(model): its scope names others")
        }
        return client
    }
}
