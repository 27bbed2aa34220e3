package import CrypTenRing

/// What all stages of one run at a party have in common: they share it, so that a stage of few elements isn't longer in the making
/// than at work.
package final class PartyRun {
    package let party: Int
    package let parties: Int
    package let kernels: any Kernels
    /// In which slabs gates work: the plan's.
    package let slabs: Slabs
    let keys: RunKeys
    /// Keys that this party shares with each other one and the dealer lacks, by party; nil at its own place.
    let pairKeys: [ExpansionKey?]
    /// A key that this party has drawn for the run and shares with nobody, nor with the dealer.
    let ownKey: ExpansionKey
    let numbers: StreamNumbers
    let correlations: any CorrelationSource
    let exchange: any OpeningExchange
    let clock: WorkClock

    package init(
        party: Int,
        parties: Int,
        kernels: any Kernels,
        slabs: Slabs,
        keys: RunKeys,
        pairKeys: [ExpansionKey?],
        ownKey: ExpansionKey,
        numbers: StreamNumbers,
        correlations: any CorrelationSource,
        exchange: any OpeningExchange,
        clock: WorkClock = WorkClock()
    ) {
        self.party = party
        self.parties = parties
        self.kernels = kernels
        self.slabs = slabs
        self.keys = keys
        self.pairKeys = pairKeys
        self.ownKey = ownKey
        self.numbers = numbers
        self.correlations = correlations
        self.exchange = exchange
        self.clock = clock
    }
}
