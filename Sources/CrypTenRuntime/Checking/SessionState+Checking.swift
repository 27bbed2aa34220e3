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
        engine.observer = { step, outputs, differences, freed in
            // The checker reads them on whichever thread it runs: what waits is computed on this one.
            for words in outputs.flatMap(\.words) + differences { _ = words.storage.words }
            checker.step(number, party: party, step, ExactRun.Seen(outputs, differences: differences), freed: freed)
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
            lastCheck = CheckedRun(
                outcome,
                planned.sources.origins,
                fractionBits: configuration.fractionBits,
                comparesResults: checker.comparesResults
            )
            return values
        } catch {
            checker.abandon(number, party: party, error)
            throw error
        }
    }

    /// Gives the results of a run up that was found to have gone wrong.
    ///
    /// - Throws: `.outOfRange` naming the value that left its range or is further from the true one than it may be; the session goes on.
    func checked(_ results: [RunResult]) throws {
        guard let check = lastCheck, let problem = check.problem else { return }
        if isReporting, check.outcome.violation == nil { return }
        try release(
            results.compactMap { result in
                guard case .kept(let node) = result else { return nil }
                return node
            }
        )
        throw problem
    }

    /// Runs expressions, and reports instead of throwing what was found.
    ///
    /// - Parameter wanted: The error that is wanted of outputs, as a part of their largest number.
    func check(_ roots: [(Node, Graph.Destination)], wanted: Double) throws -> CheckReport {
        var (report, values) = try check(reveals: roots, wanted: wanted)
        let tensors = values?.compactMap { $0 }
        report.values = tensors?.count == roots.count ? tensors : nil
        return report
    }

    /// The same, with what this party is told of each expression.
    func check(
        reveals roots: [(Node, Graph.Destination)],
        wanted: Double
    ) throws -> (report: CheckReport, values: [Tensor?]?) {
        guard checker != nil else {
            throw CrypTenError(
                .invalidArgument,
                "only sessions of withInsecureCheckedParties can be checked: whoever checks sees what all parties have"
            )
        }
        guard wanted > 0, wanted.isFinite else {
            throw CrypTenError(.invalidArgument, "a wanted error of \(wanted) can't be checked: it must be positive")
        }
        (lastCheck, isReporting) = (nil, true)
        defer { isReporting = false }
        do {
            let values = try run(roots, isSetup: false).map(\.tensor)
            guard let check = lastCheck else { preconditionFailure("a checked run leaves what was found") }
            return (CheckReport(check, values: nil, wanted: wanted), values)
        } catch let error as CrypTenError {
            guard let check = lastCheck, check.outcome.violation != nil else { throw error }
            return (CheckReport(check, values: nil, wanted: wanted), nil)
        }
    }
}

/// What was found in a run, and where its entries were written.
struct CheckedRun {
    let outcome: InsecureRunChecker.Outcome
    let origins: [SourceOrigin?]
    let fractionBits: Int
    /// What is wrong.
    let violations: [CheckReport.Finding]

    init(
        _ outcome: InsecureRunChecker.Outcome,
        _ origins: [SourceOrigin?],
        fractionBits: Int,
        comparesResults: Bool
    ) {
        self.outcome = outcome
        // Of what was written in this package, as by the importer of a model, layers and inputs tell more.
        let origins = origins.map { $0.flatMap { $0.isInPackage ? nil : $0 } }
        self.origins = origins
        self.fractionBits = fractionBits
        let writer = FindingWriter(outcome.findings, origins: origins, fractionBits: fractionBits)
        violations =
            outcome.violation.map { [CheckReport.Finding($0, origins, fractionBits: fractionBits)] }
            ?? (comparesResults ? writer.violations() : [])
    }

    var writer: FindingWriter {
        FindingWriter(outcome.findings, origins: origins, fractionBits: fractionBits)
    }

    /// The first thing that is wrong, as an error.
    var problem: CrypTenError? {
        violations.first.map { CrypTenError(.outOfRange, $0.message) }
    }
}

extension SourceOrigin {
    private static let modules = ["CrypTen/", "CrypTenONNX/", "CrypTenRuntime/", "CrypTenTool/"]

    /// Whether it is no place in a user's program.
    fileprivate var isInPackage: Bool {
        SourceOrigin.modules.contains { file.hasPrefix($0) }
    }
}

extension CheckReport.Finding {
    /// A number that has left the range of what reads it.
    fileprivate init(_ violation: RangeViolation, _ origins: [SourceOrigin?], fractionBits: Int) {
        let unit = Double(sign: .plus, exponent: -(violation.scale ?? 0), significand: 1)
        let origin = violation.originNumber.flatMap { $0 < origins.count ? origins[$0] : nil }
        self.init(
            kind: .wrapped,
            layer: violation.layer,
            operation: violation.operation,
            origin: origin?.description,
            shape: violation.shape,
            count: 1,
            index: violation.shape.index(of: violation.place),
            value: nil,
            expected: violation.number * unit,
            limit: Double(sign: .plus, exponent: violation.rule.exponent, significand: 1) * unit,
            message: CrypTenError(violation, origins, fractionBits: fractionBits).message
        )
    }
}
