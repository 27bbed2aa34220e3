public import CrypTenBase
package import CrypTenPlanning

/// What a session has done so far at this party, from the transport's own counters.
public struct SessionStatistics: Sendable, Hashable {
    /// Runs that have ended.
    public var runs = 0
    /// Openings of those runs on which this party waited for others; setup counts none.
    public var rounds = 0
    /// Bytes written to other parties for inputs, openings and reveals, frame headers included.
    public var onlineBytes = 0
    /// Bytes written to other parties to mask what is kept, weights above all.
    public var setupBytes = 0
    /// Seconds from the start of each run to its result, summed; setup included.
    public var seconds = 0.0
    /// Seconds spent on planning.
    public var secondsPlanning = 0.0
    /// Seconds of runs other than setup.
    public var secondsOnline = 0.0
}

/// What an expression will cost: rounds and bytes are exact, equal to what the transport then counts.
public struct Cost: Sendable, Hashable {
    /// One layer's part of it; the parts add up to the whole.
    public struct Layer: Sendable, Hashable {
        public var name: String
        public var rounds: Int
        /// By party.
        public var onlineBytes: [Int]
        public var dealerBytes: Int
        public var multiplyAccumulates: Int
    }

    public var rounds: Int
    /// Bytes that each party writes to the others, frame headers included.
    public var onlineBytes: [Int]
    /// Bytes of corrections that the dealer sends, frame headers included.
    public var dealerBytes: Int
    /// Multiply-accumulates of the same computation in the clear.
    public var multiplyAccumulates: Int
    public var layers: [Layer]
}

/// Who learns a result.
public struct Recipients: Sendable, Hashable {
    let party: PartyID?

    /// Every party.
    public static let all = Recipients(party: nil)

    /// One party alone.
    public static func party(_ index: Int) -> Recipients {
        Recipients(party: PartyID(index))
    }
}

extension Cost {
    /// The public face of a plan's cost.
    package init(_ plan: PlanCost) {
        self.init(
            rounds: plan.rounds, onlineBytes: plan.onlineBytes, dealerBytes: plan.dealerBytes,
            multiplyAccumulates: plan.multiplyAccumulates,
            layers: plan.parts.map {
                Layer(
                    name: $0.layer, rounds: $0.rounds, onlineBytes: $0.onlineBytes, dealerBytes: $0.dealerBytes,
                    multiplyAccumulates: $0.multiplyAccumulates
                )
            }
        )
    }
}
