import CrypTenBase

/// Who makes the correlations that a session's runs use up: shares of functions of masks, one set for each run.
///
/// What a run sends online is the same with either, to the word: rounds and bytes don't tell them apart.
public enum CorrelationProvider: String, Hashable, Sendable, CaseIterable {
    /// A dealer, a member beside the parties, which sees plans and no data. It must not work together with a party.
    case dealer
    /// The two parties themselves, who need nobody else.
    ///
    /// They run a protocol before a run's inputs are known, which takes far more bytes and time than the run itself: `prepare` does it ahead.
    /// Two parties alone.
    case parties
}

extension CorrelationProvider {
    /// - Throws: `.invalidArgument` for more than two parties without a dealer.
    func check(parties: Int) throws {
        guard self == .parties, parties != 2 else { return }
        throw CrypTenError(
            .invalidArgument,
            "\(parties) parties without a dealer: two parties can make their correlations themselves, more can't yet; take two parties, or "
                + "start a dealer and give its address (crypten dealer)"
        )
    }

}

extension SessionConfiguration {
    /// Looks at who is to be a member, before anything is sent.
    ///
    /// - Throws: `.invalidArgument` for more than two parties without a dealer.
    func check(parties: Int) throws {
        try correlations.check(parties: parties)
    }

    /// The same of members whose addresses are given.
    ///
    /// - Throws: `.invalidArgument` for a dealer where there is to be none, and for none where there is to be one.
    func check(parties: Int, dealer: String?) throws {
        try check(parties: parties)
        switch (correlations, dealer) {
        case (.dealer, nil):
            throw CrypTenError(
                .invalidArgument,
                "no dealer's address is given: give it, or let two parties make the correlations themselves "
                    + "(SessionConfiguration.correlations = .parties; crypten: --dealer none)"
            )
        case (.parties, let address?):
            throw CrypTenError(
                .invalidArgument,
                "a dealer at \(address) is given to parties that make the correlations themselves: leave it out, or choose correlations "
                    + "of a dealer at all members"
            )
        case (.dealer, _), (.parties, nil):
            return
        }
    }
}
