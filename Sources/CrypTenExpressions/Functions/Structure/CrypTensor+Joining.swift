internal import CrypTenBase
internal import CrypTenRing

/// Tensors put together from others: local, no round, no bytes.
extension CrypTensor {
    /// With `value` around: `before[k]` elements before and `after[k]` after along axis k.
    public func pad(
        before: [Int],
        after: [Int],
        value: Double = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let padded = applying(.pad(before: before, after: after), at: origin)
            if value == 0 || padded.error != nil { return padded }
            // Zeros inside, the value around.
            if kind == .bit || (kind == .integer && Int64(exactly: value) == nil) {
                throw CrypTenError(.invalidArgument, "pad can't surround \(kind.rawValue) \(shape) with \(value)")
            }
            guard padded.shape.count <= 1 << 26 else {
                throw CrypTenError(
                    .outOfRange,
                    "pad makes \(padded.shape) of shape \(shape): with a value around, at most 2^26 elements"
                )
            }
            let frame = Tensor.frame(around: shape, in: padded.shape, before: before, value: value)
            let constant = CrypTensor(constant: frame, file: file, line: line)
            return padded.applying(.add, kind == .integer ? constant.wholeConstant : constant, at: origin)
        }
    }

    /// The whole tensor, `repetitions[k]` times along axis k; more numbers than axes add leading axes. PyTorch's
    /// `repeat`.
    public func tiled(_ repetitions: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard repetitions.count >= rank, repetitions.allSatisfy({ $0 >= 0 }) else {
                throw CrypTenError(
                    .invalidArgument,
                    "tile can't repeat shape \(shape) \(repetitions) times: it takes a number ≥ 0 for each axis"
                )
            }
            let extents = Array(repeating: 1, count: repetitions.count - rank) + shape.dimensions
            let apart = try checkedShape(zip(repetitions, extents).flatMap { [$0, $1] }, in: "tile")
            return reshaped(Shape(extents.flatMap { [1, $0] }), at: origin).broadcasted(to: apart, at: origin)
                .reshaped(Shape(zip(repetitions, extents).map(*)), at: origin)
        }
    }

    /// Every slice along an axis `count` times in a row: PyTorch's `repeat_interleave`.
    public func repeated(
        _ count: Int,
        axis: Int,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "repeat")
            guard count >= 0 else {
                throw CrypTenError(.invalidArgument, "repeat can't repeat shape \(shape) \(count) times")
            }
            var (one, many, target) = (shape.dimensions, shape.dimensions, shape.dimensions)
            one.insert(1, at: position + 1)
            many.insert(count, at: position + 1)
            let apart = try checkedShape(many, in: "repeat")
            target[position] *= count
            return reshaped(Shape(one), at: origin).broadcasted(to: apart, at: origin).reshaped(
                Shape(target),
                at: origin
            )
        }
    }

    /// This constant of whole reals as integers.
    private var wholeConstant: CrypTensor {
        guard let tensor = constantValue, let whole = tensor.integers else { return self }
        return CrypTensor(Node(.constant(Tensor(whole, shape: tensor.shape)), [], origin: node.origin))
    }
}

extension Tensor {
    /// Zeros where the inner shape lies, the value elsewhere.
    static func frame(around inner: Shape, in outer: Shape, before: [Int], value: Double) -> Tensor {
        var values = [Double](repeating: value, count: outer.count)
        let width = inner.rank == 0 ? 1 : inner[-1]
        guard inner.count > 0 else { return Tensor(values, shape: outer) }
        let strides = outer.strides
        var position = [Int](repeating: 0, count: inner.rank)
        for _ in 0..<inner.count / width {
            let start = zip(zip(position, before).map(+), strides).map(*).reduce(0, +)
            for column in start..<start + width { values[column] = 0 }
            var axis = inner.rank - 2
            while axis >= 0 {
                position[axis] += 1
                if position[axis] < inner[axis] { break }
                position[axis] = 0
                axis -= 1
            }
        }
        return Tensor(values, shape: outer)
    }
}

/// Tensors one after the other along an axis; their other extents are equal.
///
/// Integers and reals mix to reals. Local.
public func concatenate(
    _ tensors: [CrypTensor],
    axis: Int = 0,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing(tensors, file: file, line: line) { origin in
        guard let first = tensors.first else {
            throw CrypTenError(.invalidArgument, "concatenate can't join no tensors")
        }
        let position = try first.normalized(axis: axis, in: "concatenate")
        if tensors.count == 1 { return first }
        let parts: [CrypTensor]
        if tensors.contains(where: { $0.kind == .real }) {
            parts = tensors.map { $0.real(at: origin) }
        } else if tensors.contains(where: { $0.kind == .integer }) {
            parts = tensors.map { $0.number(at: origin) }
        } else {
            parts = tensors
        }
        return CrypTensor(Node(.concatenate(axis: position), parts.map(\.node), origin: origin))
    }
}

/// Tensors of one shape side by side along a new axis.
///
/// Local.
public func stack(
    _ tensors: [CrypTensor],
    axis: Int = 0,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing(tensors, file: file, line: line) { _ in
        guard let first = tensors.first else { throw CrypTenError(.invalidArgument, "stack can't join no tensors") }
        guard tensors.allSatisfy({ $0.shape == first.shape }) else {
            let shapes = tensors.map(\.shape.description).joined(separator: " and ")
            throw CrypTenError(.shapeMismatch, "stack can't take shapes \(shapes): the shapes must be equal")
        }
        let position = axis < 0 ? axis + first.rank + 1 : axis
        return concatenate(
            tensors.map { $0.expandDimensions(axis: position, file: file, line: line) },
            axis: position,
            file: file,
            line: line
        )
    }
}

/// With `value` around.
///
/// Local.
public func pad(
    _ x: CrypTensor,
    before: [Int],
    after: [Int],
    value: Double = 0,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.pad(before: before, after: after, value: value, file: file, line: line)
}

/// The whole tensor, `repetitions[k]` times along axis k.
///
/// Local.
public func tile(
    _ x: CrypTensor,
    _ repetitions: [Int],
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.tiled(repetitions, file: file, line: line)
}
