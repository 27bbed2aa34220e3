package import CrypTenBase
package import Crypto

/// A transport that leaves to another one what it doesn't do itself.
package protocol ForwardingTransport: Transport {
    var base: any Transport { get }
}

extension ForwardingTransport {
    package var role: Role { base.role }

    package var partyCount: Int { base.partyCount }

    package var statistics: TransportStatistics { base.statistics }

    package func handsOver(to peer: Role) -> Bool {
        base.handsOver(to: peer)
    }

    package func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        try base.send(frame, to: peer, deadline: deadline)
    }

    package func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        try base.receive(kinds, from: peer, deadline: deadline)
    }

    package func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival? {
        try base.receive(kinds, fromAnyOf: peers, deadline: deadline)
    }

    package func nextSecret(with peer: Role) throws -> SymmetricKey {
        try base.nextSecret(with: peer)
    }

    package func moveForward() {
        base.moveForward()
    }

    package func abort(_ error: CrypTenError) {
        base.abort(error)
    }

    package func close() {
        base.close()
    }
}
