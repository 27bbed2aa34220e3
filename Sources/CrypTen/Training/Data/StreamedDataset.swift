internal import CrypTenBase
public import CrypTenExpressions
internal import CrypTenRing
public import CrypTenRuntime

/// Secret examples of which one batch is masked at a time: for data that are larger than memory.
///
/// ```swift
/// let x = try await session.stream(from: .party(0)) { try NumpyRows(url) }
/// let y = try await session.stream(from: .party(1)) { try NumpyRows(labels) }
/// let order = BatchOrder(count: x.count, batchSize: 128, seed: 7)
/// var data = try await StreamedDataset([x, y], batches: (0..<3).flatMap { order.batches(ofEpoch: $0) }, on: session)
/// try await trainer.begin(on: session)
/// while !data.isAtEnd {
///     let loss = try await trainer.step(on: &data, session, revealingLossTo: .party(0))
/// }
/// ```
///
/// The first batch is masked as setup. Each step's run masks the next one beside what it opens anyway, so that a step takes the rounds that it
/// takes on a ``TensorDataset``; an owner sends 8 bytes an element each epoch, and reads a batch's rows from its file when that batch is masked. All
/// steps have one plan, and one more where a batch is smaller: every batch is masked at the size of the largest, filled up with zeros, and steps
/// gather the rows that they take.
///
/// Where several parties have rows, each masks as many at a step as it has in any batch, so that shapes don't depend on the step: of batches
/// drawn at random some tenths more than its part of a batch.
///
/// All members know which rows are in which batch, as with a `TensorDataset`; the dealer knows which places of those that were masked
/// together a step reads: with rows of several parties, how many of a batch are whose.
public struct StreamedDataset: Sendable {
    /// What is streamed.
    public let tensors: [StreamedTensor]
    /// How many examples there are.
    public let count: Int
    /// The rows of each step's batch.
    public let batches: [[Int]]
    /// Which of them is masked: the next step's.
    public private(set) var position: Int
    /// The masked batch, a kept value for each tensor.
    private var masked: [CrypTensor] = []
    /// How many rows each part masks at a step.
    private let room: [[Int]]

    /// Masks the first batch, counted as setup.
    ///
    /// - Parameters:
    ///   - tensors: With as many rows each.
    ///   - batches: The rows of each step's batch, the same at all parties.
    ///   - start: Where training goes on, counted from 0.
    /// - Throws: `.shapeMismatch` where tensors have different numbers of rows, or there are none; `.invalidArgument` for a row that there isn't, an empty batch,
    ///   or a start that is beyond the batches; and as `Session.hold`.
    public init(
        _ tensors: [StreamedTensor],
        batches: [[Int]],
        from start: Int = 0,
        on session: Session
    ) async throws {
        try self.init(planning: tensors, batches: batches, from: start)
        if !isAtEnd { masked = try await session.hold(try await inputs(of: start, on: session)) }
    }

    /// A data set of which nothing is masked yet.
    package init(planning tensors: [StreamedTensor], batches: [[Int]], from start: Int = 0) throws {
        guard let first = tensors.first, tensors.allSatisfy({ $0.count == first.count }) else {
            throw CrypTenError(
                .shapeMismatch,
                "a data set has as many rows of each tensor: these have shapes \(tensors.map(\.shape))"
            )
        }
        let count = first.count
        guard batches.allSatisfy({ !$0.isEmpty && $0.allSatisfy((0..<count).contains) }) else {
            throw CrypTenError(.invalidArgument, "a batch has one row or more, each of 0 to \(count - 1)")
        }
        guard (0...batches.count).contains(start), !batches.isEmpty else {
            throw CrypTenError(.invalidArgument, "there is no batch \(start): there are \(batches.count)")
        }
        (self.tensors, self.count, self.batches, position) = (tensors, count, batches, start)
        room = tensors.map { tensor in
            guard tensor.hasRowsOfSeveral else {
                return tensor.parts.map { _ in batches.map(\.count).max() ?? 0 }
            }
            return batches.reduce(into: Array(repeating: 1, count: tensor.parts.count)) { most, rows in
                for (part, own) in tensor.split(rows).enumerated() { most[part] = max(most[part], own.count) }
            }
        }
    }

    /// Whether all batches were taken.
    public var isAtEnd: Bool { position == batches.count }

    /// The batch of the next step: for each tensor its rows, in their order.
    ///
    /// - Throws: `.invalidArgument` where all batches were taken.
    public func batch() throws -> [CrypTensor] {
        try batch(of: masked)
    }

    /// The next step's batch, of what was masked for it.
    package func batch(of masked: [CrypTensor]) throws -> [CrypTensor] {
        guard !isAtEnd else {
            throw CrypTenError(.invalidArgument, "all \(batches.count) batches of the streamed data were taken")
        }
        let rows = batches[position]
        return zip(tensors, zip(room, masked)).map { tensor, held in
            held.1.rows(tensor.places(of: rows, room: held.0))
        }
    }

