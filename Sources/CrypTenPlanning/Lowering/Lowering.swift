import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// From a graph to the steps of a plan: which values are opened, where they are truncated, which gates are fused.
///
/// Entries are lowered in order. Linear ones stay *sums*: products that are not computed yet, and shares. A sum that a
/// nonlinear operation reads is opened as one absorbed wire, products, bias and shortcut together. Each form that a value
/// takes (share, masked wire; at its own scale, or truncated to `fractionBits`) is made when it is first asked for, and
/// kept, so that a mask is spent once and serves every gate that reads the wire.
///
/// A real value's *scale* is the number of its fraction bits in the ring: `fractionBits` after a truncation, twice that
/// after a product. Truncation comes as late as `scaleLimit` allows. Values whose range is declared have scales of their own
/// (``ValueBounds``).
struct Lowering {
    let graph: Graph
    let parties: Int
    let fractionBits: Int
    /// What is known of each kept value, by its number in the graph.
    let kept: [KeptValue]
    /// What each entry has become so far.
    var values: [Value]
    var steps: [PlanStep] = []
    var bindings: [PlanBinding] = []
    var outputs: [PlanOutput] = []
    var constants: [RingTensor] = []
    /// What is known of every slot.
    var slots: [Slot] = []
    var signs = SignGroups()
    /// Sums of exponentials that two functions read.
    var exponentialSums: [ExponentialSums.Key: ExponentialSums] = [:]
    /// Inverse roots that several quotients read.
    var inverseRoots: [InverseRoot: Scaled] = [:]
    /// Tensors whose rows have been shuffled, by the shuffle's number.
    var shuffles: [Int: [Scaled]] = [:]
    /// Of values that are compared, what has become of it.
    var compared: [Int: Comparisons] = [:]
    /// Comparisons that are lowered with what is handed out of them, by that entry.
    var revealed: [Int: RevealedComparison] = [:]
    let consumers: [[Int]]
    /// Entries that a function of any magnitude reads, itself or as part of a sum: of them nothing is truncated before.
    let feedsMagnitude: [Bool]
    /// How large values are, and the fraction bits that follow from it.
    let bounds: ValueBounds
    /// The layer of the entry that is being lowered.
    var layer: String?

    /// A value in the plan.
    struct Slot {
        enum Form {
            case share
            case wire(sharesHeld: Bool, owner: Int?)
            case bits
            case plain
        }

        var form: Form
        var shape: Shape
    }

    /// A share or wire and its fraction bits.
    struct Scaled {
        var slot: Int
        var scale: Int
    }

    /// A wire that gates read by elements, truncated on the way or not: its slot, how it is read, and its fraction bits then.
    typealias InPlace = (slot: Int, form: WireForm, scale: Int)

    /// The bits `[value < number]` of a value that is read in place.
    struct Comparisons {
        var place: InPlace
        /// The slot of each bit, by the number.
        var bits: [SignGroups.Threshold: Int] = [:]
    }

    /// A linear combination that hasn't been computed yet.
    struct Sum {
        struct Product {
            var operation: BilinearOperation
            var left: Int
            var right: Int
        }

        var products: [Product] = []
        /// Shares of the sum's shape and scale.
        var addends: [Int] = []
        var scale: Int
    }

    /// The forms that an entry's value has.
    struct Value {
        /// A sum, by its entry, over the number of its terms.
        struct Mean {
            var sum: Int
            var terms: Int
        }

        var sum: Sum?
        var share: Scaled?
        var wire: Scaled?
        /// Truncated to at most the value's target: differs from the above where their scale is larger.
        var reducedShare: Scaled?
        var reducedWire: Scaled?
        /// A truncation of `wire` that elementwise gates read in place.
        var inPlace: Int?
        var bits: Int?
        /// Set for a sum's mean: then its truncation is the division.
        var mean: Mean?
        /// Set for a move of elements that waits for a wire to be asked for: the scale that it will have.
        var waitingMove: Int?
    }

    init(_ graph: Graph, parties: Int, fractionBits: Int, kept: [KeptValue]) {
        self.graph = graph
        self.kept = kept
        self.parties = parties
        self.fractionBits = fractionBits
        consumers = graph.consumers
        feedsMagnitude = graph.feedsMagnitude
        bounds = ValueBounds(
            graph,
            fractionBits: fractionBits,
            usualLimit: FixedPoint.scaleLimit(fractionBits: fractionBits),
            kept: kept
        )
        values = Array(repeating: Value(), count: graph.entries.count)
    }

    /// Fraction bits that a sum or product may have where nothing is known of it.
    var scaleLimit: Int {
        FixedPoint.scaleLimit(fractionBits: fractionBits)
    }

    /// Fraction bits to which a value is truncated where it must be: the session's, unless its range is declared.
    func target(_ index: Int) -> Int {
        bounds.targets[index]
    }

    /// Lowers everything that the outputs need.
    ///
    /// - Throws: `CrypTenError` for what this protocol can't compute; shapes were checked when the nodes were made.
    mutating func run() throws {
        let needed = reachable()
        signs = SignGroups(graph, needed: needed, targets: bounds.targets)
        revealed = revealedComparisons()
        let waiting = Set(revealed.values.flatMap(\.entries))
        for (index, entry) in graph.entries.enumerated() where needed[index] && entry.isSecret {
            layer = entry.layer
            if revealed[index] != nil {
                try reveal(comparisonBehind: index)
            } else if !waiting.contains(index) {
                try lower(index)
            }
        }
        for output in graph.outputs { try hand(out: output) }
    }

