package import CrypTenExpressions
import CrypTenGates
package import CrypTenRing

/// Plans that make kept values of no expression: what it takes to put the shares of an earlier session into this one.
package struct KeepingPlans {
    private let parties: Int
    private let fractionBits: Int
    private let slabBits: Int

    package init(parties: Int, fractionBits: Int, slabBits: Int) {
        (self.parties, self.fractionBits, self.slabBits) = (parties, fractionBits, slabBits)
    }

    /// What is to be kept.
    package struct Value {
        package var name: String
        package var shape: Shape
        package var kind: ElementKind
        /// Fraction bits in the ring.
        package var scale: Int
        /// What follows from declarations; nil where nothing does.
        package var range: ValueRange?

        package init(name: String, shape: Shape, kind: ElementKind, scale: Int, range: ValueRange?) {
            (self.name, self.shape, self.kind) = (name, shape, kind)
            (self.scale, self.range) = (scale, range)
        }

        /// One of which is known what is known of another.
        package init(name: String, shape: Shape, kind: ElementKind, as known: KeptValue) {
            self.init(name: name, shape: shape, kind: kind, scale: known.scale, range: known.range)
        }
    }

    /// Keeps 64 random bits an element, as shares, for each value.
    ///
    /// No round, no bytes, and nothing dealt.
    package func random(_ values: [Value]) throws -> PreparedPlan {
        try plan(of: values, form: .share) { index, value in
            let gate = RandomGate(shape: value.shape, distribution: .uniformBits(64))
            return (.random(.uniform, value.shape, number: index), nil, .random(gate))
        }
    }

    /// Masks kept shares, in their order, and keeps the wires.
    ///
    /// One round, 8 bytes an element.
    package func masking(_ values: [Value]) throws -> PreparedPlan {
        try plan(of: values, form: .wire(owner: nil)) { index, value in
            (.kept(number: index), .kept(index: index, form: .share), .mask(MaskGate(shape: value.shape)))
        }
    }

    /// A plan of one step a value, which is kept.
    private func plan(
        of values: [Value],
        form: KeptForm,
        _ step: (Int, Value) -> (entry: Primitive, operand: PlanBinding.Source?, gate: PlanGate)
    ) throws -> PreparedPlan {
        var plan = Plan(
            parties: parties,
            fractionBits: fractionBits,
            slabBits: slabBits,
            slots: 0,
            bindings: [],
            steps: [],
            outputs: []
        )
        var graph = Graph()
        var meanings: [SlotMeaning?] = []
        for (index, value) in values.enumerated() {
            func slot() -> Int {
                meanings.append(SlotMeaning(entry: index, scale: value.scale))
                return meanings.count - 1
            }
            let (operation, operand, gate) = step(index, value)
            graph.entries.append(
                Graph.Entry(
                    operation: operation,
                    inputs: [],
                    shape: value.shape,
                    kind: value.kind,
                    isSecret: true,
                    layer: value.name,
                    number: index
                )
            )
            graph.outputs.append(Graph.Output(entry: index, destination: .keep))
            var inputs: [Int] = []
            if let operand {
                let binding = PlanBinding(
                    slot: slot(),
                    source: operand,
                    shape: value.shape,
                    kind: value.kind,
                    scale: value.scale
                )
                plan.bindings.append(binding)
                inputs.append(binding.slot)
            }
            let output = slot()
            plan.steps.append(PlanStep(gate: gate, inputs: inputs, outputs: [output], layer: value.name))
            plan.outputs.append(
                PlanOutput(
                    slot: output,
                    destination: .keep,
                    shape: value.shape,
                    kind: value.kind,
                    scale: value.scale,
                    kept: form
                )
            )
        }
        plan.slots = meanings.count
        return try PreparedPlan(
            plan,
            constants: [],
            graph: graph,
            meanings: meanings,
            keptRanges: values.map(\.range)
        )
    }
}
