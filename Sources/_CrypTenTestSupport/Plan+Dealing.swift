import CrypTenGates
import CrypTenPlanning
import CrypTenRing

extension Plan {
    /// Goes through the plan as a dealer does who has all parties' masks.
    ///
    /// - Parameters:
    ///   - schedule: The plan's.
    ///   - keys: The parties'.
    ///   - kept: The masks of the kept values that the plan reads, in its order.
    ///   - kernels: What computes.
    ///   - sink: Gets what the last party is sent.
    ///   - deal: Does one stage of a gate.
    /// - Returns: The masks of the values that the plan keeps, in the order of the outputs.
    /// - Throws: What `deal` throws.
    func deal(
        _ schedule: Schedule,
        keys: [RunKeys],
        kept: [DealerValue],
        _ kernels: any Kernels,
        into sink: any CorrectionSink,
        _ deal: (Schedule.Unit, any Gate, DealerStage) throws -> Void
    ) throws -> [DealerValue] {
        var slots = [DealerValue](repeating: .nothing, count: self.slots)
        for binding in bindings {
            if case .kept(let index, _) = binding.source { slots[binding.slot] = kept[index] }
        }
        let numbers = StreamNumbers()
        var memories = [MaskMemory<RingTensor, BitPlanes>?](repeating: nil, count: steps.count)
        for unit in schedule.rounds.joined() {
            let step = steps[unit.step]
            let memory = memories[unit.step] ?? MaskMemory()
            memories[unit.step] = unit.isLastStage ? nil : memory
            numbers.begin(step: unit.step, stage: unit.stage)
            let dealer = DealerStage(
                kernels: kernels,
                slabs: slabs,
                inputs: step.inputs.map { slots[$0] },
                memory: memory,
                keys: keys,
                numbers: numbers,
                sink: sink
            )
            try deal(unit, step.gate.gate, dealer)
            if unit.isLastStage {
                for (slot, output) in zip(step.outputs, dealer.outputs) { slots[slot] = output }
            }
            for slot in unit.freed { slots[slot] = .nothing }
        }
        return outputs.filter { $0.kept != nil }.map { slots[$0.slot] }
    }
}
