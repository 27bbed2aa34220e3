import CrypTenBase
package import CrypTenExpressions

/// What a session keeps, taken out as shares, and put into another session.
extension Session {
    /// This party's shares of values that the session keeps.
    ///
    /// - Parameter tensors: Kept values, under names that tell one from another.
    /// - Returns: In their order; the session keeps the values.
    /// - Throws: `.invalidArgument` for what the session doesn't keep, and for bits.
    /// - Complexity: local; 8 bytes an element of memory for what is kept masked.
    package func shares(of tensors: [(name: String, tensor: CrypTensor)]) async throws -> [KeptShare] {
        let nodes = tensors.map { ($0.name, $0.tensor.node) }
        return try await perform { try $0.shares(of: nodes) }
    }

    /// Masks what the session keeps as shares, so that no later run has to; what is masked already, and bits, stay as they are.
    ///
    /// - Parameter tensors: Kept values; those that were shares are given up.
    /// - Returns: Expressions for the masked values, in their order.
    /// - Throws: as ``hold(_:)``.
    /// - Complexity: one round of 8 bytes an element from each party to each other, counted as setup; nothing where all are masked.
    package func masked(_ tensors: [CrypTensor]) async throws -> [CrypTensor] {
        let nodes = tensors.map(\.node)
        return try await perform { try $0.mask(nodes) }.map { CrypTensor($0) }
    }

    /// Keeps the values whose shares the parties have, as from an earlier session.
    ///
    /// A share of the old session becomes one of this, and is masked with this session's own words before anything of it is sent; of the old
    /// session's keys and masks none is used. What was kept masked is masked at once, so that later runs find it as it was.
    ///
    /// - Parameter shares: Each party's own: all of the same names, shapes, kinds and fraction bits, in the same order.
    /// - Returns: Expressions for the kept values, in their order.
    /// - Throws: `.diverged`, at every party, where they don't bring shares of the same values, naming the first that differs; the session lives.
    ///   Otherwise as ``hold(_:)``.
    /// - Complexity: no round and no bytes for values that were kept as shares; of masked ones one round of 8 bytes an element, counted as setup.
    package func restore(_ shares: [KeptShare]) async throws -> [CrypTensor] {
        try await agree(on: shares.map { ($0.name, $0.form) }, in: "what is restored")
        if shares.isEmpty { return [] }
        return try await perform { try $0.restore(shares) }.map { CrypTensor($0) }
    }
}
