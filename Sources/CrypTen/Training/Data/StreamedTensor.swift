internal import CrypTenBase
internal import CrypTenExpressions
public import CrypTenRing
public import CrypTenRuntime
internal import Foundation

/// Examples of one party's, or of several parties' joined, that nobody has masked: rows become secret inputs when a batch needs them.
///
/// What all members know is owner, shape and kind; the owner alone has where rows are read from.
public struct StreamedTensor: Sendable {
    /// What one party has of it.
    struct Part: Sendable {
        var owner: PartyID
        var name: String
        var shape: Shape
        var kind: ElementKind
        var range: ClosedRange<Double>?
        /// At the owner alone.
        var source: (any RowSource)?
    }

    /// How parts are put together.
    enum Join: Sendable {
        case rows
        case columns

        /// Along which axis.
        var axis: Int { self == .rows ? 0 : 1 }
    }

    var parts: [Part]
    var join = Join.rows

    init(parts: [Part], join: Join = .rows) {
        (self.parts, self.join) = (parts, join)
    }

    /// Examples that are only planned for.
    package init(planning shape: Shape, _ kind: ElementKind, from owner: PartyID, name: String) {
        self.init(parts: [Part(owner: owner, name: name, shape: shape, kind: kind)])
    }

    /// The shape of all examples together.
    public var shape: Shape {
        let first = parts[0].shape
        if parts.count == 1 { return first }
        var extents = first.dimensions
        extents[join.axis] = parts.reduce(0) { $0 + $1.shape[join.axis] }
        return Shape(extents)
    }

    /// Whether the elements are reals or whole numbers.
    public var kind: ElementKind { parts[0].kind }

    /// Whether several parties have rows, each its own.
    var hasRowsOfSeveral: Bool { join == .rows && parts.count > 1 }

    /// How many examples there are.
    public var count: Int { shape[0] }
}

extension Session {
    /// Examples of a party's that are streamed: the others learn shape and kind.
    ///
    /// - Parameters:
    ///   - owner: The party that has them.
    ///   - range: Where all numbers lie, as for ``input(from:range:name:_:)``.
    ///   - name: What to call them in errors and cost reports.
    ///   - open: Runs at the owner alone; gives where rows are read from.
    /// - Throws: what `open` throws, at the owner; `.shapeMismatch` there for what has no rows. At the others `.partyFailed`: the call fails
    ///   everywhere, and the session lives.
    /// - Complexity: the owner sends the shape; no round. Rows are read and sent batch by batch.
    public func stream(
        from owner: PartyID,
        range: ClosedRange<Double>? = nil,
        name: String = "examples",
        _ open: @escaping @Sendable () throws -> any RowSource
    ) async throws -> StreamedTensor {
        let source: Result<any RowSource, any Error>? =
            owner == party
            ? Result {
                let source = try open()
                guard source.shape.rank > 0, source.shape[0] > 0 else {
                    throw CrypTenError(.shapeMismatch, "\(name) of shape \(source.shape) has no rows")
                }
                return source
            } : nil
        let bytes = try await broadcast(from: owner) {
            guard let source = try source?.get() else { preconditionFailure("the owner alone loads") }
            return Array(try JSONEncoder().encode([source.kind == .real ? 0 : 1] + source.shape.dimensions))
        }
        guard let header = try? JSONDecoder().decode([Int].self, from: Data(bytes)), header.count > 1,
            (0...1).contains(header[0]), let shape = try? Shape(checking: Array(header.dropFirst())), shape[0] > 0
        else { throw CrypTenError(.malformedFrame, "\(owner) announced '\(name)' in a way that can't be read") }
        let part = StreamedTensor.Part(
            owner: owner,
            name: name,
            shape: shape,
            kind: header[0] == 0 ? .real : .integer,
            range: range,
            source: try source?.get()
        )
        return StreamedTensor(parts: [part])
    }
}

/// The rows of several parties' examples, one party's after another's, streamed.
///
/// - Throws: `.shapeMismatch` where rows differ in shape or kind; `.invalidArgument` for what was joined already.
public func joined(rows parts: [StreamedTensor]) throws -> StreamedTensor {
    try joined(parts, .rows)
}

/// The columns of several parties' examples, which have the same rows in the same order, side by side along the second axis, streamed.
///
/// - Throws: as for rows.
public func joined(columns parts: [StreamedTensor]) throws -> StreamedTensor {
    try joined(parts, .columns)
}

private func joined(_ tensors: [StreamedTensor], _ join: StreamedTensor.Join) throws -> StreamedTensor {
    guard !tensors.isEmpty, tensors.allSatisfy({ $0.parts.count == 1 }) else {
        throw CrypTenError(
            .invalidArgument,
            "streamed examples are joined once, by rows or by columns, of one or more parts"
        )
    }
    let parts = tensors.map { $0.parts[0] }
    let axis = join.axis
    func others(_ part: StreamedTensor.Part) -> [Int] {
        part.shape.dimensions.enumerated().filter { $0.offset != axis }.map(\.element)
    }
    guard
        parts.allSatisfy({
            $0.shape.rank > axis && others($0) == others(parts[0]) && $0.shape.rank == parts[0].shape.rank
                && $0.kind == parts[0].kind
        })
    else {
        throw CrypTenError(
            .shapeMismatch,
            """
            streamed examples of shapes \(parts.map { "\($0.shape)" }.joined(separator: " and ")) and kinds \
            \(parts.map { "\($0.kind)" }.joined(separator: " and ")) can't be joined by \(join == .rows ? "rows" : "columns")
            """
        )
    }
    return StreamedTensor(parts: parts, join: join)
}
