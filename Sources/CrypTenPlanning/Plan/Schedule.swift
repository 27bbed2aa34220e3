package import CrypTenGates

/// The order in which the stages of a plan's gates run, and what may be forgotten after each.
///
/// A stage runs in the first round in which all that it reads, and all that it comes after, is there; openings of one round share a message. Units of
/// a round run in the order of their steps. Everything follows from the plan, so each role derives it for itself.
package struct Schedule: Sendable {
    /// One stage of one step.
    package struct Unit: Hashable, Sendable {
        package var step: Int
        package var stage: Int
        package var isLastStage: Bool
        /// Slots that no later unit reads.
        package var freed: [Int]
    }

    /// A step as those read it who run its units: apart from the plan's, which takes longer to copy than a short unit to run.
    package struct Step: Sendable {
        package let gate: any Gate
        /// The gate's.
        package let name: String
        package let inputs: [Int]
        package let outputs: [Int]
    }

    /// The plan's steps, in order.
    package let steps: [Step]
    /// The units between two openings; the last of them is followed by none.
    package let rounds: [[Unit]]
    /// The words of corrections that the last party is dealt.
    package let correctionWords: Int

    /// - Parameter plan: a plan whose steps read only slots that a binding or an earlier step fills.
    package init(_ plan: Plan) {
        var ready = [Int](repeating: 0, count: plan.slots)
        var byRound: [[Unit]] = [[]]
        steps = plan.steps.map { step in
            let gate = step.gate.gate
            return Step(gate: gate, name: type(of: gate).name, inputs: step.inputs, outputs: step.outputs)
        }
        correctionWords = steps.reduce(0) { words, step in
            step.gate.cost(parties: plan.parties, slabs: plan.slabs).reduce(words) { $0 + $1.correctionWords }
        }
        for (index, step) in plan.steps.enumerated() {
            let start = (step.inputs + (step.after ?? [])).map { ready[$0] }.max() ?? 0
            let stages = steps[index].gate.stages
            for stage in 0..<stages {
                while byRound.count <= start + stage { byRound.append([]) }
                byRound[start + stage].append(
                    Unit(step: index, stage: stage, isLastStage: stage == stages - 1, freed: [])
                )
            }
            for output in step.outputs { ready[output] = start + stages - 1 }
        }
        for round in byRound.indices {
            byRound[round].sort { ($0.step, $0.stage) < ($1.step, $1.stage) }
        }
        rounds = Schedule.freeing(byRound, plan)
    }

    /// The number of openings: rounds in which something is sent.
    package var openings: Int {
        rounds.count - 1
    }

    private static func freeing(_ rounds: [[Unit]], _ plan: Plan) -> [[Unit]] {
        var rounds = rounds
        var seen = Set(plan.outputs.map(\.slot))
        for round in rounds.indices.reversed() {
            for position in rounds[round].indices.reversed() where rounds[round][position].isLastStage {
                let step = plan.steps[rounds[round][position].step]
                var freed: [Int] = []
                for slot in step.inputs + step.outputs where seen.insert(slot).inserted { freed.append(slot) }
                rounds[round][position].freed = freed
            }
        }
        return rounds
    }
}
