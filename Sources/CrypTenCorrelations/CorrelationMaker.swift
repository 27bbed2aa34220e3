package import CrypTenGates
package import CrypTenPlanning
package import CrypTenRing

/// One party's half of making correlations with the other party, for one session.
///
/// Both parties' makers run the same protocol, exchange by exchange, before the inputs of a run are known; each ends with its own words. A session makes
/// its maker when it begins and lets go of it when it ends, for whatever reason: then nothing secret of it is left, above all no base transfers
/// and no keys. After anything was thrown, nothing of a maker is used again. One thread uses it.
package protocol CorrelationMaker: AnyObject {
    /// How many correlated transfers were used so far, in both directions.
    var transfers: Int { get }

    /// About how many bytes may wait for an exchange, transfers and ciphertexts above all; the same at both parties. Set between runs.
    var waitingLimit: Int { get set }

    /// Exchange 0, once a session, before any run: base transfers and keys.
    ///
    /// - Throws: what the channel throws; `.malformedFrame` for what can't be the other party's half.
    func connect(over channel: any PairChannel) throws

    /// Makes one run's correlations.
    ///
    /// - Parameters:
    ///   - plan: What will run; the same at both parties.
    ///   - schedule: The plan's.
    ///   - keys: This party's own keys of the run, which the other doesn't have: of masks, of masks of bits, and of orders. That of correlations isn't used.
    ///   - seeds: The key of this party's bits of masks whose bits are read.
    ///   - binding: The run's hash, the same at both parties, and of no other run.
    ///   - kept: What this party keeps of the masks of the values that the plan reads, in the plan's order.
    ///   - channel: To the other party.
    ///   - sink: Gets what this party's gates will read, in the order in which they read it.
    /// - Returns: What this party keeps of the masks of the values that the plan keeps, in the order of the outputs.
    /// - Throws: what the channel and the sink throw; `.malformedFrame` for what can't be the other party's half.
    func make(
        _ plan: Plan,
        _ schedule: Schedule,
        keys: RunKeys,
        seeds: ExpansionKey,
        binding: [UInt8],
        kept: [any KeptMask],
        over channel: any PairChannel,
        into sink: any PairSink
    ) throws -> [any KeptMask]
}

/// What a maker keeps at this party of the mask of a kept value: its share, and what later runs need beside it; of a value without a mask, nothing.
///
/// The maker that made it is the only one that looks into it.
package protocol KeptMask: AnyObject {
    /// The same of some rows of the value, along its first axis, in this order; a row may come more than once.
    ///
    /// - Parameters:
    ///   - rows: Below the first extent of `shape`.
    ///   - shape: The value's.
    func rows(_ rows: [Int], of shape: Shape) -> any KeptMask
    /// Overwrites it: the value is kept no longer.
    func wipe()
}
