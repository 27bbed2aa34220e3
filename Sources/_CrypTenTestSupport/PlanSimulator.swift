import CrypTenBase
package import CrypTenExpressions
package import CrypTenGates
package import CrypTenPlanning
package import CrypTenRing

/// Whole plans in one thread: each gate is run to its end by all roles before the next begins.
///
/// Words have other numbers than in a session, where the stages of a round's gates interleave; everything else is equal.
package struct PlanSimulator {
    package let plan: PreparedPlan
    private let simulator: GateSimulator

    /// - Parameter drawn: What each party's own generator gives in each stream; nil: what follows from the seed.
    package init(
        _ plan: PreparedPlan,
        seed: UInt64 = 1,
        kernels: any Kernels = PlainKernels(),
        drawn: [[UInt64]]? = nil
    ) {
        self.plan = plan
        simulator = GateSimulator(parties: plan.plan.parties, seed: seed, kernels: kernels, slabs: plan.plan.slabs)
        for (party, words) in (drawn ?? []).enumerated() { simulator.draw(words, by: party) }
    }

    /// Expressions planned and run on given inputs, for tests that need no session.
    ///
    /// - Parameter inputs: the tensors of the inputs, by their session number.
    package static func run(
        _ expressions: [CrypTensor],
        inputs: [Int: Tensor],
        parties: Int = 2,
        fractionBits: Int = 16,
        slabBits: Int = 15,
        seed: UInt64 = 1
    ) throws -> (outputs: [Tensor], plan: PreparedPlan) {
        let (graph, sources) = try Simplify.graph(of: expressions.map { ($0.node, .reveal(to: nil)) })
        let plan = try Planner(parties: parties, fractionBits: fractionBits, slabBits: slabBits).plan(graph, kept: [])
        let simulator = PlanSimulator(plan, seed: seed)
        let encoded = try sources.inputs.map { number -> RingTensor in
            guard let tensor = inputs[number] else { throw SimulationError("no input \(number)") }
            if let integers = tensor.integers, tensor.kind == .integer {
                return RingTensor(integers.map(UInt64.init(bitPattern:)), shape: tensor.shape)
            }
            return try FixedPoint.encode(tensor.doubles, fractionBits: fractionBits, shape: tensor.shape, name: "input")
        }
        return (try simulator.run(inputs: encoded), plan)
    }

    /// What the parties have opened so far, gate by gate.
    package var openings: [Opening] { simulator.openings.map(\.opening) }

    /// The revealed outputs; every party must have got the same.
    package func run(inputs: [RingTensor]) throws -> [Tensor] {
        let parties = plan.plan.parties
        var slots = [SimulatedValue?](repeating: nil, count: plan.plan.slots)
        for binding in plan.plan.bindings {
            switch binding.source {
            case .input(let owner, let index):
                let values: [PartyValue] = (0..<parties).map { $0 == owner.index ? .plain(inputs[index]) : .absent }
                slots[binding.slot] = SimulatedValue(shape: binding.shape, parties: values, dealer: .nothing)
            case .constant(let index):
                let values = [PartyValue](repeating: .plain(plan.constants[index]), count: parties)
                slots[binding.slot] = SimulatedValue(shape: binding.shape, parties: values, dealer: .nothing)
            case .plain, .kept:
                throw SimulationError("the simulator has no public operands and keeps nothing")
            }
        }
        for (index, step) in plan.plan.steps.enumerated() {
            let operands = try step.inputs.map { slot in
                guard let value = slots[slot] else {
                    throw SimulationError("step \(index) reads slot \(slot), which is empty")
                }
                return value
            }
            let outputs = try run(step.gate.gate, operands)
            for (slot, var value) in zip(step.outputs, outputs) {
                value.shape = shape(of: value.parties[0]) ?? value.shape
                _ = try value.plain()
                slots[slot] = value
            }
        }
        return try plan.plan.outputs.map { output in
            guard let value = slots[output.slot] else { throw SimulationError("an output is empty") }
            let words = RingTensor(try value.plain(), shape: output.shape)
            switch output.kind {
            case .real: return Tensor(.double(FixedPoint.decode(words, scale: output.scale)), shape: output.shape)
            case .integer: return Tensor(.int64(words.elements.map(Int64.init(bitPattern:))), shape: output.shape)
            case .bit: return Tensor(.bool(words.elements.map { $0 == 1 }), shape: output.shape)
            }
        }
    }

    private func run(_ gate: some Gate, _ inputs: [SimulatedValue]) throws -> [SimulatedValue] {
        let shapes = inputs.isEmpty ? [[0]] : nil as [Shape]?
        return try simulator.run(gate, inputs, shapes: shapes)
    }

    private func shape(of value: PartyValue) -> Shape? {
        switch value {
        case .share(let tensor), .plain(let tensor): tensor.shape
        case .wire(let wire): wire.hat.shape
        case .bits(let bits): [bits.hat.count]
        case .absent: nil
        }
    }
}
