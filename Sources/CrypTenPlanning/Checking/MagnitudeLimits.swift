import CrypTenExpressions
import CrypTenGates

/// Up to which magnitudes a plan is right: what an `ExactRun` holds numbers against, known before there are any.
extension PreparedPlan {
    /// Of each layer that has one the power of two below which all its real values must stay.
    ///
    /// It is that of the gate with the least room, mostly the truncation of a product: 2^(62 − 2f) with f fraction bits, and where ranges
    /// are declared what the scales that follow from them leave.
    package var magnitudeLimits: [String: Int] {
        var limits: [String: Int] = [:]
        for step in plan.steps {
            guard let exponent = step.gate.rangeRule?.exponent, let slot = step.inputs.first,
                let meaning = meanings[slot],
                graph.entries[meaning.entry].kind == .real
            else { continue }
            let layer = graph.entries[meaning.entry].layer ?? PlanCost.unnamedLayer
            limits[layer] = min(limits[layer] ?? .max, exponent - meaning.scale)
        }
        return limits
    }
}

extension PlanGate {
    /// What the gate requires of its first operand; nil where it takes whatever the ring holds, or holds numbers against others.
    var rangeRule: RangeRule? {
        switch self {
        case .truncate(let gate): gate.shift == 0 ? nil : .truncation
        // Mantissas have 62 bits, too.
        case .truncateInPlace, .truncatedReLU, .quotient, .magnitude: .truncation
        case .sign(let gate):
            gate.form.shift == 0 && gate.thresholds == [0] ? .ring : .difference(bits: 64 - gate.form.shift)
        case .revealedSign(let gate):
            gate.form.shift == 0 && gate.threshold == 0 ? .ring : .difference(bits: 64 - gate.form.shift)
        case .reveal: .ring
        default: nil
        }
    }
}
