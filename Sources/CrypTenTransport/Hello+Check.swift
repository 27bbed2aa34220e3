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
                    + "\"\(session)\": start all with the same session name",
                telling: Disclosure(.anotherSession, about: peer)
            )
        }
        guard peer != role else {
            throw CrypTenError(.wrongSession, "two members of the session say that they are \(peer)")
                .telling(.numberTaken)
        }
        guard theirs.partyCount == partyCount else {
            throw CrypTenError(
                .diverged,
                "\(peer) counts \(theirs.partyCount) parties, \(role) counts \(partyCount)",
                telling: Disclosure(.anotherPartyCount, about: peer)
            )
        }
        guard peers.contains(peer) else {
            throw CrypTenError(.wrongSession, "there is no \(peer) in a session of \(partyCount) parties")
                .telling(.anotherPartyCount, about: peer)
        }
        guard theirs.parametersHash == parametersHash else {
            throw CrypTenError(
                .diverged,
                "\(peer) doesn't run with what \(role) runs with, "
                    + "\(parameters.map { "\"\($0)\"" } ?? "what the first caller has"): all must have the same",
                telling: Disclosure(.anotherConfiguration, about: peer)
            )
        }
        guard theirs.hasPreSharedSecret == (preSharedSecret != nil) else {
            let (having, lacking) = theirs.hasPreSharedSecret ? (peer, role) : (role, peer)
            throw CrypTenError(
                .diverged,
                "\(having) has a pre-shared secret, and \(lacking) has none: give all members the same",
                telling: Disclosure(.anotherSecret, about: peer)
            )
        }
    }
}
