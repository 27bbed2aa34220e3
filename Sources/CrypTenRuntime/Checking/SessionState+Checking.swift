import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing

/// Runs of checked sessions: all that a party has goes to the checker beside the run, which is the same as ever.
extension SessionState {
    /// Runs an engine; in a checked session it is followed, and what was found is put away as `lastCheck`.
    func observed(
        _ engine: inout PartyEngine,
        _ number: UInt64,
        _ planned: Planned,
        _ operands: PartyEngine.Operands,
        _ body: (PartyEngine) throws -> [PartyValue]
    ) throws -> [PartyValue] {
        guard let checker else { return try body(engine) }
        let party = party
        engine.observer = { step, outputs, freed in
            checker.step(number, party: party, step, outputs, freed: freed)
        }
        do {
            checker.begin(
                number,
                party: party,
                InsecureRunChecker.Contribution(
                    planned: planned,
                    operands: operands,
                    inputs: planned.sources.inputs.map { inputs[$0]?.tensor },
                    plain: try publicOperands(of: planned)
                )
            )
            let values = try body(engine)
            let outcome = try checker.end(number, party: party, patience: configuration.patience)
            if let failure = outcome.failure { throw failure }
            lastCheck = CheckedRun(outcome: outcome, origins: planned.sources.origins)
            return values
        } catch {
            checker.abandon(number, party: party, error)
            throw error
        }
    }

    /// Gives the results of a run up that was found to have gone wrong.
    ///
    /// - Throws: `.outOfRange` naming the value that left the range; the session goes on.
    func checked(_ results: [RunResult]) throws {
        guard let problem = lastCheck?.problem(fractionBits: configuration.fractionBits) else { return }
        try release(
            results.compactMap { result in
                guard case .kept(let node) = result else { return nil }
                return node
            }
        )
        throw problem
    }

    /// Runs expressions, and reports instead of throwing what was found.
    func check(_ roots: [(Node, Graph.Destination)]) throws -> CheckReport {
        guard checker != nil else {
            throw CrypTenError(
                .invalidArgument,
                "only sessions of withInsecureCheckedParties can be checked: whoever checks sees what all parties have"
            )
        }
        lastCheck = nil
        do {
            let tensors = try run(roots, isSetup: false).compactMap { result -> Tensor? in
                guard case .revealed(let tensor) = result else { return nil }
                return tensor
            }
            guard let check = lastCheck else { preconditionFailure("a checked run leaves what was found") }
            return CheckReport(check, values: tensors.count == roots.count ? tensors : nil)
        } catch let error as CrypTenError {
            guard let check = lastCheck, check.outcome.violation != nil else { throw error }
            return CheckReport(check, values: nil, problem: error)
        }
    }
}

/// What was found in a run, and where its entries were written.
struct CheckedRun {
    var outcome: InsecureRunChecker.Outcome
    var origins: [SourceOrigin?]

    /// The value that left its range, as an error.
    func problem(fractionBits: Int) -> CrypTenError? {
        outcome.violation.map { CrypTenError($0, origins, fractionBits: fractionBits) }
    }
}
