import CrypTenBase
package import CrypTenPlanning

/// What a session has done so far at this party, from the transport's own counters.
public struct SessionStatistics: Sendable, Hashable {
    /// Runs that have ended.
    public var runs = 0
    /// Plans that were made for them: one for each form of expression.
    public var plans = 0
    /// Openings of those runs on which this party waited for others; setup counts none.
    public var rounds = 0
    /// Bytes written to other parties for inputs, openings and reveals, frame headers included.
    public var onlineBytes = 0
    /// Bytes written to other parties to mask what is kept, weights above all.
    public var setupBytes = 0
    /// Bytes of corrections that the dealer has sent to this party, frame headers included: all of them at the last party,
    /// none at the others.
    public var dealerBytes = 0
    /// Bytes written to the other party to make correlations before inputs are known, frame headers included: where there is no dealer.
    public var offlineBytes = 0
    /// Exchanges in which the parties made them: in each, both send before they read.
    public var offlineExchanges = 0
    /// Correlated transfers that were used for them, in both directions.
    public var transfers = 0
    /// Seconds spent on making them, of runs that were prepared and of those that made theirs as they began.
    public var secondsOffline = 0.0
    /// Seconds from the start of each run to its result, summed; setup included, and what a run made that wasn't prepared.
    public var seconds = 0.0
    /// Seconds spent on waiting for runs to be dealt ahead, by ``Session/prepare(_:revealingTo:runs:storage:)`` and its like.
    public var secondsPreparing = 0.0
    /// Runs that were dealt ahead and wait for their inputs.
    public var preparedRuns = 0
    /// Seconds spent on planning.
    public var secondsPlanning = 0.0
    /// Seconds of runs other than setup, without those of making correlations.
    public var secondsOnline = 0.0
    /// Where the seconds of runs went, on the engine's thread.
    public var work = WorkTimes()

    /// What was spent between two moments of one session.
    public static func - (later: SessionStatistics, earlier: SessionStatistics) -> SessionStatistics {
        var difference = later
        difference.runs -= earlier.runs
        difference.plans -= earlier.plans
        difference.rounds -= earlier.rounds
        difference.onlineBytes -= earlier.onlineBytes
        difference.setupBytes -= earlier.setupBytes
        difference.dealerBytes -= earlier.dealerBytes
        difference.offlineBytes -= earlier.offlineBytes
        difference.offlineExchanges -= earlier.offlineExchanges
        difference.transfers -= earlier.transfers
        difference.secondsOffline -= earlier.secondsOffline
        difference.seconds -= earlier.seconds
        difference.secondsPlanning -= earlier.secondsPlanning
        difference.secondsPreparing -= earlier.secondsPreparing
        difference.secondsOnline -= earlier.secondsOnline
        difference.work = later.work - earlier.work
        return difference
    }
}

/// What an expression will cost: rounds and bytes are exact, equal to what the transport then counts.
public struct Cost: Sendable, Hashable {
    /// One layer's part of it; the parts add up to the whole, in which alone the dealer's frame headers are counted.
    public struct Layer: Sendable, Hashable {
        /// The name of the scope in which its expressions were made, `"other"` outside of any.
        public var name: String
        /// Openings that begin with this layer; one that several layers share counts for the first.
        public var rounds: Int
        /// Bytes that each party writes to the others, by party.
        ///
        /// The headers of a frame that layers share count for the first.
        public var onlineBytes: [Int]
        /// Bytes of corrections without frame headers, which only the whole has.
        public var dealerBytes: Int
        /// Multiply-accumulates of its products in the clear.
        public var multiplyAccumulates: Int
        /// Its real values are right below 2 to this power, whatever they are: mostly what the truncation of a product takes, 62 − 2f with f
        /// fraction bits, or what the scales leave that follow from declared ranges. Nil where it has no such values.
        public var magnitudeExponent: Int?
    }

    /// Openings on which a party waits for others.
    public var rounds: Int
    /// Bytes that each party writes to the others, frame headers included; by party.
    public var onlineBytes: [Int]
    /// Bytes of corrections that the dealer sends, frame headers included.
    public var dealerBytes: Int
    /// Multiply-accumulates of the same computation in the clear.
    public var multiplyAccumulates: Int
    /// The layers' parts, in the order in which the plan first meets them.
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
            rounds: plan.rounds,
            onlineBytes: plan.onlineBytes,
            dealerBytes: plan.dealerBytes,
            multiplyAccumulates: plan.multiplyAccumulates,
            layers: plan.parts.map {
                Layer(
                    name: $0.layer,
                    rounds: $0.rounds,
                    onlineBytes: $0.onlineBytes,
                    dealerBytes: $0.dealerBytes,
                    multiplyAccumulates: $0.multiplyAccumulates,
                    magnitudeExponent: $0.magnitudeExponent
                )
            }
        )
    }
}
