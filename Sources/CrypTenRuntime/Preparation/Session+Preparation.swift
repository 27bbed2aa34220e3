public import CrypTenBase
import CrypTenCorrelations
public import CrypTenExpressions
import CrypTenPlanning
public import CrypTenRing
public import Foundation

/// Where the words of prepared runs wait: corrections at the last party, whom the dealer sends them to; where there is no dealer, what the parties
/// have made, at each.
///
/// With a dealer the other parties' words come from keys, and nothing is stored for them; so the choice is the last party's. Without one each chooses
/// for itself.
public enum PreparedStorage: Sendable, Hashable {
    /// In memory: what `Cost.dealerBytes` says for each run, at the last party; without a dealer that and some more, at either.
    ///
    /// Each party that chooses this also computes ahead what reads only masks: of every product with a kept value one of its
    /// two products, in memory of the size of its output and of what it multiplies, up to
    /// `SessionConfiguration.aheadLimit` for all runs together.
    case memory
    /// In a new file, which nobody but its owner may read.
    ///
    /// What it holds is sealed, AES-GCM, under a key that only the session has, in memory. So it is of no use without the
    /// session and needs no protection of its own; whatever is changed in it is found. Its first lines are text that tells
    /// each run's state; a run is marked as consumed, on the disk, before the first word of it is read. After its last run
    /// these lines are all that is left.
    case file(URL)
}

extension Session {
    /// Has about so many bytes wait for an exchange at most, from now on, where the parties make the correlations; where a dealer does, nothing changes.
    ///
    /// All parties call it with the same number: what they exchange follows from it.
    package func limitPreparations(to bytes: Int) async throws {
        try await perform { $0.pair?.maker.waitingLimit = bytes }
    }

    /// What stands for an input that its owner doesn't have yet, in expressions to be prepared or priced.
    ///
    /// An expression that is made in the same way of inputs of these shapes, kinds and names has the same form.
    ///
    /// - Parameters:
    ///   - owner: The party that will have it.
    ///   - shape: What it will have.
    ///   - kind: Reals or integers.
    ///   - name: What the input will be called.
    /// - Returns: An expression that can't be run: `reveal` and `evaluate` of what reads it throw `.invalidArgument`.
    /// - Throws: `.invalidArgument` for an owner that the session doesn't have; `.sessionBusy`, `.sessionClosed`.
    /// - Complexity: nothing is sent.
    public func placeholder(
        from owner: PartyID,
        shape: Shape,
        kind: ElementKind = .real,
        name: String = "input"
    ) async throws -> CrypTensor {
        CrypTensor(
            try await perform { try $0.placeholder(owner: owner, shape: shape, kind: kind, name: name) }
        )
    }

    /// Has the dealer deal runs of expressions now, so that revealing them later waits for the parties alone.
    ///
    /// A later `reveal` of expressions of the same form, to the same recipients, uses the oldest run that was prepared for
    /// it, and exchanges nothing with the dealer; once all are used up, it asks the dealer as ever. The form is the
    /// operations, shapes and names, whatever the inputs and public inputs are; kept values must be the same ones. Each
    /// prepared run is used once, at every party in the same order, or discarded: when a kept value that it reads is
    /// released, and with the session.
    ///
    /// Every party calls this, with the same number of runs.
    ///
    /// ```swift
    /// let x = try await session.placeholder(from: .party(0), shape: [1, 784])
    /// try await session.prepare([model(x)], revealingTo: .party(0), runs: 10)
    /// ```
    ///
    /// - Parameters:
    ///   - expressions: What will be revealed as one plan.
    ///   - recipients: Who will learn it.
    ///   - runs: How many, 1 to 65,536.
    ///   - storage: Where the last party puts the corrections; the others store none. Without a dealer where this party puts what is made.
    /// - Throws: before anything is sent, what `reveal` throws then, and `.invalidArgument` for a number of runs out of
    ///   range or a URL that is no file's. Otherwise the session is over: `.fileNotReadable` for a file that is there
    ///   already or can't be written, with `.wordReused` or `.wrongSession` where it holds prepared runs; what ends a run.
    /// - Complexity: the dealer sends `Cost.dealerBytes` for each run; the parties open nothing. Without a dealer the parties make them, in some exchanges for
    ///   each run, whatever its depth; `SessionStatistics.offlineBytes` counts what is sent. Memory, or disk, for the
    ///   same at the last party; a file is written as the corrections come, a frame at a time.
    public func prepare(
        _ expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all,
        runs: Int,
        storage: PreparedStorage = .memory
    ) async throws {
        let roots = expressions.map(\.node)
        try await perform { state in
            try state.prepare(roots.map { ($0, .reveal(to: recipients.party)) }, runs: runs, storage: storage)
        }
    }

    /// Has the dealer deal runs now that will keep the values of expressions: what `prepare` is to `reveal`, this is to
    /// `evaluate` and `hold`.
    ///
    /// - Parameters:
    ///   - expressions: What will be evaluated as one plan.
    ///   - fractionBits: With how many fraction bits values will be kept, if not as they are.
    ///   - runs: How many, 1 to 65,536.
    ///   - storage: Where the last party puts the corrections; the others store none. Without a dealer where this party puts what is made.
    /// - Throws: as `prepare`; `.invalidArgument` also for a public expression.
    /// - Complexity: as `prepare`; the dealer keeps the masks of what each run will keep.
    public func prepareEvaluation(
        of expressions: [CrypTensor],
        fractionBits: Int? = nil,
        runs: Int,
        storage: PreparedStorage = .memory
    ) async throws {
        try await prepareEvaluation(of: expressions.map { ($0, fractionBits) }, runs: runs, storage: storage)
    }

    /// The same, of values that will have fraction bits of their own each; nil: as they are.
    package func prepareEvaluation(
        of expressions: [(tensor: CrypTensor, fractionBits: Int?)],
        runs: Int,
        storage: PreparedStorage = .memory
    ) async throws {
        let roots = expressions.map { ($0.tensor.node, Graph.Destination.keep(fractionBits: $0.fractionBits)) }
        try await perform { state in try state.prepare(roots, runs: runs, storage: storage) }
    }
}

extension PreparedStorage {
    /// A place for the corrections of runs, which fills a part of a device's memory that the dealer and this party share.
    func open(for runs: ClosedRange<UInt64>, _ memory: DeviceMemory?) throws -> any CorrectionStore {
        switch self {
        case .memory: MemoryCorrections(mostDeviceBytes: (memory?.bytes ?? 0) / 4)
        case .file(let url): try CorrectionsFile(creating: url.path, for: runs)
        }
    }
}
