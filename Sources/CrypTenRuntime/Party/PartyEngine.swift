import CrypTenBase
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport

/// Runs plans at one party: stage by stage, round by round, on masked values and shares.
struct PartyEngine {
    let party: Int
    let context: RunContext
    let keys: RunKeys
    /// By party: the keys shared with the others and not with the dealer.
    let pairKeys: [ExpansionKey?]
    /// Known to this party alone: of it come the bits that it draws itself.
    let ownKey: ExpansionKey
    /// Read instead of any others, in a run on made-up values.
    var madeUp: (any CorrelationSource)?
    /// Told of each layer when its last gate has run.
    let progress: (@Sendable (RunProgress) -> Void)?
    /// Told of the step of each unit that has run.
    var finished: ((Int) -> Void)?
    /// Told what each step has yielded and the slots that are free then, of sessions whose parties are one process, to be checked; and, where they make
    /// the correlations, what its readings of bits have subtracted, in order.
    var observer: ((_ step: Int, _ outputs: [PartyValue], _ differences: [RingTensor], _ freed: [Int]) -> Void)?

    /// What fills a plan's bindings at this party.
    struct Operands {
        /// By the plan's input number: encoded at the owner, nil elsewhere.
        var inputs: [RingTensor?]
        /// By slot: a public tensor that is read at two scales has two encodings.
        var plain: [Int: RingTensor]
        var kept: [PartyValue]
    }

    /// - Parameters:
    ///   - words: What the dealer sends, or has sent, at the last party; nil at the others. What the parties have made, at each.
    ///   - ahead: What was computed before, by step; it is given up as it is used.
    /// - Returns: the values of the plan's outputs, in order.
    /// - Throws: whatever ends the run; nothing of the session may be used after that.
    func run(
        _ prepared: PreparedPlan,
        _ operands: Operands,
        words: RunWords?,
        ahead: inout [Int: StepAhead]
    ) throws -> [PartyValue] {
        let plan = prepared.plan
        var slots = [PartyValue?](repeating: nil, count: plan.slots)
        for binding in plan.bindings {
            slots[binding.slot] =
                switch binding.source {
                case .input(_, let index): operands.inputs[index].map { .plain($0) } ?? .absent
                case .plain: .plain(operands.plain[binding.slot]!)
                case .constant(let index): .plain(prepared.constants[index])
                case .kept(let index, _): operands.kept[index]
                }
        }
        let numbers = StreamNumbers()
        let exchange = RoundExchange(context, party: party, parties: plan.parties)
        let correlations = madeUp ?? source(of: words)
        let run = PartyRun(
            party: party,
            parties: plan.parties,
            kernels: context.kernels,
            slabs: plan.slabs,
            keys: keys,
            pairKeys: pairKeys,
            ownKey: ownKey,
            numbers: numbers,
            correlations: correlations,
            exchange: exchange,
            clock: context.clock
        )
        let steps = prepared.schedule.steps
        let gateNumbers = steps.map { context.clock.number(ofGate: $0.name) }
        var memories = [GateMemory?](repeating: nil, count: plan.steps.count)
        var differences: [Int: [RingTensor]] = [:]
        let total = prepared.schedule.rounds.reduce(0) { $0 + $1.count }
        var done = 0
        for (round, units) in prepared.schedule.rounds.enumerated() {
            for unit in units {
                let step = steps[unit.step]
                let memory = memories[unit.step] ?? GateMemory()
                memories[unit.step] = unit.isLastStage ? nil : memory
                numbers.begin(step: unit.step, stage: unit.stage)
                let stage = PartyStage(
                    run,
                    inputs: try step.inputs.map { try value(slots[$0], step: unit.step) },
                    memory: memory,
                    ahead: ahead[unit.step] ?? StepAhead()
                )
                try context.clock.measure(gate: gateNumbers[unit.step]) {
                    try step.gate.evaluate(stage: unit.stage, stage)
                }
                if observer != nil, let made = correlations as? MadeCorrelations {
                    differences[unit.step, default: []] += made.takeSeen()
                }
                if unit.isLastStage {
                    ahead[unit.step] = nil
                    for (slot, output) in zip(step.outputs, stage.outputs) { slots[slot] = output }
                    observer?(unit.step, stage.outputs, differences.removeValue(forKey: unit.step) ?? [], unit.freed)
                }
                for slot in unit.freed { slots[slot] = nil }
                finished?(unit.step)
                done += 1
                if unit.isLastStage {
                    progress?(RunProgress(layer: plan.steps[unit.step].layer, fraction: Double(done) / Double(total)))
                }
            }
            if round + 1 < prepared.schedule.rounds.count { try exchange.finishRound() }
        }
        exchange.finish()
        (correlations as? ReceivedCorrelations)?.finish()
        (correlations as? MadeCorrelations)?.finish()
        let values = try plan.outputs.map { try value(slots[$0.slot], step: plan.steps.count) }
        // What is kept holds nothing of the run but itself.
        context.kernels.settle(values.flatMap(\.words))
        return values
    }

    private func source(of words: RunWords?) -> any CorrelationSource {
        let (kernels, clock) = (context.kernels, context.clock)
        return switch words {
        case nil: SeededCorrelations(key: keys.correlations, context)
        case .dealt(let chunks): ReceivedCorrelations(chunks, kernels, clock: clock)
        case .made(let chunks):
            MadeCorrelations(RestoredPairWords(chunks, kernels, clock: clock), isFollowed: observer != nil)
        case .madeInMemory(let made): MadeCorrelations(made, isFollowed: observer != nil)
        }
    }

    private func value(_ value: PartyValue?, step: Int) throws -> PartyValue {
        guard let value else { preconditionFailure("step \(step) reads a slot that was filled and not freed") }
        return value
    }
}

/// How far a run has come.
public struct RunProgress: Sendable {
    /// The layer whose gate has just run.
    public let layer: String?
    /// The share of the plan's stages that have run, 0 to 1.
    public let fraction: Double
}
