import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Foundation

/// Where the parties of one process put all that they have in a run, in the clear, so that it can be followed.
///
/// It is an object in memory, handed to sessions by ``withInsecureCheckedParties(_:configuration:comparesResults:_:)`` alone; nothing of it
/// travels, and a session that connects to others has no way to get one.
///
/// Safety of `@unchecked Sendable`: all that changes is touched only while `condition` is locked.
final class InsecureRunChecker: @unchecked Sendable {
    /// What a party brings to a run.
    struct Contribution {
        var planned: SessionState.Planned
        var operands: PartyEngine.Operands
        /// Its own inputs as they came, by the plan's input number.
        var inputs: [Tensor?]
        /// The public operands, by the plan's number.
        var plain: [Tensor]
    }

    /// What was found in a run; the same at every party.
    struct Outcome {
        var findings: [EntryFinding] = []
        /// The entry of each output, in their order.
        var outputs: [Int] = []
        var inner: [String?: RangeUse] = [:]
        var violation: RangeViolation?
        /// What kept the run from being followed to its end.
        var failure: CrypTenError?
    }

    private struct Run {
        var contributions: [Contribution?]
        var exact: ExactRun?
        /// Steps in the order in which they end, what parties have told of each, and how many have been followed.
        var order: [Int] = []
        var told: [Int: [ExactRun.Seen?]] = [:]
        var freed: [Int: [Int]] = [:]
        var followed = 0
        var outcome: Outcome?
        /// The values of the outputs, and those in the clear.
        var outputs: [(value: ExactValue, clear: ClearValue)] = []
        var ended = 0
    }

    private let parties: Int
    private let kernels: any Kernels
    private let condition = NSCondition()
    private var runs: [UInt64: Run] = [:]
    private var kept: [Int: (value: ExactValue, clear: ClearValue)] = [:]
    /// Shares that parties have put in the places of kept values, until all have.
    private var restored: [Int: [Int: RingTensor]] = [:]

    /// Whether results are held against the true function, too.
    let comparesResults: Bool

    init(parties: Int, kernels: any Kernels, comparesResults: Bool = true) {
        self.parties = parties
        self.kernels = kernels
        self.comparesResults = comparesResults
    }

    // MARK: What parties tell

    /// A party is about to run.
    func begin(_ number: UInt64, party: Int, _ contribution: Contribution) {
        change(number) { run in
            run.contributions[party] = contribution
            guard run.exact == nil, run.contributions.allSatisfy({ $0 != nil }) else { return }
            let all = run.contributions.compactMap { $0 }
            run.exact = try exactRun(all)
            run.order = all[0].planned.plan.schedule.rounds.joined().filter(\.isLastStage).map(\.step)
        }
    }

    /// A party has done a step.
    func step(_ number: UInt64, party: Int, _ step: Int, _ seen: ExactRun.Seen, freed: [Int]) {
        change(number) { run in
            run.told[step, default: Array(repeating: nil, count: parties)][party] = seen
            run.freed[step] = freed
        }
    }

    /// A party's run has failed: the others don't wait for it.
    func abandon(_ number: UInt64, party: Int, _ error: any Error) {
        change(number) { run in
            throw CrypTenError(.partyFailed, "party \(party) failed, so the run was not checked to its end: \(error)")
        }
    }

    /// A party has run: what was found, once all have.
    ///
    /// - Throws: `.timedOut` where another party doesn't end within `patience`.
    func end(_ number: UInt64, party: Int, patience: Duration) throws -> Outcome {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date(timeIntervalSinceNow: patience / .seconds(1))
        while true {
            if let outcome = runs[number]?.outcome { return outcome }
            guard condition.wait(until: deadline) else {
                throw CrypTenError(.timedOut, "the other parties didn't end run \(number), so it was not checked")
            }
        }
    }

    /// The numbers under which a run's outputs are kept, in order; the last thing that a party tells of a run.
    func name(keptOutputs numbers: [Int], of number: UInt64) {
        condition.lock()
        defer { condition.unlock() }
        guard var run = runs[number] else { return }
        if run.outcome?.violation == nil, let plan = run.contributions[0]?.planned.plan.plan {
            let outputs = zip(plan.outputs, run.outputs).filter { $0.0.kept != nil }.map(\.1)
            for (number, output) in zip(numbers, outputs) { kept[number] = output }
        }
        run.ended += 1
        runs[number] = run.ended == parties ? nil : run
    }

