import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import _CrypTenTestSupport

/// A plan dealt and evaluated by all its parties, on made-up operands, where that is little work.
///
/// Every result must have the type that validation found for it.
struct PlanRun {
    private let plan: Plan
    /// Elements and words of all steps together, and multiply-accumulates, that are still computed.
    private static let mostWork = 1 << 14

    init(_ prepared: PreparedPlan) {
        plan = prepared.plan
    }

    func run() throws {
        var types = [OperandType?](repeating: nil, count: plan.slots)
        for binding in plan.bindings { types[binding.slot] = type(of: binding) }
        var work = types.reduce(0) { $0 + ($1?.count ?? 0) }
        var results: [[OperandType]] = []
        for step in plan.steps {
            let gate = step.gate.gate
            let made = try gate.results(of: OperandTypes(step.inputs.map { types[$0]! }), parties: plan.parties)
            for (slot, type) in zip(step.outputs, made) { types[slot] = type }
            work += made.reduce(0) { $0 + $1.count }
            work += gate.cost(parties: plan.parties, slabs: plan.slabs).reduce(0) {
                $0 + $1.correctionWords + $1.openings.reduce(0) { $0 + $1.words }
            }
            results.append(made)
        }
        let cost = PlanCost(
            of: plan,
            schedule: Schedule(plan),
            framing: Framing(headerBytes: 0, chunkBytes: 1 << 18)
        )
        guard work <= PlanRun.mostWork, cost.multiplyAccumulates <= PlanRun.mostWork else { return }
        let simulator = GateSimulator(parties: plan.parties, kernels: NativeKernels(threads: 1), slabs: plan.slabs)
        var slots = [SimulatedValue?](repeating: nil, count: plan.slots)
        for binding in plan.bindings { slots[binding.slot] = value(of: binding, simulator) }
        for (step, made) in zip(plan.steps, results) {
            let operands = step.inputs.map { slots[$0]! }
            let shapes = made.map { type -> Shape in
                switch type {
                case .share(let shape), .wire(let shape, _), .plain(let shape, _): shape
                case .bits(let count, _): [count]
                }
            }
            let outputs: [SimulatedValue]
            do {
                outputs = try simulate(step.gate.gate, operands, shapes.isEmpty ? [[0]] : shapes, simulator)
            } catch let error as SimulationError {
                preconditionFailure("\(step.gate): \(error)")
            }
            precondition(outputs.count == made.count, "\(step.gate) yields what it says")
            for (slot, (output, type)) in zip(step.outputs, zip(outputs, made)) {
                precondition(PlanRun.has(output, type, plan.parties), "\(step.gate) yields \(type)")
                slots[slot] = output
            }
        }
    }

    private func simulate(
        _ gate: some Gate,
        _ operands: [SimulatedValue],
        _ shapes: [Shape],
        _ simulator: GateSimulator
    ) throws -> [SimulatedValue] {
        let outputs = try simulator.run(gate, operands, shapes: shapes)
        for output in outputs { _ = try output.plain() }
        return outputs
    }

    private func type(of binding: PlanBinding) -> OperandType {
        switch binding.source {
        case .input(let owner, _): .plain(binding.shape, party: owner.index)
        case .plain, .constant: .plain(binding.shape, party: nil)
        case .kept(_, .share): .share(binding.shape)
        case .kept(_, .wire): .wire(binding.shape, WireForm())
        case .kept(_, .bits): .bits(count: binding.shape.count, sharesHeld: true)
        }
    }

    private func value(of binding: PlanBinding, _ simulator: GateSimulator) -> SimulatedValue {
        let shape = binding.shape
        let words = (0..<shape.count).map { UInt64($0 % 3) }
        switch binding.source {
        case .input(let owner, _): return simulator.plain(words, at: owner.index, shape: shape)
        case .plain, .constant:
            let plain = PartyValue.plain(RingTensor(words, shape: shape))
            let parties = [PartyValue](repeating: plain, count: plan.parties)
            return SimulatedValue(shape: shape, parties: parties, dealer: .nothing)
        case .kept(_, .share): return simulator.share(words, shape: shape)
        case .kept(_, .wire): return simulator.wire(words, shape: shape)
        case .kept(_, .bits): return simulator.bits(words.map { $0 == 1 })
        }
    }

    /// Whether all roles hold what the type says.
    private static func has(_ value: SimulatedValue, _ type: OperandType, _ parties: Int) -> Bool {
        value.parties.enumerated().allSatisfy { party, held in
            switch (type, held, value.dealer) {
            case (.share(let shape), .share(let share), .nothing): share.shape == shape
            case (.wire(let shape, let form), .wire(let wire), .wire(let mask)):
                wire.hat.shape == shape && mask.mask.shape == shape && (wire.maskShare != nil) == form.sharesHeld
                    && mask.sharesHeld == form.sharesHeld && (wire.truncation?.shift ?? 0) == form.shift
                    && (mask.alternative?.shift ?? 0) == form.shift
            case (.bits(let count, let sharesHeld), .bits(let bits), .bits(let mask)):
                bits.hat.count == count && mask.count == count && (bits.maskShare != nil) == sharesHeld
            case (.plain(let shape, let owner), .plain(let plain), .nothing):
                plain.shape == shape && owner ?? party == party
            case (.plain(_, let owner?), .absent, .nothing): owner != party
            default: false
            }
        }
    }
}
