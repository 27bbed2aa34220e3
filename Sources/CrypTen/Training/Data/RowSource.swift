internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing

/// A party's examples, one a row, that are read when they are needed: more than its memory holds.
///
/// A file of NumPy's is one (``NumpyRows``); a database, or a folder of pictures, is a few lines.
public protocol RowSource: Sendable {
    /// The shape of all rows together.
    var shape: Shape { get }
    /// Whether the elements are reals or whole numbers.
    var kind: ElementKind { get }
    /// Some rows, in their order; one may come twice.
    ///
    /// - Throws: what keeps them from being read, which this party alone is told.
    func rows(_ rows: [Int]) throws -> Tensor
}

/// Rows of which each becomes another as it is read, such as the number of a class the one among zeros.
public struct MappedRows: RowSource {
    private let source: any RowSource
    private let transform: @Sendable (Tensor) throws -> Tensor
    /// The shape of all rows together, transformed.
    public let shape: Shape
    /// What they are then.
    public let kind: ElementKind

    /// Rows of a source, transformed: each into one, whichever come with it.
    ///
    /// - Throws: what the first row's reading and transforming throws, which says the shape and the kind of all.
    public init(_ source: any RowSource, _ transform: @escaping @Sendable (Tensor) throws -> Tensor) throws {
        (self.source, self.transform) = (source, transform)
        let first = try transform(source.rows(source.shape.count == 0 ? [] : [0]))
        shape = first.shape.withRows(source.shape[0])
        kind = first.kind == .real ? .real : .integer
    }

    /// Some rows, transformed.
    ///
    /// - Throws: what reading and transforming throws; of several rows the number of the first that can't be transformed is added.
    public func rows(_ rows: [Int]) throws -> Tensor {
        let read = try source.rows(rows)
        do {
            return try transform(read)
        } catch let error as CrypTenError {
            for (place, row) in rows.enumerated() {
                do { _ = try transform(read.rows([place])) } catch var first as CrypTenError {
                    first.message = "of all rows number \(row): \(first.message)"
                    throw first
                }
            }
            throw error
        }
    }
}
