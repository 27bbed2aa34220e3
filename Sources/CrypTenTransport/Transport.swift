package import CrypTenBase
package import Crypto

/// How a party or the dealer reaches the others: frames to and from each, a secret agreed with each, bytes counted.
///
/// One thread, the engine's, sends and receives and blocks while it waits; every wait has a deadline. A transport fails
/// once and for all: when a peer is lost, sends something malformed or gives up, every call that waits now or later
/// throws that error, whichever peer it waits for, since no run can finish without all of them.
///
/// Two implementations share everything but the wire: ``MemoryTransport`` for threads of one process, ``TCPTransport``
/// for processes and machines. Both count the same bytes.
package protocol Transport: Sendable {
    /// Whom this transport speaks for.
    var role: Role { get }

    /// How many parties the session has; the dealer isn't counted.
    var partyCount: Int { get }

    /// Whether a frame to a peer may carry words in place of bytes: both compute in the same memory, of one process.
    ///
    /// It's the same as long as the session lasts.
    func handsOver(to peer: Role) -> Bool

    /// Queues a frame for a peer and returns; the frame is written without a further call.
    ///
    /// Waits, until `deadline` at the longest, only while more than a fixed number of bytes are queued for that peer.
    ///
    /// - Throws: ``CrypTenError`` `.timedOut` when the queue doesn't drain in time; `.invalidArgument` for a payload over
    ///   ``Frame/maximumPayload``, for a peer that isn't in the session and for a frame kind that the transport owns;
    ///   otherwise what ended the transport.
    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws

    /// Blocks the calling thread until the next frame of one of `kinds` from `peer`.
    ///
    /// Frames come in the order in which the peer sent them; those of other kinds stay for a later call. What a peer sent
    /// before it closed the session can still be received.
    ///
    /// - Throws: ``CrypTenError`` `.timedOut` after the deadline, or when a peer has been silent for too long; `.peerLost`
    ///   when a peer's connection broke; `.partyFailed`, with the peer's message, when a peer gave up; `.malformedFrame`
    ///   when a peer sent what is no frame; the error given to ``abort(_:)``; `.sessionClosed` after ``close()``, and when
    ///   `peer` itself said goodbye and nothing of its is left. Failures come at once, and before frames that still wait;
    ///   another peer's goodbye is no failure.
    func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame

    /// Blocks the calling thread until the first frame of one of `kinds` from any of `peers`, or the goodbye of one of them.
    ///
    /// What came first is returned first; a peer's goodbye after everything of those kinds that it has sent.
    ///
    /// - Returns: nil after the deadline.
    /// - Throws: what ended the transport, as ``receive(_:from:deadline:)`` does.
    func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival?

    /// The next of the secrets, 32 bytes each, that follow from the handshake with a peer: known to these two alone, and given once.
    ///
    /// Both ends get the same if they have asked as often. Of a secret that was given nothing is left here: neither it nor an earlier
    /// one follows from those to come. Derive keys from it, each with its own label.
    ///
    /// - Precondition: `peer` is another member of the session.
    /// - Throws: ``CrypTenError`` `.sessionClosed` once this end has aborted or closed: the secrets are gone then.
    func nextSecret(with peer: Role) throws -> SymmetricKey

    /// A run is over: what is sent from now on is under keys from which those of what was sent before don't follow.
    func moveForward()

    /// What has been sent and received so far; subtract an earlier value to see what happened in between.
    var statistics: TransportStatistics { get }

    /// Ends the session because of an error: tells every peer as well as it can, and fails all waiting and later calls.
    ///
    /// The peers' calls throw `.partyFailed` with the error's message. The first failure stays; ``close()`` is still due.
    func abort(_ error: CrypTenError)

    /// Ends the session in good order: says goodbye after what was sent, and gives up threads and connections.
    ///
    /// Waits until what is queued was sent, for a few seconds at most. Calling it again does nothing.
    func close()
}

/// What one of several peers has to tell.
package enum Arrival: Sendable {
    case frame(Frame, from: Role)
    /// The peer has left the session in good order.
    case goodbye(from: Role)
}
