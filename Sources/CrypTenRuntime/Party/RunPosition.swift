package import CrypTenBase
package import CrypTenTransport

/// Where a run is: which frames belong to it.
///
/// Every frame of a run carries its number, the round and the start of the hash of all that is bound to it. Frames of one kind
/// come from one peer in the order in which they were sent, so the next one is the right one or the peer is elsewhere: in
/// another run, in another round, or in this run with other inputs, weights or versions of them.
package struct RunPosition: Hashable, Sendable {
    package let run: UInt64
    /// The start of the hash that binds the run to what it reads.
    package let binding: UInt64

    package init(run: UInt64, binding: UInt64) {
        self.run = run
        self.binding = binding
    }

    /// Takes a frame that was waited for; `round` is, of corrections and preparations, its place among them.
    ///
    /// - Throws: `.diverged` for a frame of another run, round or binding.
    package func check(_ frame: Frame, round: UInt32, from peer: Role) throws {
        guard frame.run == run, frame.binding == binding, frame.round == round else {
            let unit = [.correction, .preparation].contains(frame.kind) ? "frame" : "round"
            throw CrypTenError(
                .diverged,
                """
                \(peer) is in run \(frame.run), \(unit) \(frame.round), this one in run \(run), \(unit) \(round)\
                \(frame.binding == binding ? "" : ", and what is bound differs"); \
                all parties must run the same program on the same shapes and weights
                """,
                telling: Disclosure(.anotherProgram, about: peer)
            )
        }
    }

    /// What it means that a peer left in good order while something of its was waited for.
    package func left(_ peer: Role, round: UInt32) -> CrypTenError {
        CrypTenError(
            .diverged,
            """
            \(peer) closed the session, and this one is in run \(run), round \(round); \
            all parties must run the same program
            """,
            telling: Disclosure(.left, about: peer)
        )
    }
}
