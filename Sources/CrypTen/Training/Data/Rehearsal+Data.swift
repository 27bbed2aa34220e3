package import CrypTenExpressions
package import CrypTenRuntime

/// What preparing data in secret would cost.
extension Rehearsal {
    /// What ``Standardization`` of kept examples, applied to them, would give, and what it would cost.
    ///
    /// - Parameter others: What it would be applied to besides, as a test's rows.
    /// - Throws: `.shapeMismatch` for examples without rows, and the error of an ill-formed expression.
    package mutating func standardize(
        _ x: CrypTensor,
        and others: CrypTensor? = nil
    ) throws -> (kept: CrypTensor, cost: Cost) {
        let statistics = try hold(Standardization.statistics(of: x, fractionBits: fractionBits))
        let scale = Standardization(means: statistics.kept[0], deviations: statistics.kept[1])
        let (kept, cost) = try apply(scale, to: x)
        let total = statistics.setup + cost
        return (kept, try others.map { total + (try apply(scale, to: $0).cost) } ?? total)
    }

    private mutating func apply(_ scale: Standardization, to x: CrypTensor) throws -> (kept: CrypTensor, cost: Cost) {
        let (standardized, bits) = try scale.expression(of: x, fractionBits: fractionBits)
        let applied = try evaluate([(standardized, bits)])
        let masked = try self.masked(applied.kept)
        return (masked.kept[0], applied.run.cost + masked.setup)
    }

    /// What ``TensorDataset/shuffled(on:)`` would give, and what it would cost.
    ///
    /// - Throws: as for tensors that can't be shuffled.
    package mutating func shuffle(_ tensors: [CrypTensor]) throws -> (kept: [CrypTensor], cost: Cost) {
        let shuffled = try hold(self.shuffled(rows: tensors))
        let masked = try self.masked(shuffled.kept)
        return (masked.kept, shuffled.setup + masked.setup)
    }
}
