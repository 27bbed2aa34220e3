import CrypTenBase

extension SessionIdentity {
    /// Whether a peer's hello fits this member of the session.
    ///
    /// - Throws: ``CrypTenError`` `.wrongSession` or `.diverged`, naming what each of the two has.
    func check(_ theirs: Hello, from peer: Role) throws {
        guard theirs.sessionHash == sessionHash else {
            throw CrypTenError(
                .wrongSession,
                "\(peer) and \(role) belong to different sessions; \(role) is in "
                    + "\"\(session)\": start all with the same session name"
            )
        }
        guard peer != role else {
            throw CrypTenError(.wrongSession, "two members of the session say that they are \(peer)")
        }
        guard theirs.partyCount == partyCount else {
            throw CrypTenError(
                .diverged,
                "\(peer) counts \(theirs.partyCount) parties, \(role) counts \(partyCount)"
            )
        }
        guard peers.contains(peer) else {
            throw CrypTenError(.wrongSession, "there is no \(peer) in a session of \(partyCount) parties")
        }
        guard theirs.parameters == parameters else {
            throw CrypTenError(
                .diverged,
                "\(peer) runs with \"\(theirs.parameters)\", \(role) with \"\(parameters)\": "
                    + "all must be the same"
            )
        }
    }
}
