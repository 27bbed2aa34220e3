package import CrypTenBase

/// What a transport has sent and received: a value, taken at one moment.
///
/// Bytes are those on the wire, frame headers included. Heartbeats make `.control` depend on time; the other totals depend
/// on what was sent alone, and are the same over memory and TCP.
package struct TransportStatistics: Hashable, Sendable {
    /// A number of frames and their bytes.
    package struct Count: Hashable, Sendable {
        package var bytes: UInt64 = 0
        package var frames: UInt64 = 0

        /// A number of frames, zero unless it is given.
        package init(bytes: UInt64 = 0, frames: UInt64 = 0) {
            self.bytes = bytes
            self.frames = frames
        }

        package static func - (left: Count, right: Count) -> Count {
            Count(bytes: left.bytes - right.bytes, frames: left.frames - right.frames)
        }

        package static func + (left: Count, right: Count) -> Count {
            Count(bytes: left.bytes + right.bytes, frames: left.frames + right.frames)
        }

        package static func += (left: inout Count, right: Count) {
            left = left + right
        }
    }

    /// One peer's totals, with an entry for each meter, in order.
    private struct Peer: Hashable, Sendable {
        var sent = [Count](repeating: Count(), count: Frame.Meter.allCases.count)
        var received = [Count](repeating: Count(), count: Frame.Meter.allCases.count)
    }

    private var peers: [Role: Peer] = [:]

    /// Nothing sent or received.
    package init() {}

    /// What was sent to one peer on one meter.
    package func sent(_ meter: Frame.Meter, to peer: Role) -> Count {
        peers[peer]?.sent[meter.rawValue] ?? Count()
    }

    /// What was sent to all peers on one meter.
    package func sent(_ meter: Frame.Meter) -> Count {
        peers.values.reduce(Count()) { $0 + $1.sent[meter.rawValue] }
    }

    /// What was sent to one peer on all meters.
    package func sent(to peer: Role) -> Count {
        peers[peer]?.sent.reduce(Count(), +) ?? Count()
    }

    /// What was received from one peer.
    package func received(from peer: Role) -> Count {
        peers[peer]?.received.reduce(Count(), +) ?? Count()
    }

    /// What was received from one peer in frames of kinds whose usual meter this is: a frame doesn't tell its sender's.
    package func received(_ meter: Frame.Meter, from peer: Role) -> Count {
        peers[peer]?.received[meter.rawValue] ?? Count()
    }

    /// The bytes sent to all parties, not to the dealer, on one meter: what DESIGN.md calls *online bytes of a party*.
    package func bytesToParties(_ meter: Frame.Meter) -> UInt64 {
        peers.reduce(0) { $1.key == .dealer ? $0 : $0 + $1.value.sent[meter.rawValue].bytes }
    }

    /// What happened between `earlier` and `later`, two values of one transport.
    package static func - (later: TransportStatistics, earlier: TransportStatistics) -> TransportStatistics {
        var difference = later
        for (role, before) in earlier.peers {
            guard let after = later.peers[role] else { continue }
            difference.peers[role] = Peer(
                sent: zip(after.sent, before.sent).map { $0 - $1 },
                received: zip(after.received, before.received).map { $0 - $1 }
            )
        }
        return difference
    }

    /// Counts one frame of `bytes` sent to `peer`.
    mutating func countSent(_ bytes: Int, meter: Frame.Meter, to peer: Role) {
        peers[peer, default: Peer()].sent[meter.rawValue] += Count(bytes: UInt64(bytes), frames: 1)
    }

    /// Counts one frame of `bytes` received from `peer`.
    mutating func countReceived(_ bytes: Int, meter: Frame.Meter, from peer: Role) {
        peers[peer, default: Peer()].received[meter.rawValue] += Count(bytes: UInt64(bytes), frames: 1)
    }
}
