package import CrypTenExpressions
import CrypTenPlanning
import Crypto
import Foundation

/// One expression of a run, and who learns its value.
package struct Reveal: Sendable {
    package var expression: CrypTensor
    package var recipients: Recipients

    package init(_ expression: CrypTensor, to recipients: Recipients) {
        (self.expression, self.recipients) = (expression, recipients)
    }

    fileprivate var root: (Node, Graph.Destination) { (expression.node, .reveal(to: recipients.party)) }
}

/// Runs whose values different parties learn: one plan, and the rounds of the deepest.
extension Session {
    /// Runs several expressions as one plan, and tells each value to those who may learn it.
    ///
    /// - Returns: The values in order; nil where this party isn't told.
    /// - Throws: as ``reveal(_:to:)``.
    package func reveal(_ reveals: [Reveal]) async throws -> [Tensor?] {
        try await perform { try $0.run(reveals.map(\.root), isSetup: false) }.map(\.tensor)
    }

    /// Has the dealer deal runs of the same now: see ``prepare(_:revealingTo:runs:storage:)``.
    package func prepare(_ reveals: [Reveal], runs: Int, storage: PreparedStorage = .memory) async throws {
        try await perform { try $0.prepare(reveals.map(\.root), runs: runs, storage: storage) }
    }

    /// What the same costs.
    package func cost(of reveals: [Reveal]) async throws -> Cost {
        try await perform { Cost(try $0.plan(reveals.map(\.root)).cost) }
    }

    /// The same in a checked session, with a report: see ``check(_:revealingTo:wantedError:)``.
    ///
    /// - Returns: the report, and the values as ``reveal(_:)`` gives them; none where one has left its range.
    package func check(
        _ reveals: [Reveal],
        wantedError: Double
    ) async throws -> (report: CheckReport, values: [Tensor?]?) {
        try await perform { try $0.check(reveals: reveals.map(\.root), wanted: wantedError) }
    }

    /// A digest of bytes under a secret that all parties have and the dealer lacks: HMAC-SHA256 under the session's salt.
    ///
    /// All parties call it; those who have nothing to say give no bytes. What parties say of low entropy another party could guess from its
    /// digest, so digests are compared in secret.
    ///
    /// - Complexity: before the first run party 0 sends each other party 32 bytes.
    package func saltedDigest(of bytes: [UInt8]) async throws -> [UInt8] {
        try await perform { state in
            try state.guarded { try state.agreeOnSalt() }
            var key = HMAC<SHA256>(key: SymmetricKey(data: state.salt))
            key.update(data: Array("crypten digest".utf8))
            key.update(data: bytes)
            return Array(key.finalize())
        }
    }
}

extension RunResult {
    /// What was revealed to this party.
    var tensor: Tensor? {
        if case .revealed(let tensor) = self { tensor } else { nil }
    }
}

extension Rehearsal {
    /// What revealing expressions to different parties would cost.
    ///
    /// - Throws: as ``cost(of:revealingTo:)``.
    package func run(_ reveals: [Reveal]) throws -> RehearsedRun {
        try rehearsed(try planned(reveals.map(\.root)))
    }
}

extension RehearsedRun {
    /// The memory that values take, with a window of so many bytes of corrections at the last party.
    func memory(correctionWindow: Int) -> MemoryEstimate {
        MemoryEstimate(plan, correctionWindow: correctionWindow, offline: offline)
    }

    /// The memory that values take in a session that keeps to some memory, and what the parties make there; nil where there is a dealer.
    ///
    /// - Parameters:
    ///   - correctionWindow: Bytes of corrections that wait at the last party, where there is a dealer.
    ///   - waitingLimit: Bytes that wait for an exchange, where the parties make the correlations.
    /// - Throws: `.invalidArgument` for what can't be made without a dealer.
    package func memory(
        correctionWindow: Int,
        waitingLimit: Int
    ) throws -> (memory: MemoryEstimate, offline: OfflineCost?) {
        let made = try offline.map { _ in try OfflineCost(plan, height: treeHeight, waitingLimit: waitingLimit) }
        return (MemoryEstimate(plan, correctionWindow: correctionWindow, offline: made), made)
    }
}