    /// A party has put its share of a value in the place of what a run has kept: the value is there once all have.
    func restore(_ number: Int, party: Int, _ share: KeptShare) {
        condition.lock()
        defer { condition.unlock() }
        restored[number, default: [:]][party] = share.words
        guard let shares = restored[number], shares.count == parties else { return }
        restored[number] = nil
        var sum = RingTensor(zeros: share.shape)
        for words in shares.values { kernels.accumulate(&sum, adding: words) }
        let clear: ClearValue
        if share.kind == .real {
            let numbers = FixedPoint.decode(sum, scale: share.scale)
            clear = ClearValue(Tensor(numbers, shape: share.shape), errors: numbers.map { _ in 0 })
        } else {
            clear = ClearValue(Tensor(sum.elements.map { Int64(bitPattern: $0) }, shape: share.shape))
        }
        kept[number] = (ExactValue(sum), clear)
    }

    /// A kept value was given up.
    func release(_ number: Int) {
        condition.lock()
        defer { condition.unlock() }
        kept[number] = nil
    }

    // MARK: Following

    /// Changes what is known of a run, and follows it as far as all parties have come.
    private func change(_ number: UInt64, _ body: (inout Run) throws -> Void) {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        var run = runs.removeValue(forKey: number) ?? Run(contributions: Array(repeating: nil, count: parties))
        guard run.outcome == nil else {
            runs[number] = run
            return
        }
        var outcome = Outcome()
        var isOver = false
        do {
            try body(&run)
            isOver = try follow(&run)
        } catch let violation as RangeViolation {
            outcome.violation = violation
            isOver = true
        } catch {
            outcome.failure = (error as? CrypTenError) ?? CrypTenError(.partyFailed, "the check failed: \(error)")
            isOver = true
        }
        if isOver {
            do {
                outcome.findings = try run.exact?.report() ?? []
                outcome.outputs = run.contributions[0]?.planned.plan.graph.outputs.map(\.entry) ?? []
            } catch {
                outcome.failure = (error as? CrypTenError) ?? CrypTenError(.partyFailed, "the check failed: \(error)")
            }
            outcome.inner = run.exact?.innerUses ?? [:]
            run.outcome = outcome
            (run.exact, run.told) = (nil, [:])
        }
        runs[number] = run
    }

    /// - Returns: whether the plan's last step was followed.
    private func follow(_ run: inout Run) throws -> Bool {
        guard var exact = run.exact else { return false }
        run.exact = nil
        defer { run.exact = exact }
        while run.followed < run.order.count {
            let step = run.order[run.followed]
            let told = run.told[step]?.compactMap { $0 } ?? []
            guard told.count == parties else { return false }
            run.told[step] = nil
            try exact.follow(step, seen: told, freed: run.freed.removeValue(forKey: step) ?? [])
            run.followed += 1
        }
        guard run.contributions.allSatisfy({ $0 != nil }), let plan = run.contributions[0]?.planned.plan.plan else {
            return false
        }
        run.outputs = try plan.outputs.indices.map { try exact.output($0) }
        return true
    }

    private func exactRun(_ all: [Contribution]) throws -> ExactRun {
        let (planned, operands) = (all[0].planned, all[0].operands)
        let inputs = try all[0].inputs.indices.map { index -> Tensor in
            guard let tensor = all.lazy.compactMap({ $0.inputs[index] }).first else {
                throw CrypTenError(.diverged, "nobody has input \(index) of the run")
            }
            return tensor
        }
        let known = try planned.sources.kept.map { read -> (value: ExactValue, clear: ClearValue) in
            guard let value = kept[read.number] else {
                throw CrypTenError(.diverged, "kept value \(read.number) comes from a run that was not checked")
            }
            return read.rows.map { (value.value.rows($0, kernels), value.clear.rows($0)) } ?? value
        }
        let plain = all[0].plain
        return try ExactRun(planned.plan, kernels: kernels) { binding in
            switch binding.source {
            case .input(_, let index):
                guard let words = all.lazy.compactMap({ $0.operands.inputs[index] }).first else {
                    throw CrypTenError(.diverged, "nobody has input \(index) of the run")
                }
                return ExactRun.Bound(value: ExactValue(words))
            case .plain:
                guard let words = operands.plain[binding.slot] else {
                    preconditionFailure("public operands are encoded for each slot")
                }
                return ExactRun.Bound(value: ExactValue(words))
            case .kept(let index, _):
                var bound = ExactRun.Bound(value: known[index].value)
                if case .wire(let wire) = operands.kept[index] { bound.hat = wire.hat }
                return bound
            case .constant:
                preconditionFailure("constants are the plan's own")
            }
        } source: { operation in
            switch operation {
            case .input(_, let number): ClearValue(inputs[number])
            case .kept(let number): known[number].clear
            case .publicInput(let number): ClearValue(plain[number])
            default: throw CrypTenError(.diverged, "\(operation.name) has no value before its step has run")
            }
        }
    }
}
