package import CrypTenBase
import NIOConcurrencyHelpers

/// Sessions whose members are threads of one process: frames are handed over, not copied.
///
/// Members that compute in the same memory, of a device, hand over words where they lie; all others bytes. What is counted is the same.
///
/// The conversation, the handshake with its X25519 secrets and the counters are TCP's; only tags are left out, since there
/// is no wire to protect. A member that another member waits for must run on another thread.
package enum MemoryTransport {
    /// Makes all members of a session, connected.
    ///
    /// - Parameters:
    ///   - parties: How many parties; the dealer comes on top.
    ///   - session: The session's name.
    ///   - parameters: What all members have in common, as in ``TCPConfiguration``.
    ///   - memories: By member, the dealer last, what it computes in, nil for the host's memory; none: all in the host's.
    ///   - queueLimit: How many unread bytes a member takes from a peer before that peer must wait.
    /// - Throws: ``CrypTenError`` `.invalidArgument` for fewer than two parties.
    package static func mesh(
        parties: Int,
        session: String,
        parameters: String = "",
        memories: [ObjectIdentifier?] = [],
        queueLimit: Int = 512 << 20
    ) throws -> (parties: [any Transport], dealer: any Transport) {
        let members = try members(parties, hasDealer: true, session, parameters, queueLimit, memories)
        return (Array(members.dropLast()), members[members.count - 1])
    }

    /// The same without a dealer.
    package static func meshWithoutDealer(
        parties: Int,
        session: String,
        parameters: String = "",
        queueLimit: Int = 512 << 20
    ) throws -> [any Transport] {
        try members(parties, hasDealer: false, session, parameters, queueLimit, [])
    }

    private static func members(
        _ parties: Int,
        hasDealer: Bool,
        _ session: String,
        _ parameters: String,
        _ queueLimit: Int,
        _ memories: [ObjectIdentifier?]
    ) throws -> [any Transport] {
        let identities = try Role.all(partyCount: max(parties, 0), hasDealer: hasDealer).map {
            try SessionIdentity(
                role: $0,
                partyCount: parties,
                hasDealer: hasDealer,
                session: session,
                parameters: parameters
            )
        }
        let members = identities.map { identity in
            (identity: identity, inbox: Inbox(peers: identity.peers, limit: queueLimit), traffic: TrafficCounter())
        }
        var links = [[Role: MemoryLink]](repeating: [:], count: members.count)
        let memories = memories.isEmpty ? [ObjectIdentifier?](repeating: nil, count: members.count) : memories
        precondition(memories.count == members.count, "\(members.count) members compute in \(memories.count) memories")
        for (index, member) in members.enumerated() {
            for (otherIndex, other) in members.enumerated() where member.identity.role.calls(other.identity.role) {
                let handsOver = memories[index] != nil && memories[index] == memories[otherIndex]
                let caller = MemoryLink(
                    member.identity,
                    peer: other.identity.role,
                    isCaller: true,
                    handsOver: handsOver,
                    member.inbox,
                    member.traffic
                )
                let answerer = MemoryLink(
                    other.identity,
                    peer: member.identity.role,
                    isCaller: false,
                    handsOver: handsOver,
                    other.inbox,
                    other.traffic
                )
                try MemoryLink.connect(caller, answerer)
                links[index][other.identity.role] = caller
                links[otherIndex][member.identity.role] = answerer
            }
        }
        return zip(members, links).map { member, links in
            TransportEndpoint(
                member.identity,
                inbox: member.inbox,
                traffic: member.traffic,
                links: links,
                secrets: links.compactMapValues { $0.takeSecrets() },
                tearDown: {}
            )
        }
    }
}

extension Role {
    /// Whether this member makes the connection to another one: parties call those before them, and the dealer.
    package func calls(_ other: Role) -> Bool {
        switch (self, other) {
        case (.party(let party), .party(let otherParty)): otherParty < party
        case (.party, .dealer): true
        case (.dealer, _): false
        }
    }
}
