import CrypTenGates
import CrypTenPlanning

/// A run that the dealer was asked for: what all its words come from.
///
/// ``SessionStateMachine`` says which one is used; it is taken out of where it waits, and so used at most once.
struct DealtRun {
    /// The run's numbers.
    let run: SessionStateMachine.Run
    /// SHA-256 of what was bound when the dealer was asked.
    let hash: [UInt8]
    /// The keys of all words that this party and the dealer share: the session can't make them again.
    let keys: RunKeys
    /// Where its corrections are; nil where they come as the run goes on, and at all parties but the last.
    var stored: StoredCorrections?
    /// What this party has computed for it already, by step.
    var ahead: [Int: StepAhead] = [:]

    /// The memory of that.
    var bytesAhead: Int {
        ahead.values.reduce(0) { $0 + $1.bytes }
    }
}

extension SessionStateMachine.Form {
    init(_ planned: SessionState.Planned) {
        self.init(fingerprint: planned.plan.fingerprint, keptInputs: planned.sources.kept)
    }
}

extension SessionStateMachine.Reads {
    init(_ planned: SessionState.Planned) {
        self.init(
            inputs: planned.sources.inputs,
            random: planned.sources.random,
            kept: planned.sources.kept.map(\.number)
        )
    }
}