    /// Gives up what is masked.
    public mutating func release(on session: Session) async throws {
        try await session.release(masked)
        masked = []
        position = batches.count
    }

    /// What a step's run masks beside its own: the batch after this one; after the last, zeros, so that it has the plan of the others.
    func next(on session: Session) async throws -> [CrypTensor] {
        try await inputs(of: position + 1, on: session)
    }

    /// A step has been taken, whose run has masked the next batch.
    ///
    /// - Returns: The batch that it was, to be released; after the last batch what was masked in vain, too.
    mutating func advance(to next: [CrypTensor]) -> [CrypTensor] {
        position += 1
        defer { masked = isAtEnd ? [] : next }
        return masked + (isAtEnd ? next : [])
    }

    /// A batch's rows as inputs, at the size of the largest; zeros where there is no such batch.
    private func inputs(of index: Int, on session: Session) async throws -> [CrypTensor] {
        let rows = index < batches.count ? batches[index] : []
        var inputs: [CrypTensor] = []
        for (tensor, room) in zip(tensors, room) {
            var parts: [CrypTensor] = []
            for (part, (own, places)) in zip(tensor.parts, zip(tensor.split(rows), room)) {
                let shape = part.shape.withRows(places)
                parts.append(
                    try await session.input(
                        from: part.owner,
                        shape: shape,
                        kind: part.kind,
                        range: part.range,
                        name: part.name
                    ) {
                        guard let source = part.source else { preconditionFailure("the owner alone loads") }
                        if own.isEmpty { return Tensor(zeros: shape, kind: part.kind) }
                        let read = try source.rows(own)
                        guard read.shape == part.shape.withRows(own.count) else {
                            throw CrypTenError(
                                .shapeMismatch,
                                "\(part.name): \(own.count) rows have shape \(read.shape), and all were announced with \(part.shape)"
                            )
                        }
                        return read.filled(to: shape)
                    }
                )
            }
            inputs.append(tensor.put(together: parts))
        }
        return inputs
    }

    /// What a step would mask, for a rehearsal.
    package func rehearsed(on rehearsal: inout Rehearsal) -> [CrypTensor] {
        zip(tensors, room).map { tensor, room in
            tensor.put(
                together: zip(tensor.parts, room).map {
                    rehearsal.input(from: $0.owner, shape: $0.shape.withRows($1), kind: $0.kind, name: $0.name)
                }
            )
        }
    }
}

extension StreamedTensor {
    /// Which of each part's own rows are read for rows of the whole.
    fileprivate func split(_ rows: [Int]) -> [[Int]] {
        guard hasRowsOfSeveral else { return parts.map { _ in rows } }
        var (start, split) = (0, [[Int]]())
        for part in parts {
            let own = start..<start + part.shape[0]
            split.append(rows.filter(own.contains).map { $0 - start })
            start = own.upperBound
        }
        return split
    }

    /// Where rows of the whole are among those that parts have masked, each with room for so many.
    fileprivate func places(of rows: [Int], room: [Int]) -> [Int] {
        guard hasRowsOfSeveral else { return Array(rows.indices) }
        var next = room.indices.map { room[..<$0].reduce(0, +) }
        let ends = parts.indices.map { parts[...$0].reduce(0) { $0 + $1.shape[0] } }
        return rows.map { row in
            let part = ends.firstIndex { row < $0 }!
            defer { next[part] += 1 }
            return next[part]
        }
    }

    fileprivate func put(together parts: [CrypTensor]) -> CrypTensor {
        if parts.count == 1 { return parts[0] }
        return join == .rows ? joined(rows: parts) : joined(columns: parts)
    }
}

extension Tensor {
    fileprivate init(zeros shape: Shape, kind: ElementKind) {
        self =
            kind == .real
            ? Tensor(.float(Array(repeating: 0, count: shape.count)), shape: shape)
            : Tensor(.int64(Array(repeating: 0, count: shape.count)), shape: shape)
    }

    /// Zeros behind what is here, up to a shape.
    fileprivate func filled(to shape: Shape) -> Tensor {
        if self.shape == shape { return self }
        func filled<Number>(_ values: [Number], _ zero: Number) -> [Number] {
            values + Array(repeating: zero, count: shape.count - values.count)
        }
        let elements: Elements =
            switch elements {
            case .float(let values): .float(filled(values, 0))
            case .double(let values): .double(filled(values, 0))
            case .int32(let values): .int32(filled(values, 0))
            case .int64(let values): .int64(filled(values, 0))
            case .bool(let values): .bool(filled(values, false))
            }
        return Tensor(elements, shape: shape)
    }
}
