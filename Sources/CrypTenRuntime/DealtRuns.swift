import CrypTenGates
import CrypTenPlanning

/// A run that the dealer was asked for: the number and the hash from which all its words come.
///
/// It is used by whoever takes it out of where it waits, and so at most once.
struct DealtRun {
    /// No run of the session has the same.
    let number: UInt64
    /// SHA-256 of what was bound when the dealer was asked.
    let hash: [UInt8]
    /// The numbers under which outputs are kept.
    let keptOutputs: [Int]
    /// Where its corrections are; nil where they come as the run goes on, and at all parties but the last.
    var stored: StoredCorrections?
    /// What this party has computed for it already, by step.
    var ahead: [Int: StepAhead] = [:]

    /// The memory of that.
    var bytesAhead: Int {
        ahead.values.reduce(0) { $0 + $1.bytes }
    }
}

/// Runs that were dealt before their inputs were known, by what they can be used for; the oldest is used first.
struct DealtRuns {
    /// What expressions must have in common with those that a run was dealt for.
    struct Form: Hashable {
        /// The plan's.
        let fingerprint: [UInt8]
        /// The session's numbers of the kept values that are read, in the plan's order.
        let keptInputs: [Int]

        init(_ planned: SessionState.Planned) {
            fingerprint = planned.plan.fingerprint
            keptInputs = planned.sources.kept
        }
    }

    private var runs: [Form: ArraySlice<DealtRun>] = [:]

    /// How many there are.
    var count: Int {
        runs.values.reduce(0) { $0 + $1.count }
    }

    /// The memory of what was computed for them.
    var bytesAhead: Int {
        runs.values.joined().reduce(0) { $0 + $1.bytesAhead }
    }

    mutating func append(_ new: [DealtRun], of form: Form) {
        runs[form, default: []] += new
    }

    /// Takes the oldest run of a form out; it is never here again.
    mutating func removeFirst(of form: Form) -> DealtRun? {
        defer { if runs[form]?.isEmpty == true { runs[form] = nil } }
        return runs[form]?.popFirst()
    }

    /// Takes out the runs that read a kept value, in the order of their numbers.
    mutating func remove(reading kept: Int) -> [DealtRun] {
        remove { $0.keptInputs.contains(kept) }
    }

    /// Takes all out.
    mutating func removeAll() -> [DealtRun] {
        remove { _ in true }
    }

    private mutating func remove(where isGone: (Form) -> Bool) -> [DealtRun] {
        let forms = runs.keys.filter(isGone)
        return forms.flatMap { runs.removeValue(forKey: $0) ?? [] }.sorted { $0.number < $1.number }
    }
}
