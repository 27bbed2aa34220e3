/// Who takes part in a session: one of its parties, or the dealer.
package enum Role: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// A protocol participant that holds data, counted from 0.
    case party(PartyID)
    /// Runs the plan on masks and sends corrections; never sees data.
    case dealer

    /// Everyone in a session of `partyCount` parties: the parties in order, then the dealer, where there is one.
    package static func all(partyCount: Int, hasDealer: Bool = true) -> [Role] {
        (0..<partyCount).map { .party(PartyID($0)) } + (hasDealer ? [.dealer] : [])
    }

    /// Parties by number, the dealer after them.
    package static func < (left: Role, right: Role) -> Bool {
        switch (left, right) {
        case (.party(let left), .party(let right)): left < right
        case (.party, .dealer): true
        case (.dealer, _): false
        }
    }

    package var description: String {
        switch self {
        case .party(let party): party.description
        case .dealer: "the dealer"
        }
    }
}
