import CrypTenBase
import CrypTenTransport

/// One direction of one connection.
struct DirectedLink: Hashable, Sendable, Comparable, CustomStringConvertible {
    var sender: Role
    var recipient: Role

    static func < (left: DirectedLink, right: DirectedLink) -> Bool {
        (left.sender, left.recipient) < (right.sender, right.recipient)
    }

    var description: String { "\(sender) to \(recipient)" }
}

/// A frame of a run by its place among those of its sender to its recipient, from 0.
///
/// Heartbeats come when it is time, between whichever frames: they are counted apart.
struct FramePlace: Hashable, Sendable, CustomStringConvertible {
    var link: DirectedLink
    var isHeartbeat = false
    var number: Int

    var description: String { "\(isHeartbeat ? "heartbeat" : "frame") \(number) from \(link)" }
}

/// A frame that went by.
struct SeenFrame: Hashable, Sendable {
    var kind: Frame.Kind
    var payload: Int
}

/// A fault, and the frame of a run that it meets.
struct Injection<Fault: Hashable & Sendable>: Hashable, Sendable, CustomStringConvertible {
    var fault: Fault
    var place: FramePlace

    var description: String { "\(fault) at \(place)" }
}
