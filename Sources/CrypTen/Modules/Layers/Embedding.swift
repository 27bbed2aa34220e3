/// Rows of a table by their numbers: `[…]` to `[…, width]`; state `weight [count, width]`.
///
/// Of public numbers the rows are read in place: no round. Of secret integers 5 rounds and a product with the whole table; see
/// ``callAsFunction(oneHot:)`` for numbers that their owner has expanded. Normal with deviation 1 at first.
public struct Embedding: StatefulModule, Layer {
    /// The table.
    public var state: ModuleState
    /// A row that gets no gradient, if there is one.
    private let paddingIndex: Int?

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - count: How many rows.
    ///   - width: How long a row is.
    ///   - paddingIndex: A row that starts as zeros and gets a gradient of 0, so that it stays what it is.
    public init(
        _ count: Int,
        _ width: Int,
        paddingIndex: Int? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        self.paddingIndex = paddingIndex
        state = ModuleState(of: "Embedding", file: file, line: line)
        state.require(
            paddingIndex.map { (0..<max(0, count)).contains($0) } ?? true,
            "there is no row \(paddingIndex ?? 0) of \(count)"
        )
        state.declare("weight", [count, width], paddingIndex.map { .zeroRow($0, of: .normal()) } ?? .normal())
    }

    /// The rows at integers, public or secret.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        embedding(x, weight: table, file: state.place.file, line: state.place.line)
    }

    /// The rows that one-hot rows `[…, count]` select; 1 round. Rows of counts give sums of rows.
    public func callAsFunction(oneHot: CrypTensor) -> CrypTensor {
        embedding(oneHot: oneHot, weight: table, file: state.place.file, line: state.place.line)
    }

    private var table: CrypTensor {
        let weight = state.tensor("weight")
        return paddingIndex.map { weight.freezing(row: $0) } ?? weight
    }
}
