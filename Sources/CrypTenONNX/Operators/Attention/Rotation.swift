internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Positions as rotations: pairs of elements turned by angles whose sines and cosines are tables by position.
struct Rotation {
    /// `[N or 1, 1, L, turned / 2]`.
    private let cosine, sine: CrypTensor
    /// How many elements of a head are turned, from the first on.
    private let turned: Int
    /// Whether a pair stands side by side; otherwise half of the turned elements apart.
    private let isInterleaved: Bool

    /// - Parameters:
    ///   - tables: Cosines and sines, `[positions, turned / 2]`, or what was looked up, `[N, L, turned / 2]`.
    ///   - positions: Public ones, `[L]` or `[N, L]`; nil where the tables are by token.
    ///   - turned: How many of a head's elements are turned.
    init(
        _ operation: Operation,
        tables: (Value, Value),
        positions: CrypTensor?,
        length: Int,
        turned: Int,
        size: Int,
        isInterleaved: Bool
    ) throws {
        guard turned % 2 == 0, (0...size).contains(turned) else {
            throw operation.malformed("it can't rotate \(turned) of \(size) elements")
        }
        if let positions, positions.visibility != .public {
            throw operation.unsupported("its positions are secret; public ones are computed here")
        }
        func rows(_ table: Value) throws -> CrypTensor {
            guard table.type.kind == .real else { throw operation.malformed("a table is \(table.type.rawValue)") }
            var rows = try table.expression()
            if let positions {
                guard rows.rank == 2 else { throw operation.mismatch("a table of shape \(rows.shape) isn't a matrix") }
                rows = try checked(rows.gather(positions, axis: 0))
            }
            guard rows.rank >= 2, rows.shape[-1] == turned / 2, rows.shape[-2] == length else {
                throw operation.mismatch(
                    "tables of shape \(table.shape) don't turn \(turned) elements of \(length) tokens"
                )
            }
            return try checked(rows.reshape([rows.rank == 3 ? rows.shape[0] : 1, 1, length, turned / 2]))
        }
        (cosine, sine) = (try rows(tables.0), try rows(tables.1))
        (self.turned, self.isInterleaved) = (turned, isInterleaved)
    }

    /// Heads `[N, H, L, D]` turned.
    func applied(to heads: CrypTensor) throws -> CrypTensor {
        let (batch, count, length, size) = (heads.shape[0], heads.shape[1], heads.shape[2], heads.shape[3])
        let part = heads.narrow(axis: 3, start: 0, length: turned)
        let pairs = isInterleaved ? part.reshape([batch, count, length, turned / 2, 2]) : part
        let first = isInterleaved ? pairs[TensorIndex.ellipsis, 0] : part.narrow(axis: 3, start: 0, length: turned / 2)
        let second =
            isInterleaved ? pairs[TensorIndex.ellipsis, 1] : part.narrow(axis: 3, start: turned / 2, length: turned / 2)
        let (real, imaginary) = (cosine * first - sine * second, sine * first + cosine * second)
        let rotated =
            isInterleaved
            ? stack([real, imaginary], axis: 4).reshape([batch, count, length, turned])
            : concatenate([real, imaginary], axis: 3)
        if turned == size { return try checked(rotated) }
        return try checked(
            concatenate([rotated, heads.narrow(axis: 3, start: turned, length: size - turned)], axis: 3)
        )
    }
}
