internal import CrypTenBase
public import CrypTenRing

/// The same elements in another arrangement: local, no round, no bytes.
extension CrypTensor {
    /// The elements in row-major order in a new shape; one extent may be −1 and is found from the others.
    public func reshape(_ dimensions: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var target = dimensions
            let open = target.indices.filter { target[$0] == -1 }
            guard open.count <= 1, target.allSatisfy({ $0 >= -1 }) else {
                throw CrypTenError(
                    .shapeMismatch,
                    "reshape can't turn \(shape) into \(dimensions): at most one extent may be −1"
                )
            }
            if let position = open.first {
                target[position] = 1
                let rest = try checkedShape(target, in: "reshape").count
                guard rest > 0, count % rest == 0 else {
                    throw CrypTenError(
                        .shapeMismatch,
                        "reshape can't turn \(shape) into \(dimensions): \(count) elements don't divide by \(rest)"
                    )
                }
                target[position] = count / rest
            }
            return reshaped(try checkedShape(target, in: "reshape"), at: origin)
        }
    }

    /// The elements in row-major order in a new shape; one extent may be −1 and is found from the others.
    public func reshape(_ dimensions: Int..., file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        reshape(dimensions, file: file, line: line)
    }

    /// The elements in row-major order in a new shape.
    public func reshape(_ shape: Shape, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { reshaped(shape, at: $0) }
    }

    /// The axes from `start` to `end` as one: `[N, C, H, W]` to `[N, C · H · W]` for `start` 1.
    public func flatten(
        start: Int = 0,
        end: Int = -1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            if rank == 0 { return reshaped([1], at: origin) }
            let (first, last) = (try normalized(axis: start, in: "flatten"), try normalized(axis: end, in: "flatten"))
            guard first <= last else {
                throw CrypTenError(
                    .invalidArgument,
                    "flatten can't join axes \(start) to \(end) of shape \(shape): they are in the wrong order"
                )
            }
            var target = shape.dimensions
            target.replaceSubrange(first...last, with: [target[first...last].reduce(1, *)])
            return reshaped(Shape(target), at: origin)
        }
    }

    /// The axes in another order: axis k of the result is axis `axes[k]` of this.
    public func permuted(_ axes: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            permuted(positions: try normalized(axes: axes, in: "permute"), at: origin)
        }
    }

    /// The axes in another order: axis k of the result is axis `axes[k]` of this.
    public func permuted(_ axes: Int..., file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        permuted(axes, file: file, line: line)
    }

    /// All axes in reverse order: the transpose of a matrix.
    public func transposed(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { permuted(positions: (0..<rank).reversed(), at: $0) }
    }

    /// Two axes exchanged.
    public func transposed(
        _ first: Int,
        _ second: Int,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var axes = Array(0..<rank)
            axes.swapAt(try normalized(axis: first, in: "transpose"), try normalized(axis: second, in: "transpose"))
            return permuted(positions: axes, at: origin)
        }
    }

    /// Without the given axes, which must have extent 1; without all such axes where none are given.
    public func squeeze(axes: [Int]? = nil, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let gone = try axes.map { try normalized(axes: $0, in: "squeeze") } ?? (0..<rank).filter { shape[$0] == 1 }
            if let wide = gone.first(where: { shape[$0] != 1 }) {
                throw CrypTenError(
                    .shapeMismatch,
                    "squeeze can't drop axis \(wide) of shape \(shape): its extent isn't 1"
                )
            }
            return reshaped(shape.reducing(gone, keepDimensions: false), at: origin)
        }
    }

    /// Without one axis, which must have extent 1.
    public func squeeze(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        squeeze(axes: [axis], file: file, line: line)
    }

    /// With new axes of extent 1 at the given positions of the result.
    public func expandDimensions(axes: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let newRank = rank + axes.count
            let positions = axes.map { $0 < 0 ? $0 + newRank : $0 }
            guard positions.allSatisfy({ (0..<newRank).contains($0) }), Set(positions).count == axes.count else {
                throw CrypTenError(
                    .invalidArgument,
                    "expandDimensions can't insert axes \(axes) into shape \(shape): they must be different, in −\(newRank)..<\(newRank)"
                )
            }
            var old = shape.dimensions.makeIterator()
            let target = (0..<newRank).map { positions.contains($0) ? 1 : old.next()! }
            return reshaped(try checkedShape(target, in: "expandDimensions"), at: origin)
        }
    }

    /// With a new axis of extent 1 at the given position of the result.
    public func expandDimensions(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        expandDimensions(axes: [axis], file: file, line: line)
    }

    /// With a new axis of extent 1 at the given position of the result: PyTorch's name for `expandDimensions`.
    public func unsqueeze(_ axis: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        expandDimensions(axes: [axis], file: file, line: line)
    }

    /// Repeated along axes of extent 1 and new leading axes, to a shape by NumPy's rule.
    public func broadcast(to shape: Shape, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { broadcasted(to: shape, at: $0) }
    }

    func reshaped(_ target: Shape, at origin: SourceOrigin?) -> CrypTensor {
        target == shape ? self : applying(.reshape(target), at: origin)
    }

    func permuted(positions: [Int], at origin: SourceOrigin?) -> CrypTensor {
        positions == Array(0..<rank) ? self : applying(.permute(axes: positions), at: origin)
    }
}

/// The elements in row-major order in a new shape; one extent may be −1. Local.
public func reshape(
    _ x: CrypTensor,
    _ dimensions: [Int],
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.reshape(dimensions, file: file, line: line)
}

/// The axes from `start` to `end` as one.
///
/// Local.
public func flatten(
    _ x: CrypTensor,
    start: Int = 0,
    end: Int = -1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.flatten(start: start, end: end, file: file, line: line)
}

/// Two axes exchanged.
///
/// Local.
public func transpose(
    _ x: CrypTensor,
    _ first: Int,
    _ second: Int,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.transposed(first, second, file: file, line: line)
}

/// The axes in another order.
///
/// Local.
public func permute(
    _ x: CrypTensor,
    _ axes: [Int],
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.permuted(axes, file: file, line: line)
}

/// Without axes of extent 1. Local.
public func squeeze(
    _ x: CrypTensor,
    axes: [Int]? = nil,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.squeeze(axes: axes, file: file, line: line)
}

/// With a new axis of extent 1. Local.
public func unsqueeze(
    _ x: CrypTensor,
    _ axis: Int,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.unsqueeze(axis, file: file, line: line)
}

/// Repeated along axes of extent 1 and new leading axes.
///
/// Local.
public func broadcast(
    _ x: CrypTensor,
    to shape: Shape,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.broadcast(to: shape, file: file, line: line)
}
