package import CrypTenBase
package import CrypTenExpressions
package import CrypTenGates
package import CrypTenRing

/// One gate of a plan: what it reads and writes, by slot.
package struct PlanStep: Hashable, Sendable, Codable {
    package var gate: PlanGate
    package var inputs: [Int]
    package var outputs: [Int]
    /// The layer that asked for it, for cost reports and progress.
    package var layer: String?
    /// Slots that are filled before it begins, though it doesn't read them; nil where there are none.
    package var after: [Int]?

    package init(gate: PlanGate, inputs: [Int], outputs: [Int], layer: String?, after: [Int]? = nil) {
        self.gate = gate
        self.inputs = inputs
        self.outputs = outputs
        self.layer = layer
        self.after = after
    }
}

/// A slot that is filled before the run starts.
package struct PlanBinding: Hashable, Sendable, Codable {
    package enum Source: Hashable, Sendable, Codable {
        /// The owner's own numbers, encoded: `index` counts the plan's inputs.
        case input(owner: PartyID, index: Int)
        /// A public operand of run time: `index` counts the plan's public operands.
        case plain(index: Int)
        /// Numbers in the plan: `index` counts its constants.
        case constant(index: Int)
        /// What an earlier run kept: `index` counts the plan's kept values.
        case kept(index: Int, form: KeptForm)
    }

    package var slot: Int
    package var source: Source
    package var shape: Shape
    package var kind: ElementKind
    /// Fraction bits of the encoding.
    package var scale: Int

    package init(slot: Int, source: Source, shape: Shape, kind: ElementKind, scale: Int) {
        self.slot = slot
        self.source = source
        self.shape = shape
        self.kind = kind
        self.scale = scale
    }
}

/// The form in which the parties keep a value between runs.
package enum KeptForm: Hashable, Sendable, Codable {
    case share
    /// Masked; `owner` is the only party whose mask share isn't zero, if there is one.
    case wire(owner: Int?)
    case bits
}

/// A slot that is handed out when the run ends.
package struct PlanOutput: Hashable, Sendable, Codable {
    package var slot: Int
    package var destination: Graph.Destination
    package var shape: Shape
    package var kind: ElementKind
    package var scale: Int
    /// The form that a kept value has; nil where the output is revealed.
    package var kept: KeptForm?

    package init(
        slot: Int,
        destination: Graph.Destination,
        shape: Shape,
        kind: ElementKind,
        scale: Int,
        kept: KeptForm? = nil
    ) {
        self.slot = slot
        self.destination = destination
        self.shape = shape
        self.kind = kind
        self.scale = scale
        self.kept = kept
    }
}

/// Gates, local steps and openings, in rounds: one for all roles.
///
/// The parties and the dealer run the same units in the same order, so that each random word has the same name
/// everywhere. A plan depends on public things only.
package struct Plan: Hashable, Sendable, Codable {
    /// Raised whenever the meaning of a plan, a gate or a stream changes: parties of different versions don't mix.
    package static let version = 8

    package var version = Plan.version
    package var parties: Int
    package var fractionBits: Int
    /// In slabs of how many elements gates work: see ``slabs``.
    package var slabBits: Int
    package var slots: Int
    package var bindings: [PlanBinding]
    package var steps: [PlanStep]
    package var outputs: [PlanOutput]

    package init(
        parties: Int,
        fractionBits: Int,
        slabBits: Int,
        slots: Int,
        bindings: [PlanBinding],
        steps: [PlanStep],
        outputs: [PlanOutput]
    ) {
        self.parties = parties
        self.fractionBits = fractionBits
        self.slabBits = slabBits
        self.slots = slots
        self.bindings = bindings
        self.steps = steps
        self.outputs = outputs
    }

    /// The slabs of all gates, of a plan that passes `validate`.
    package var slabs: Slabs {
        Slabs(bits: slabBits)
    }

    /// The plan as the dealer gets it: without thresholds, coefficients and the names of layers.
    package var redacted: Plan {
        var copy = self
        for index in copy.steps.indices {
            copy.steps[index].gate = copy.steps[index].gate.redacted
            copy.steps[index].layer = nil
        }
        return copy
    }
}

/// What a slot of a plan holds: an entry's value, in one of its forms.
package struct SlotMeaning: Hashable, Sendable {
    /// The graph's entry.
    package var entry: Int
    /// Fraction bits in the ring.
    package var scale: Int
}

/// A plan with what only the parties need: the encoded constants, and its schedule.
package struct PreparedPlan: Sendable {
    package let plan: Plan
    package let constants: [RingTensor]
    /// What was lowered, and which of its entries each slot holds, where it holds one: for checks alone.
    package let graph: Graph
    package let meanings: [SlotMeaning?]
    /// What is known of each output by declarations; nil where nothing is.
    package let keptRanges: [ValueRange?]
    package let schedule: Schedule
    /// SHA-256 of the plan and its constants: equal at all parties.
    package let fingerprint: [UInt8]
    /// The plan as sent to the dealer, and the SHA-256 of that.
    package let dealerPlan: [UInt8]
    package let dealerFingerprint: [UInt8]
}
