import CrypTenGates
package import CrypTenRing

/// What a party keeps of the mask of a kept value: its part, and the seed words of r once bits of it were read.
///
/// A value keeps its r as it keeps its mask: with a fresh one in each run, every reveal would round the value's low bits at another threshold. A new
/// version of a value is a new one. Rows of it are a view, with the same r.
package final class PairKept: KeptMask {
    package enum Content {
        case nothing
        case wire(part: RingTensor, sharesHeld: Bool)
        case bits(BitPlanes)
    }

    /// What this is rows of.
    private let whole: (value: PairKept, rows: [Int], shape: Shape)?
    private var content: Content
    private var seeds: RingTensor?

    package init(_ content: Content, seeds: RingTensor?) {
        (self.content, self.seeds, whole) = (content, seeds, nil)
    }

    private init(_ rows: [Int], of value: PairKept, _ shape: Shape) {
        (content, whole) = (.nothing, (value, rows, shape))
    }

    deinit { wipe() }

    package func rows(_ rows: [Int], of shape: Shape) -> any KeptMask {
        PairKept(rows, of: self, shape)
    }

    package func wipe() {
        // Taken out: what two have isn't overwritten.
        var taken = Content.nothing
        swap(&taken, &content)
        switch consume taken {
        case .nothing: break
        case .wire(var part, _): part.wipe()
        case .bits(var bits): bits.wipe()
        }
        seeds?.wipe()
        seeds = nil
    }

    /// What a run has of it; of one value once in a run, whoever reads it.
    func value(in run: PairRun, _ stage: PairStage, _ known: inout [ObjectIdentifier: PairValue]) -> PairValue {
        if let whole {
            let take = LinearOperation.take(axis: 0, indices: whole.rows)
            switch whole.value.value(in: run, stage, &known) {
            case .nothing: return .nothing
            case .wire(let wire):
                return .wire(WireMask(mask: stage.apply(take, to: [wire.mask]), sharesHeld: wire.sharesHeld))
            case .bits(let bits): return .bits(stage.apply(take, to: [bits], shapes: [whole.shape]))
            }
        }
        if let value = known[ObjectIdentifier(self)] { return value }
        let value: PairValue =
            switch content {
            case .nothing: .nothing
            case .wire(let part, let sharesHeld): .wire(run.wire(part, sharesHeld: sharesHeld, seeds: seeds))
            case .bits(let bits): .bits(run.bits(bits))
            }
        known[ObjectIdentifier(self)] = value
        return value
    }

    /// After a run: what r's seed words are, where the run was the first that read bits of it.
    func remember(_ value: PairValue?) throws {
        guard let whole else {
            guard seeds == nil, case .wire(let wire)? = value else { return }
            seeds = try wire.mask.origin.drawnSeeds()
            return
        }
        try whole.value.remember(value)
    }

    /// The value whose part this is, or is rows of.
    var root: PairKept { whole?.value.root ?? self }
}
