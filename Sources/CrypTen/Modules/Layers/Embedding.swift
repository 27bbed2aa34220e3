/// Rows of a table by their numbers: `[…]` to `[…, width]`; state `weight [count, width]`.
///
/// Of public numbers the rows are read in place: no round. Of secret integers 5 rounds and a product with the whole table; see
/// ``callAsFunction(oneHot:)`` for numbers that their owner has expanded. Normal with deviation 1 at first.
public struct Embedding: StatefulModule, Layer {
    /// The table.
    public var state: ModuleState

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - count: How many rows.
    ///   - width: How long a row is.
    ///   - paddingIndex: A row that starts as zeros; it is trained as the others are.
    public init(
        _ count: Int,
        _ width: Int,
        paddingIndex: Int? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        state = ModuleState(of: "Embedding", file: file, line: line)
        state.require(
            paddingIndex.map { (0..<max(0, count)).contains($0) } ?? true,
            "there is no row \(paddingIndex ?? 0) of \(count)"
        )
        state.declare("weight", [count, width], paddingIndex.map { .zeroRow($0, of: .normal()) } ?? .normal())
    }

    /// The rows at integers, public or secret.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        embedding(x, weight: state.tensor("weight"), file: state.place.file, line: state.place.line)
    }

    /// The rows that one-hot rows `[…, count]` select; 1 round. Rows of counts give sums of rows.
    public func callAsFunction(oneHot: CrypTensor) -> CrypTensor {
        embedding(oneHot: oneHot, weight: state.tensor("weight"), file: state.place.file, line: state.place.line)
    }
}
