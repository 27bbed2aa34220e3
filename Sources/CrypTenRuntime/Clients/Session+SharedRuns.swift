import CrypTenBase
package import CrypTenExpressions
import CrypTenPlanning
package import CrypTenRing

/// Runs whose inputs come as shares from somebody who is no party, and whose outputs go back as shares.
extension Session {
    /// A place into which each party puts its share of a value before every run that reads it.
    ///
    /// What expressions are made of it stays valid, and so do runs that were prepared for them: a share in a place is masked by each run that
    /// reads it, with words of that run.
    ///
    /// - Parameters:
    ///   - shape: The value's.
    ///   - kind: Reals of the session's fraction bits, or integers; any words, whatever whoever shared them has done.
    ///   - name: What it is called, the same at all parties.
    /// - Returns: An expression; a run that reads it before something was put in throws `.invalidArgument`.
    /// - Throws: as ``hold(_:)``.
    /// - Complexity: one run without a round; nothing is sent but its announcement.
    package func sharePlace(shape: Shape, kind: ElementKind = .real, name: String) async throws -> CrypTensor {
        CrypTensor(try await perform { try $0.sharePlace(shape: shape, kind: kind, name: name) })
    }

    /// Runs expressions as one plan on shares that the parties have, and hands shares of their values out after a fresh sharing of zero.
    ///
    /// A run that was prepared for them (``prepareShares(of:runs:)``) is used if there is one.
    ///
    /// - Parameters:
    ///   - expressions: What is computed; of bits their integers.
    ///   - operands: All places that the expressions read, each with this party's share, in row-major order.
    ///   - purpose: What the parties have agreed the run is for. It binds the run: where one party has another, all end with `.diverged`.
    /// - Returns: This party's shares, and what binds the run, the same at all parties.
    /// - Throws: `.shapeMismatch` for a share of another size, otherwise as ``evaluate(_:)``.
    /// - Complexity: the expressions' rounds; one of them masks what the places hold.
    /// > Note: A tensor's memory is overwritten when the last one who has it lets go of it, an array's isn't.
    package func runOnShares(
        _ expressions: [CrypTensor],
        operands: [(place: CrypTensor, share: RingTensor)],
        for purpose: [UInt8]
    ) async throws -> SharedRun {
        let nodes = expressions.map(\.node)
        let put = operands.map { (node: $0.place.node, share: $0.share) }
        return try await perform { try $0.runOnShares(nodes, operands: put, for: purpose) }
    }

    /// The same on shares in arrays.
    package func runOnShares(
        _ expressions: [CrypTensor],
        operands: [(place: CrypTensor, words: [UInt64])],
        for purpose: [UInt8]
    ) async throws -> SharedRun {
        let shares = operands.map { (place: $0.place, share: RingTensor($0.words, shape: [$0.words.count])) }
        return try await runOnShares(expressions, operands: shares, for: purpose)
    }

    /// Has the dealer deal runs now that ``runOnShares(_:operands:for:)`` of these expressions will use.
    ///
    /// - Throws: as ``prepare(_:revealingTo:runs:storage:)``.
    package func prepareShares(of expressions: [CrypTensor], runs: Int, storage: PreparedStorage = .memory) async throws
    {
        let nodes = expressions.map(\.node)
        try await perform { state in
            try state.prepare(nodes.map { ($0, .share) }, runs: runs, storage: storage)
        }
    }

    /// What ``runOnShares(_:operands:for:)`` of expressions will do, known before it does.
    package func plannedShares(of expressions: [CrypTensor]) async throws -> PlannedShares {
        let nodes = expressions.map(\.node)
        return try await perform { state in
            let planned = try state.plan(nodes.map { ($0, .share) })
            return PlannedShares(
                fingerprint: planned.plan.fingerprint,
                scales: planned.plan.plan.outputs.map(\.scale),
                cost: Cost(planned.cost)
            )
        }
    }
}

/// What is known of runs on shares once they are planned: the same at all parties.
package struct PlannedShares: Sendable {
    /// SHA-256 of the plan and its constants.
    package var fingerprint: [UInt8]
    /// Fraction bits of each result.
    package var scales: [Int]
    package var cost: Cost
}

/// What a party has after a run on shares.
package struct SharedRun: Sendable {
    /// Its shares of the results, in their order.
    package var shares: [KeptShare]
    /// 32 bytes that bind the run to its plan, its number and what it was for: the same at all parties, another for each run.
    package var binding: [UInt8]
}
