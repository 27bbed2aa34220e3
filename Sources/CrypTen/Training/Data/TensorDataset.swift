import CrypTenBase
public import CrypTenExpressions
public import CrypTenRuntime

/// Secret examples, one a row of each of its tensors, that are masked once for all of training.
///
/// ```swift
/// let data = try await TensorDataset(images, labels, on: session)
/// for rows in BatchOrder(count: data.count, batchSize: 32, seed: 7).batches(ofEpoch: 0) {
///     let batch = data[rows]
///     let (loss, gradients, _) = valueAndGradient(of: model) { crossEntropy($0(batch[0]), labels: batch[1]) }
///     try await optimizer.update(&model, gradients, on: session)
/// }
/// ```
///
/// A batch is a public set of rows. Every member gathers it from what it keeps, so an epoch sends no data, and all batches of one size have one
/// plan. All members know which rows are in which batch, the dealer too; it knows nothing of what they hold.
///
/// Rows that several parties have, and columns, are joined before, by ``joined(rows:)`` and ``joined(columns:)``; their order must be agreed on
/// elsewhere: which row of one party belongs to which of another is not found here.
public struct TensorDataset: Sendable {
    /// The kept tensors, each with a row for each example.
    public let tensors: [CrypTensor]
    /// How many examples there are.
    public let count: Int

    /// Masks tensors, whose owners send 8 bytes an element to each other party, counted as setup.
    ///
    /// What the parties compute of their inputs, as ``Standardization`` does, all of them mask: 8 bytes an element from each to each other.
    ///
    /// - Parameter tensors: Secret ones, of equal first extents.
    /// - Throws: `.shapeMismatch` where they have different numbers of rows, or none; and as `Session.hold`.
    public init(_ tensors: CrypTensor..., on session: Session) async throws {
        try await self.init(tensors, on: session)
    }

    /// Masks a list of tensors.
    ///
    /// - Throws: as ``init(_:on:)-(CrypTensor...,_)``.
    public init(_ tensors: [CrypTensor], on session: Session) async throws {
        for tensor in tensors { if let error = tensor.error { throw error } }
        guard let first = tensors.first, first.rank > 0, first.shape[0] > 0,
            tensors.allSatisfy({ $0.rank > 0 && $0.shape[0] == first.shape[0] })
        else {
            throw CrypTenError(
                .shapeMismatch,
                "a data set has as many rows of each tensor, one or more: these have shapes \(tensors.map(\.shape))"
            )
        }
        count = first.shape[0]
        self.tensors = try await session.masked(try await session.hold(tensors))
    }

    /// Tensors that are kept and masked already.
    init(masked tensors: [CrypTensor]) {
        (self.tensors, count) = (tensors, tensors[0].shape[0])
    }

    /// The same examples in a random order that no party knows: the rows of all tensors are moved together.
    ///
    /// Then a public set of rows says nothing of which examples are in a batch, nor does what is told of one, as its loss, of an example that
    /// somebody can name. Each party in turn puts the rows into an order of its own, so all but one of them together know nothing of the
    /// order; the dealer knows it, and nothing of the rows. Once is enough for all epochs: each takes its batches in another public order of
    /// the shuffled rows.
    ///
    /// - Returns: Another data set; this one is kept until it is released.
    /// - Throws: `.invalidArgument` where a tensor holds bits: make integers of them before they are masked. And as `Session.evaluate`.
    /// - Complexity: for n parties n rounds, then the masking: 16·(n − 1) bytes an element sent by each party, and 8·n dealt.
    public func shuffled(on session: Session) async throws -> TensorDataset {
        let shuffled = try await session.evaluate(try await session.shuffled(rows: tensors))
        return TensorDataset(masked: try await session.masked(shuffled))
    }

    /// A batch: the rows of each tensor, in their order.
    public subscript(rows: [Int]) -> [CrypTensor] {
        tensors.map { $0.rows(rows) }
    }

    /// Gives the masked tensors up.
    public func release(on session: Session) async throws {
        try await session.release(tensors)
    }
}

/// The rows of several parties' tensors, one party's after another's.
///
/// - Complexity: local, also of tensors that are masked already.
public func joined(rows parts: [CrypTensor], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    concatenate(parts, axis: 0, file: file, line: line)
}

/// The columns of several parties' tensors, which have the same rows in the same order, side by side along the second axis.
///
/// - Complexity: local, also of tensors that are masked already.
public func joined(columns parts: [CrypTensor], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    concatenate(parts, axis: 1, file: file, line: line)
}