    private func reachable() -> [Bool] {
        var needed = [Bool](repeating: false, count: graph.entries.count)
        for output in graph.outputs { needed[output.entry] = true }
        for index in graph.entries.indices.reversed() where needed[index] {
            for input in graph.entries[index].inputs { needed[input] = true }
        }
        return needed
    }

    // MARK: Emitting

    /// Adds a slot that some step or binding fills.
    mutating func slot(_ form: Slot.Form, _ shape: Shape) -> Int {
        slots.append(Slot(form: form, shape: shape))
        return slots.count - 1
    }

    /// Adds a step with one output.
    mutating func emit(_ gate: PlanGate, _ inputs: [Int], _ form: Slot.Form, _ shape: Shape) -> Int {
        let output = slot(form, shape)
        steps.append(PlanStep(gate: gate, inputs: inputs, outputs: [output], layer: layer))
        return output
    }

    /// Adds a step with several outputs of one form and shape.
    mutating func emit(
        _ gate: PlanGate,
        _ inputs: [Int],
        outputs count: Int,
        _ form: Slot.Form,
        _ shape: Shape
    ) -> [Int] {
        let outputs = (0..<count).map { _ in slot(form, shape) }
        steps.append(PlanStep(gate: gate, inputs: inputs, outputs: outputs, layer: layer))
        return outputs
    }

    func entry(_ index: Int) -> Graph.Entry {
        graph.entries[index]
    }

    func isReal(_ index: Int) -> Bool {
        entry(index).kind == .real
    }

    // MARK: Outputs

    private mutating func hand(out output: Graph.Output) throws {
        let entry = entry(output.entry)
        layer = "output"
        switch output.destination {
        case .reveal(let party):
            let receiver = party?.index
            let slot: Int
            var scale = 0
            if !entry.isSecret {
                // Public already: nothing to open.
                (slot, scale) = (plain(output.entry, scale: scaleOfKind(entry.kind)), scaleOfKind(entry.kind))
            } else if let made = revealed[output.entry]?.slot {
                slot = made
            } else if entry.kind == .bit {
                slot = emit(
                    .revealBits(RevealBitsGate(shape: entry.shape, receiver: receiver)),
                    [bits(output.entry)],
                    .plain,
                    entry.shape
                )
            } else {
                let share = reducedShare(output.entry)
                slot = emit(
                    .reveal(RevealGate(shape: entry.shape, receiver: receiver)),
                    [share.slot],
                    .plain,
                    entry.shape
                )
                scale = share.scale
            }
            outputs.append(
                PlanOutput(
                    slot: slot,
                    destination: output.destination,
                    shape: entry.shape,
                    kind: entry.kind,
                    scale: scale
                )
            )
        case .share:
            guard entry.isSecret, entry.kind != .bit else {
                throw CrypTenError(
                    .invalidArgument,
                    entry.isSecret
                        ? "of bits there are no shares modulo 2^64: make integers of them"
                        : "a public value needs no shares; hand it out as it is"
                )
            }
            let share = reducedShare(output.entry)
            outputs.append(
                PlanOutput(
                    slot: emit(.reshare(ReshareGate(shape: entry.shape)), [share.slot], .share, entry.shape),
                    destination: .keep,
                    shape: entry.shape,
                    kind: entry.kind,
                    scale: share.scale,
                    kept: .share
                )
            )
        case .keep, .keepFine:
            var (slot, scale, form) = try formToKeep(output.entry)
            if case .keepFine(let bits) = output.destination, scale < bits, entry.kind == .real {
                slot = raise(reducedShare(output.entry), to: bits)
                (scale, form) = (bits, .share)
            }
            outputs.append(
                PlanOutput(
                    slot: slot,
                    destination: .keep,
                    shape: entry.shape,
                    kind: entry.kind,
                    scale: scale,
                    kept: form
                )
            )
        }
    }

    /// The entry that each slot holds; of several that are one value, the first.
    var meanings: [Int: SlotMeaning] {
        var meanings: [Int: SlotMeaning] = [:]
        func note(_ slot: Int, _ entry: Int, _ scale: Int) {
            if meanings[slot] == nil { meanings[slot] = SlotMeaning(entry: entry, scale: scale) }
        }
        for (entry, value) in values.enumerated() {
            for form in [value.share, value.wire, value.reducedShare, value.reducedWire] {
                if let form { note(form.slot, entry, form.scale) }
            }
            if let slot = value.inPlace { note(slot, entry, target(entry)) }
            if let slot = value.bits { note(slot, entry, 0) }
        }
        for (output, handed) in zip(outputs, graph.outputs) { note(output.slot, handed.entry, output.scale) }
        return meanings
    }

    private func scaleOfKind(_ kind: ElementKind) -> Int {
        kind == .real ? fractionBits : 0
    }

    /// A value as it is kept: masked where it is masked anyway, else as a share.
    private mutating func formToKeep(_ index: Int) throws -> (Int, Int, KeptForm) {
        guard entry(index).isSecret else {
            throw CrypTenError(.invalidArgument, "a public value needs no evaluation; use it as it is")
        }
        if entry(index).kind == .bit { return (bits(index), 0, .bits) }
        for candidate in [values[index].reducedWire, values[index].wire] {
            guard let candidate, case .wire(true, let owner) = slots[candidate.slot].form,
                candidate.scale <= target(index)
            else { continue }
            return (candidate.slot, candidate.scale, .wire(owner: owner))
        }
        let share = reducedShare(index)
        return (share.slot, share.scale, .share)
    }
}
