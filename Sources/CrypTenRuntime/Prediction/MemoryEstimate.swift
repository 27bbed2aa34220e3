import CrypTenPlanning
import CrypTenTransport

/// The memory that a run's values take at its worst moment: an estimate, from shapes alone.
///
/// It counts masked values, shares, bits, kept weights, messages on their way and what kernels need meanwhile; where the parties make the correlations, these
/// and what making them takes, too. A process has its program, files and clear tensors besides: some tens of megabytes where these are small.
public struct MemoryEstimate: Sendable, Hashable {
    /// At each party.
    public var bytesPerParty: [Int]
    /// At the dealer.
    public var dealerBytes: Int
    /// At each party, what a session of such runs holds of memory for tensors: those of a run, and room that is kept for the next.
    public var heldBytesPerParty: [Int]
    /// At the dealer.
    public var heldDealerBytes: Int

    /// What serves both of two runs, one after the other.
    mutating func formMaximum(_ other: MemoryEstimate) {
        bytesPerParty = zip(bytesPerParty, other.bytesPerParty).map { max($0, $1) }
        dealerBytes = max(dealerBytes, other.dealerBytes)
        heldBytesPerParty = zip(heldBytesPerParty, other.heldBytesPerParty).map { max($0, $1) }
        heldDealerBytes = max(heldDealerBytes, other.heldDealerBytes)
    }
}

extension MemoryEstimate {
    /// - Parameter offline: What the parties make; nil where there is a dealer.
    init(_ plan: PreparedPlan, correctionWindow: Int, offline: OfflineCost?) {
        let sending = TCPConfiguration.usualSendQueueLimit
        let memory = PlanMemory(
            of: plan.plan,
            schedule: plan.schedule,
            queues: PlanMemory.Queues(correctionWindow: offline == nil ? correctionWindow : 0, sending: sending)
        )
        self.init(
            bytesPerParty: memory.partyBytes,
            dealerBytes: memory.dealerBytes,
            heldBytesPerParty: memory.heldPartyBytes,
            heldDealerBytes: memory.heldDealerBytes
        )
        if let offline { isWithoutDealer(offline, plan.plan, memory) }
    }

    /// First a party has what is bound, what it stores, and what waits for an exchange; then, while the run goes, what it stores beside the run's values.
    private mutating func isWithoutDealer(_ offline: OfflineCost, _ plan: Plan, _ memory: PlanMemory) {
        let masks = plan.bindings.reduce(offline.keptBytes) { sum, binding in
            guard case .kept(_, let form) = binding.source else { return sum }
            return sum + OfflineCost.keptBytes(binding.shape, form)
        }
        let own = offline.storedBytes + masks
        func bytes(of party: Int, run: Int, keeping kept: Int) -> Int {
            own + max(run, memory.boundBytes[party] + offline.memoryBytesPerParty[party] + kept)
        }
        // What goes in several turns is of many sizes, of which blocks are kept: three quarters as much as is in use, where nobody bounds it.
        let kept = offline.turns > 1 ? min(512 << 20, offline.memoryBytes * 3 / 4) : 0
        bytesPerParty = memory.partyBytes.indices.map { bytes(of: $0, run: memory.partyBytes[$0], keeping: 0) }
        heldBytesPerParty = memory.partyBytes.indices.map {
            bytes(of: $0, run: memory.heldPartyBytes[$0], keeping: kept)
        }
        (dealerBytes, heldDealerBytes) = (0, 0)
    }
}
