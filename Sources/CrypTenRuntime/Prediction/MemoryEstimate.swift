import CrypTenPlanning
import CrypTenTransport

/// The memory that a run's values take at its worst moment: an estimate, from shapes alone.
///
/// It counts masked values, shares, bits, kept weights, messages on their way and what kernels need meanwhile. A process
/// has its program, files and clear tensors besides: some tens of megabytes where these are small.
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
    init(_ plan: PreparedPlan, correctionWindow: Int) {
        let sending = TCPConfiguration.usualSendQueueLimit
        let memory = PlanMemory(
            of: plan.plan,
            schedule: plan.schedule,
            queues: PlanMemory.Queues(correctionWindow: correctionWindow, sending: sending)
        )
        self.init(
            bytesPerParty: memory.partyBytes,
            dealerBytes: memory.dealerBytes,
            heldBytesPerParty: memory.heldPartyBytes,
            heldDealerBytes: memory.heldDealerBytes
        )
    }
}
