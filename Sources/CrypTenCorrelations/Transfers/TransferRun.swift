package import CrypTenBase
package import CrypTenRing

/// What a run's transfers have in common, at either side: leaves, pads' keys, which slabs are used, what it has cost.
///
/// One thread at a time uses a run and what comes of it.
package class TransferRun {
    let height: TreeHeight
    let kernels: TransferKernels
    let pads: PadKeys
    private var schedules: SecretWords?
    private var slabs = 0
    package internal(set) var counters = TransferCounters()

    fileprivate init(_ begun: (schedules: SecretWords, pads: PadKeys), _ height: TreeHeight, _ kernels: TransferKernels)
    {
        (schedules, pads, self.height, self.kernels) = (begun.schedules, begun.pads, height, kernels)
    }

    /// Overwrites the run's leaves: no more transfers can be made, and none can be made again.
    ///
    /// > Precondition: what was extended or absorbed has been used, or never will be: rows are made when words are weighed.
    package func end() {
        schedules?.wipe()
        schedules = nil
    }

    /// The leaves, for transfers whose slabs were taken before.
    var leaves: SecretWords {
        guard let schedules else { preconditionFailure("transfers are used before their run ends") }
        return schedules
    }

    /// The leaves, and the slabs that so many words of choices take: no other extension gets them.
    fileprivate func take(words: Int) throws(CrypTenError) -> (schedules: SecretWords, slab: Int) {
        guard let schedules else {
            throw CrypTenError(.sessionClosed, "a run has ended, and its keys are gone; begin another")
        }
        defer { slabs += (words + TransferKernels.slabWords - 1) / TransferKernels.slabWords }
        return (schedules, slabs)
    }
}

// MARK: Who sends words

/// One direction's side that sends words, of a session: it has Δ.
package final class TransferSender {
    private let delta: SecretWords
    private var leaves: SessionLeaves
    private let height: TreeHeight
    private let kernels: TransferKernels

    /// - Parameters:
    ///   - delta: 128 bits.
    ///   - leaves: As `TransferTrees.puncture` makes them: two words for each leaf, in the order of `x ⊕ α`.
    ///   - height: Of the trees.
    ///   - label: The session and the direction.
    ///   - kernels: What computes.
    package init(delta: SecretWords, leaves: SecretWords, height: TreeHeight, label: [UInt8], kernels: TransferKernels)
    {
        precondition(delta.count == 2 && leaves.count == 2 * height.leaves, "\(leaves.count) words of leaves")
        self.delta = delta
        self.leaves = SessionLeaves(leaves, label: label, kernels: kernels)
        (self.height, self.kernels) = (height, kernels)
    }

    /// Begins a run; the session's leaves move on, so that the chooser must begin the same one.
    ///
    /// - Parameter binding: What the run is, in bytes that both sides have alike.
    /// - Returns: The run, for one thread at a time.
    package func run(_ binding: [UInt8]) -> Run {
        Run(leaves.begin(binding), delta, height, kernels)
    }

    /// The session's leaves as they are now, for tests.
    package var currentLeaves: SecretWords { leaves.words }

    /// A run at the side that sends words.
    package final class Run: TransferRun {
        private let delta: SecretWords

        fileprivate init(
            _ begun: (schedules: SecretWords, pads: PadKeys),
            _ delta: SecretWords,
            _ height: TreeHeight,
            _ kernels: TransferKernels
        ) {
            self.delta = delta
            super.init(begun, height, kernels)
        }

        /// Transfers for the planes of choices that the other side has extended.
        ///
        /// - Parameters:
        ///   - message: What it has sent.
        ///   - planes: How many planes of choices there are.
        ///   - count: How many bits each has.
        /// - Returns: The transfers, in as many planes.
        /// - Throws: `.malformedFrame` where the message has another length; `.sessionClosed` after the run's end.
        /// - Complexity: 16 / k bytes of memory a transfer, and (2^k − 1) · 128 / k blocks of AES for 128 when they are used; 16 bytes from then on where
        ///   a choice weighs several words.
        package func absorb(_ message: RingTensor, planes: Int, count: Int) throws(CrypTenError) -> SentTransfers {
            let words = planes * BitPlanes.words(for: count)
            guard message.count == height.trees * words else {
                throw CrypTenError(
                    .malformedFrame,
                    "an extension of \(planes) planes of \(count) choices has \(message.count) words in place of "
                        + "\(height.trees * words): the peer runs something else; end the session"
                )
            }
            let slab = try take(words: words).slab
            counters.countExtension(planes: planes, count: count, height)
            return SentTransfers(message, slab: slab, planes: planes, count: count, delta: delta, of: self)
        }
    }
}

// MARK: Who chooses

/// One direction's side that chooses, of a session.
package final class TransferReceiver {
    private var leaves: SessionLeaves
    private let height: TreeHeight
    private let kernels: TransferKernels

    /// - Parameters:
    ///   - leaves: Two words for each leaf of each tree.
    ///   - height: Of the trees.
    ///   - label: The session and the direction.
    ///   - kernels: What computes.
    package init(leaves: SecretWords, height: TreeHeight, label: [UInt8], kernels: TransferKernels) {
        precondition(leaves.count == 2 * height.leaves, "\(leaves.count) words of leaves")
        self.leaves = SessionLeaves(leaves, label: label, kernels: kernels)
        (self.height, self.kernels) = (height, kernels)
    }

    /// Begins a run; the session's leaves move on, so that the other side must begin the same one.
    ///
    /// - Parameter binding: What the run is, in bytes that both sides have alike.
    /// - Returns: The run, for one thread at a time.
    package func run(_ binding: [UInt8]) -> Run {
        Run(leaves.begin(binding), height, kernels)
    }

    /// The session's leaves as they are now, for tests.
    package var currentLeaves: SecretWords { leaves.words }

    /// A run at the side that chooses.
    package final class Run: TransferRun {
        fileprivate override init(
            _ begun: (schedules: SecretWords, pads: PadKeys),
            _ height: TreeHeight,
            _ kernels: TransferKernels
        ) {
            super.init(begun, height, kernels)
        }

        /// Makes a transfer for each bit of some planes.
        ///
        /// - Parameter choices: Any bits: those of a mask's seed as they are, or a party's share of a bit.
        /// - Returns: What the other side needs for its part, words of which none tells a choice; and the transfers.
        /// - Throws: `.sessionClosed` after the run's end.
        /// - Complexity: 2^k · 128 / k blocks of AES for 128 transfers, and 128 / k bits of message a transfer. Where k is 2 or 4, and planes fill their slabs but for an eighth,
        ///   nothing is kept but choices, and as many blocks are computed once more when words come; else 16 bytes of memory a transfer.
        package func extend(
            _ choices: BitPlanes
        ) throws(CrypTenError) -> (message: RingTensor, transfers: ReceivedTransfers) {
            let (schedules, slab) = try take(words: choices.wordCount)
            let keepsRows = TransferBatch.keepsRows(planes: choices.planes, count: choices.count, height)
            let (message, rows) = kernels.choose(schedules, height, slab: slab, choices, keepingRows: keepsRows)
            counters.countExtension(planes: choices.planes, count: choices.count, height)
            return (message, ReceivedTransfers(rows, slab: slab, choices, of: self))
        }
    }
}
