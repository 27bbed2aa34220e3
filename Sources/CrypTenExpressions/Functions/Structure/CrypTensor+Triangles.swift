internal import CrypTenBase
internal import CrypTenRing

/// Triangles and diagonals of matrices, which are the last two axes; and elements replaced under a mask.
extension CrypTensor {
    /// The elements on and below a diagonal, zeros above: local.
    ///
    /// - Parameter diagonal: 0 for the main one; positive ones lie above it.
    public func tril(_ diagonal: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try triangle(name: "tril", at: origin) { row, column in column - row <= diagonal }
        }
    }

    /// The elements on and above a diagonal, zeros below: local.
    ///
    /// - Parameter diagonal: 0 for the main one; positive ones lie above it.
    public func triu(_ diagonal: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try triangle(name: "triu", at: origin) { row, column in column - row >= diagonal }
        }
    }

    /// The elements of a diagonal of two axes, which become the last one: local.
    ///
    /// - Parameter offset: 0 for the main one; positive ones lie above it.
    public func diagonal(
        offset: Int = 0,
        axis1: Int = -2,
        axis2: Int = -1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let (first, second) = (
                try normalized(axis: axis1, in: "diagonal"), try normalized(axis: axis2, in: "diagonal")
            )
            guard first != second else {
                throw CrypTenError(.invalidArgument, "diagonal of shape \(shape) needs two axes, not \(axis1) twice")
            }
            let rest = (0..<rank).filter { $0 != first && $0 != second }
            let (rows, columns) = (shape[first], shape[second])
            let (row, column) = (Swift.max(0, 0 &- offset), Swift.max(0, offset))
            let length = Swift.max(0, Swift.min(rows - Swift.min(row, rows), columns - Swift.min(column, columns)))
            try checkListed([length], in: "diagonal")
            let places = (0..<length).map { (row + $0) * columns + column + $0 }
            return permuted(positions: rest + [first, second], at: origin)
                .reshaped(Shape(rest.map { shape[$0] } + [rows * columns]), at: origin)
                .applying(.take(axis: rest.count, indices: places), at: origin)
        }
    }

    /// The sum of the main diagonal of a matrix, of each matrix of the last two axes: local.
    public func trace(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { _ in
            guard rank >= 2 else {
                throw CrypTenError(.shapeMismatch, "trace can't take shape \(shape): it takes matrices")
            }
            return diagonal(file: file, line: line).sum(axis: -1, file: file, line: line)
        }
    }

    /// These elements, but `value` where the mask holds: PyTorch's `masked_fill`.
    ///
    /// Local for a public mask, 1 round for a secret one.
    ///
    /// - Parameters:
    ///   - mask: Bits that broadcast with this tensor.
    ///   - value: A public number; whole where these are integers.
    public func maskedFill(
        _ mask: CrypTensor,
        _ value: Double,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, mask], file: file, line: line) { origin in
            guard kind == .real || Int(exactly: value) != nil else {
                throw CrypTenError(.invalidArgument, "maskedFill can't put \(value) among \(kind.rawValue) \(shape)")
            }
            let filling =
                kind == .real
                ? CrypTensor(constant: Tensor(value), at: origin)
                : CrypTensor(whole: Int(exactly: value) ?? 0, at: origin)
            return filling.where(mask, otherwise: self, file: file, line: line)
        }
    }

    /// The elements of the last two axes for whose row and column a condition holds, zeros elsewhere.
    private func triangle(
        name: String,
        at origin: SourceOrigin,
        _ holds: (Int, Int) -> Bool
    ) throws -> CrypTensor {
        guard rank >= 2 else {
            throw CrypTenError(.shapeMismatch, "\(name) can't take shape \(shape): it takes matrices")
        }
        let (rows, columns) = (shape[-2], shape[-1])
        try checkListed([rows, columns], in: name)
        // Places of the last two axes as one, of which the last, after all, is a zero.
        let places = (0..<rows).flatMap { row in
            (0..<columns).map { holds(row, $0) ? row * columns + $0 : rows * columns }
        }
        let flat = reshaped(Shape(shape.dimensions.dropLast(2) + [rows * columns]), at: origin)
        var after = [Int](repeating: 0, count: flat.rank)
        after[flat.rank - 1] = 1
        return flat.applying(.pad(before: after.map { _ in 0 }, after: after), at: origin)
            .applying(.take(axis: flat.rank - 1, indices: places), at: origin)
            .reshaped(shape, at: origin)
    }
}

/// The elements on and below a diagonal, zeros above.
///
/// Local.
public func tril(_ x: CrypTensor, _ diagonal: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.tril(diagonal, file: file, line: line)
}

/// The elements on and above a diagonal, zeros below.
///
/// Local.
public func triu(_ x: CrypTensor, _ diagonal: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.triu(diagonal, file: file, line: line)
}

/// The sum of the main diagonal.
///
/// Local.
public func trace(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.trace(file: file, line: line)
}
