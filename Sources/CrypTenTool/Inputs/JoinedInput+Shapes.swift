import CrypTen
import CrypTenRing

extension JoinedInput where Piece == Arrangement.Piece {
    /// The rows of each part that a slice of the whole has; nil: all of them.
    func rows(_ slice: Range<Int>?) -> [(piece: Piece, rows: Range<Int>?)] {
        guard let slice else { return parts.map { ($0, nil) } }
        guard let way, way.axis == 0 else { return parts.map { ($0, slice) } }
        var start = 0
        var rows: [(Piece, Range<Int>?)] = []
        for part in parts {
            let end = start + (part.shape.dimensions.first ?? 0)
            let own = max(slice.lowerBound, start)..<max(slice.lowerBound, start, min(slice.upperBound, end))
            if !own.isEmpty { rows.append((part, own.lowerBound - start..<own.upperBound - start)) }
            start = end
        }
        return rows
    }
}

extension JoinedInput {
    /// The shape of all of it, of parts of such shapes.
    ///
    /// - Throws: `.shapeMismatch` where parts don't fit, naming their owners.
    func shape(of shapes: [Shape]) throws -> Shape {
        guard let way else { return shapes[0] }
        let rank = shapes[0].rank
        let axis = way.axis < 0 ? way.axis + rank : way.axis
        var whole = shapes[0].dimensions
        for shape in shapes.dropFirst() {
            let fits =
                shape.rank == rank && (0..<rank).contains(axis)
                && (0..<rank).allSatisfy { $0 == axis || shape[$0] == whole[$0] }
            guard fits else { throw mismatch(shapes) }
            whole[axis] += shape[axis]
        }
        return try Shape(checking: whole)
    }
}
