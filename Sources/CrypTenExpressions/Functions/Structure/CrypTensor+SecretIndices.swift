internal import CrypTenBase
internal import CrypTenRing

/// Parts of a tensor at secret positions: a product with a row that is 1 at the position and 0 elsewhere, so that nothing shows
/// which part is read.
extension CrypTensor {
    /// Bits that say which of `0 ..< count` each integer is, along a new last axis; all 0 where it is none of them.
    ///
    /// 4 rounds.
    public func oneHot(_ count: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind != .real, (0...1 << 22).contains(count) else {
                throw CrypTenError(
                    .invalidArgument,
                    "oneHot can't tell \(count) classes apart by \(kind.rawValue) \(shape): it takes integers, and 0 to 2^22 classes"
                )
            }
            let full = try checkedShape(shape.dimensions + [count], in: "oneHot")
            let classes = CrypTensor(constant: Tensor(Array(0..<count), shape: [count]), at: origin)
            return number(at: origin).reshaped(Shape(shape.dimensions + [1]), at: origin)
                .broadcasted(to: full, at: origin)
                .applying(.subtract, classes.broadcasted(to: full, at: origin), at: origin)
                .applying(.isZero, at: origin)
        }
    }

    /// The slice at a secret position along an axis, which becomes the axes of the positions; zeros for a position that there
    /// isn't.
    ///
    /// 5 rounds, and the products of a matrix with a row for each position; 1 round where the positions were made of one-hot rows
    /// (``places(file:line:)``, or the place of a largest number).
    public func take(
        _ index: CrypTensor,
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, index], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "take")
            guard index.kind == .integer else {
                throw CrypTenError(
                    .invalidArgument,
                    "take can't use \(index.kind.rawValue) positions \(index.shape) of shape \(shape): they are integers"
                )
            }
            let rows = index.rows(ofPlaces: shape[position], file: file, line: line)
            return take(oneHot: rows, axis: position, file: file, line: line)
        }
    }

    /// The slice of an axis that a one-hot row selects; the axis becomes the other axes of the rows. Other rows than one-hot ones
    /// give weighted sums of slices.
    ///
    /// 1 round, exact for rows of bits and integers.
    ///
    /// - Parameter oneHot: `[…, n]` for an axis of extent n: bits, integers or reals.
    public func take(
        oneHot: CrypTensor,
        axis: Int = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, oneHot], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "take")
            guard oneHot.rank > 0, oneHot.shape[-1] == shape[position] else {
                throw CrypTenError(
                    .shapeMismatch,
                    "take along axis \(position) of shape \(shape) can't use rows of shape \(oneHot.shape): they are […, \(shape[position])]"
                )
            }
            let rest = (0..<rank).filter { $0 != position }
            let lead = Array(oneHot.shape.dimensions.dropLast())
            // An axis without places has no elements, and zeros are found on it.
            let columns = try checkedShape(rest.map { shape[$0] }, in: "take").count
            let found = try checkedShape(lead + rest.map { shape[$0] }, in: "take")
            let table = number(at: origin).permuted(positions: [position] + rest, at: origin)
                .reshaped([shape[position], columns], at: origin)
            let rows = oneHot.number(at: origin)
                .reshaped([try checkedShape(lead, in: "take").count, shape[position]], at: origin)
            let product = rows.applying(
                .bilinear(.matmul(transposeLeft: false, transposeRight: false)),
                table,
                at: origin
            )
            if product.error != nil { return product }
            // The rows' axes take the axis's place.
            let apart = product.reshaped(found, at: origin)
            if apart.error != nil { return apart }
            let order =
                Array(lead.count..<lead.count + position) + Array(0..<lead.count)
                + Array(lead.count + position..<apart.rank)
            return apart.permuted(positions: order, at: origin)
        }
    }
}

/// Rows of a table `[n, d]`, public or secret, at public or secret positions: `[…]` to `[…, d]`.
///
/// Public positions are read in place; for secret ones see `take`.
public func embedding(
    _ indices: CrypTensor,
    weight: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([indices, weight], file: file, line: line) { _ in
        guard weight.rank == 2 else {
            throw CrypTenError(.shapeMismatch, "embedding can't use a table of shape \(weight.shape): it is [n, d]")
        }
        return indices.visibility == .public
            ? weight.gather(indices, axis: 0, file: file, line: line)
            : weight.take(indices, axis: 0, file: file, line: line)
    }
}

/// Rows of a table `[n, d]`, public or secret, by one-hot rows `[…, n]`: `[…, d]`.
///
/// 1 round; none for a public table.
public func embedding(
    oneHot: CrypTensor,
    weight: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing([oneHot, weight], file: file, line: line) { _ in
        guard weight.rank == 2 else {
            throw CrypTenError(.shapeMismatch, "embedding can't use a table of shape \(weight.shape): it is [n, d]")
        }
        return weight.take(oneHot: oneHot, axis: 0, file: file, line: line)
    }
}
