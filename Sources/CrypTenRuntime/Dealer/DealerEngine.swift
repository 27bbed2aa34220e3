import CrypTenBase
import CrypTenGates
import CrypTenPlanning
import CrypTenRing

/// Runs plans at the dealer: the same units in the same order, on masks; all it sends are corrections.
struct DealerEngine {
    let context: RunContext
    let keys: [RunKeys]
    /// Told of the step of each unit that has run.
    var finished: ((Int) -> Void)?

    /// Deals one run.
    ///
    /// - Parameters:
    ///   - plan: The plan without thresholds and coefficients.
    ///   - schedule: The plan's.
    ///   - kept: What the dealer keeps of the values that the plan reads, in the plan's order.
    ///   - credit: The account of what the last party is sent, in which this run has begun.
    /// - Returns: What it keeps of the values that the plan keeps, in the order of the outputs.
    /// - Throws: What the connection to the last party throws; the session is over then.
    func run(
        _ plan: Plan,
        _ schedule: Schedule,
        kept: [DealerValue],
        credit: inout CreditAccount
    ) throws -> [DealerValue] {
        var slots = [DealerValue](repeating: .nothing, count: plan.slots)
        for binding in plan.bindings {
            if case .kept(let index, _) = binding.source { slots[binding.slot] = kept[index] }
        }
        let numbers = StreamNumbers()
        let stream = CorrectionStream(context, receiver: .party(PartyID(plan.parties - 1)), account: credit)
        let gateNumbers = schedule.steps.map { context.clock.number(ofGate: $0.name) }
        var memories = [MaskMemory<RingTensor, BitPlanes>?](repeating: nil, count: plan.steps.count)
        for units in schedule.rounds {
            for unit in units {
                let step = schedule.steps[unit.step]
                let memory = memories[unit.step] ?? DealerStage.emptyMemory()
                memories[unit.step] = unit.isLastStage ? nil : memory
                numbers.begin(step: unit.step, stage: unit.stage)
                let stage = DealerStage(
                    kernels: context.kernels,
                    slabs: plan.slabs,
                    inputs: step.inputs.map { slots[$0] },
                    memory: memory,
                    keys: keys,
                    numbers: numbers,
                    sink: stream,
                    clock: context.clock
                )
                try context.clock.measure(gate: gateNumbers[unit.step]) {
                    try step.gate.deal(stage: unit.stage, at: stage)
                }
                if unit.isLastStage {
                    for (slot, output) in zip(step.outputs, stage.outputs) { slots[slot] = output }
                }
                for slot in unit.freed { slots[slot] = .nothing }
                finished?(unit.step)
            }
        }
        try stream.finish()
        credit = stream.account
        let kept = plan.outputs.filter { $0.kept != nil }.map { slots[$0.slot] }
        context.kernels.settle(kept.flatMap(\.words))
        return kept
    }
}
