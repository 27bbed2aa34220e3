internal import CrypTenBase
internal import CrypTenRing

/// Products of matrices: 1 round, which masks their operands; none where they are masked already, as a model's weights
/// are.
///
/// Results of reals are right within 2^(62 − 2·fractionBits), 2³⁰ with 16, biases and whatever else is added included; what
/// the sums pass through on the way doesn't matter.
extension CrypTensor {
    /// The matrix product, with NumPy's rules: `[…, m, k]` by `[…, k, n]` is `[…, m, n]`, leading axes broadcast, and a
    /// vector stands for a row on the left and for a column on the right.
    public func matmul(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            guard rank > 0, other.rank > 0 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "matmul can't combine shapes \(shape) and \(other.shape): scalars are multiplied with *"
                )
            }
            let left = rank == 1 ? reshaped([1, shape[0]], at: origin) : self
            let right = other.rank == 1 ? other.reshaped([other.shape[0], 1], at: origin) : other
            let product = try left.matrixProduct(right, transposeRight: false, at: origin).wellFormed()
            var target = product.shape.dimensions
            if other.rank == 1 { target.removeLast() }
            if rank == 1 { target.remove(at: target.count - (other.rank == 1 ? 1 : 2)) }
            return product.reshaped(Shape(target), at: origin)
        }
    }

    /// A layer's product: `[…, in]` by weights `[out, in]`, plus a bias `[out]`, is `[…, out]`.
    public func linear(
        _ weight: CrypTensor,
        bias: CrypTensor? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, weight] + (bias.map { [$0] } ?? []), file: file, line: line) { origin in
            guard weight.rank == 2, rank >= 1, shape[-1] == weight.shape[1] else {
                throw CrypTenError(
                    .shapeMismatch,
                    "linear can't combine shapes \(shape) and \(weight.shape): it takes […, in] and [out, in]"
                )
            }
            if let bias, bias.shape != [weight.shape[0]] {
                throw CrypTenError(
                    .shapeMismatch,
                    "linear can't add bias \(bias.shape) after weights \(weight.shape): it takes [\(weight.shape[0])]"
                )
            }
            let left = rank == 1 ? reshaped([1, shape[0]], at: origin) : self
            let product = try left.matrixProduct(weight, transposeRight: true, at: origin).wellFormed()
                .reshaped(checkedShape(shape.dimensions.dropLast() + [weight.shape[0]], in: "linear"), at: origin)
            return bias.map { product.adding($0, at: origin) } ?? product
        }
    }

    /// The inner product of two vectors, or of all elements of two tensors of one shape: a scalar.
    ///
    /// 1 round.
    public func dot(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            guard shape == other.shape else {
                throw CrypTenError(
                    .shapeMismatch,
                    "dot can't take shapes \(shape) and \(other.shape): the shapes must be equal"
                )
            }
            return try reshaped([1, count], at: origin)
                .matrixProduct(other.reshaped([count, 1], at: origin), transposeRight: false, at: origin).reshaped(
                    [],
                    at: origin
                )
        }
    }

    /// The outer product of two vectors: `[m]` by `[n]` is `[m, n]`.
    ///
    /// 1 round.
    public func outer(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            guard rank == 1, other.rank == 1 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "outer can't take shapes \(shape) and \(other.shape): it takes two vectors"
                )
            }
            return try reshaped([count, 1], at: origin)
                .matrixProduct(other.reshaped([1, other.count], at: origin), transposeRight: false, at: origin)
        }
    }

    /// A product of matrices; rows of several matrices by one are one long matrix.
    private func matrixProduct(_ other: CrypTensor, transposeRight: Bool, at origin: SourceOrigin) throws -> CrypTensor
    {
        let operation = Primitive.bilinear(.matmul(transposeLeft: false, transposeRight: transposeRight))
        let (left, right) = (number(at: origin), other.number(at: origin))
        guard left.rank > 2, right.rank == 2 else { return left.applying(operation, right, at: origin) }
        let rows = shape.dimensions.dropLast().reduce(1, *)
        let product = try left.reshaped([rows, shape[-1]], at: origin).applying(operation, right, at: origin)
            .wellFormed()
        return product.reshaped(
            try checkedShape(shape.dimensions.dropLast() + [product.shape[1]], in: "matmul"),
            at: origin
        )
    }

    /// The sum with another tensor, which is broadcast.
    func adding(_ other: CrypTensor, at origin: SourceOrigin) -> CrypTensor {
        let (a, b) = CrypTensor.unified(self, other, at: origin)
        let (x, y) = CrypTensor.aligned(a, b, at: origin)
        return x.applying(.add, y, at: origin)
    }
}

/// The matrix product, with NumPy's rules.
///
/// 1 round.
public func matmul(
    _ left: CrypTensor,
    _ right: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    left.matmul(right, file: file, line: line)
}

/// A layer's product: `[…, in]` by weights `[out, in]`, plus a bias `[out]`.
///
/// 1 round.
public func linear(
    _ x: CrypTensor,
    weight: CrypTensor,
    bias: CrypTensor? = nil,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.linear(weight, bias: bias, file: file, line: line)
}
