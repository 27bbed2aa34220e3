import CrypTenGates
import CrypTenPlanning
import CrypTenRing

/// A run that the dealer was asked for, or that the parties have agreed to make: what all its words come from.
///
/// ``SessionStateMachine`` says which one is used; it is taken out of where it waits, and so used at most once.
struct DealtRun {
    /// The run's numbers.
    let run: SessionStateMachine.Run
    /// SHA-256 of what was bound when it was asked for.
    let hash: [UInt8]
    /// The keys of all words that this party draws, with the dealer or alone: the session can't make them again.
    let keys: RunKeys
    /// The key of this party's bits of masks whose bits are read, where the parties make correlations themselves.
    var seeds: ExpansionKey?
    /// Where its corrections are, or its words, where the parties have made them; nil where they come as the run goes on, and at all parties but the last.
    var stored: StoredRun?
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
