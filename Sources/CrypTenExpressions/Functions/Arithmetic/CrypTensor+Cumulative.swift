internal import CrypTenBase
internal import CrypTenRing

/// Sums and products along an axis, of all elements and of all before each.
extension CrypTensor {
    /// The sums of the elements up to each along an axis: local, no round, no bytes.
    ///
    /// - Parameters:
    ///   - exclusive: Whether an element itself isn't counted, so that the first sum is 0.
    ///   - reverse: Whether sums run from the end.
    public func cumsum(
        axis: Int,
        exclusive: Bool = false,
        reverse: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "cumsum")
            return number(at: origin).scanned(position, exclusive: exclusive, reverse: reverse, fill: 0, at: origin) {
                $0.applying(.add, $1, at: origin)
            }
        }
    }

    /// The products of the elements up to each along an axis: 2 rounds for every factor of two in its extent, 1 of
    /// integers.
    ///
    /// Exact modulo 2^64 for integers; of reals every product is rounded to the encoding, and must lie within
    /// 2^(62 − 2·fractionBits), 2³⁰ with 16.
    ///
    /// - Parameters:
    ///   - exclusive: Whether an element itself isn't counted, so that the first product is 1.
    ///   - reverse: Whether products run from the end.
    public func cumprod(
        axis: Int,
        exclusive: Bool = false,
        reverse: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "cumprod")
            return number(at: origin).scanned(position, exclusive: exclusive, reverse: reverse, fill: 1, at: origin) {
                $0.applying(.bilinear(.multiply), $1, at: origin)
            }
        }
    }

    /// The product over the given axes, over all where none are given: 2 rounds for every factor of two, 1 of
    /// integers.
    ///
    /// Range and rounding are those of `cumprod`; 1 where there are no elements.
    public func prod(
        axes: [Int]? = nil,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gone = try normalized(axes: axes, in: "prod").sorted()
            let kept = (0..<rank).filter { !gone.contains($0) }
            let target = shape.reducing(gone, keepDimensions: keepDimensions)
            let extent = gone.reduce(1) { $0 * shape[$1] }
            let x = number(at: origin)
            if extent == 0 { return x.filled(with: 1, target, at: origin) }
            var rest = x.permuted(positions: gone + kept, at: origin)
                .reshaped(Shape([extent] + kept.map { shape[$0] }), at: origin)
            while rest.shape[0] > 1 {
                let half = rest.shape[0] / 2
                let pairs = rest.narrowed(axis: 0, start: 0, length: half, at: origin)
                    .applying(
                        .bilinear(.multiply),
                        rest.narrowed(axis: 0, start: half, length: half, at: origin),
                        at: origin
                    )
                if rest.shape[0] % 2 == 1 {
                    let last = rest.narrowed(axis: 0, start: 2 * half, length: 1, at: origin)
                    rest = CrypTensor(Node(.concatenate(axis: 0), [pairs.node, last.node], origin: origin))
                } else {
                    rest = pairs
                }
            }
            return rest.reshaped(target, at: origin)
        }
    }

    /// The product over one axis.
    public func prod(
        axis: Int,
        keepDimensions: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        prod(axes: [axis], keepDimensions: keepDimensions, file: file, line: line)
    }

    /// One number in a shape, of this tensor's kind.
    func filled(with number: Int, _ target: Shape, at origin: SourceOrigin?) -> CrypTensor {
        let scalar =
            kind == .real
            ? CrypTensor(constant: Tensor(Double(number)), at: origin) : CrypTensor(whole: number, at: origin)
        return scalar.broadcasted(to: target, at: origin)
    }

    /// A prefix scan in steps that double, by Hillis and Steele: after step k each element covers 2^k of those before it.
    ///
    /// - Parameter fill: What stands before the first.
    private func scanned(
        _ axis: Int,
        exclusive: Bool,
        reverse: Bool,
        fill: Int,
        at origin: SourceOrigin,
        _ combine: (CrypTensor, CrypTensor) -> CrypTensor
    ) -> CrypTensor {
        let extent = shape[axis]
        guard extent > 0 else { return self }
        /// Moved by `shift` along the axis, with the fill where elements have left.
        func moved(_ x: CrypTensor, by shift: Int) -> CrypTensor {
            if shift >= extent { return filled(with: fill, shape, at: origin) }
            let rest = x.narrowed(axis: axis, start: reverse ? shift : 0, length: extent - shift, at: origin)
            var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
            if reverse { after[axis] = shift } else { before[axis] = shift }
            if fill == 0 { return rest.applying(.pad(before: before, after: after), at: origin) }
            var dimensions = shape.dimensions
            dimensions[axis] = shift
            let edge = filled(with: fill, Shape(dimensions), at: origin)
            let parts = reverse ? [rest.node, edge.node] : [edge.node, rest.node]
            return CrypTensor(Node(.concatenate(axis: axis), parts, origin: origin))
        }
        var result = exclusive ? moved(self, by: 1) : self
        var shift = 1
        while shift < extent {
            // What an element gets from beyond the edge is the fill, which changes nothing: it isn't combined.
            let length = extent - shift
            let (near, far) = (reverse ? 0 : shift, reverse ? shift : 0)
            let sums = combine(
                result.narrowed(axis: axis, start: near, length: length, at: origin),
                result.narrowed(axis: axis, start: far, length: length, at: origin)
            )
            let edge = result.narrowed(axis: axis, start: reverse ? length : 0, length: shift, at: origin)
            let parts = reverse ? [sums.node, edge.node] : [edge.node, sums.node]
            result = CrypTensor(Node(.concatenate(axis: axis), parts, origin: origin))
            shift *= 2
        }
        return result
    }
}

/// The sums of the elements up to each along an axis.
///
/// Local.
public func cumsum(_ x: CrypTensor, axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.cumsum(axis: axis, file: file, line: line)
}

/// The products of the elements up to each along an axis.
///
/// 2 rounds for every factor of two, 1 of integers.
public func cumprod(_ x: CrypTensor, axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.cumprod(axis: axis, file: file, line: line)
}

/// The product over the given axes.
///
/// 2 rounds for every factor of two, 1 of integers.
public func prod(
    _ x: CrypTensor,
    axes: [Int]? = nil,
    keepDimensions: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.prod(axes: axes, keepDimensions: keepDimensions, file: file, line: line)
}
