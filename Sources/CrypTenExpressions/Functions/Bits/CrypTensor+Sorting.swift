internal import CrypTenBase
internal import CrypTenRing

/// Order along an axis, by a network of comparisons that doesn't depend on the values: exact while differences fit in 63 bits.
///
/// For n elements `log n · (log n + 1) / 2` layers, log of base two and rounded up, and about half as many comparisons for each
/// element; 4 rounds a layer for values alone, 5 where indices go with them.
extension CrypTensor {
    /// The elements in ascending or descending order along an axis.
    public func sort(
        axis: Int = -1,
        descending: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try ordered(axis: axis, first: nil, descending: descending, name: "sort", at: origin)
        }
    }

    /// The positions, along an axis, of the elements in order; equal ones in the order in which they stand.
    public func argsort(
        axis: Int = -1,
        descending: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try orderedWithPositions(axis: axis, first: nil, descending: descending, name: "argsort", at: origin).1
        }
    }

    /// The k largest or smallest elements along an axis in order, and their positions; of equal ones the first.
    ///
    /// - Returns: Both with extent k along the axis; an error is in both.
    public func topK(
        _ k: Int,
        axis: Int = -1,
        largest: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> (values: CrypTensor, indices: CrypTensor) {
        var indices: CrypTensor?
        let values = CrypTensor.composing([self], file: file, line: line) { origin in
            let pair = try orderedWithPositions(axis: axis, first: k, descending: largest, name: "topK", at: origin)
            indices = pair.1
            return pair.0
        }
        return (values, indices ?? values)
    }

    /// The middle element along an axis, which disappears: of an even number the lower of two, as PyTorch has it.
    public func median(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let position = try normalized(axis: axis, in: "median")
            guard shape[position] > 0 else {
                throw CrypTenError(.shapeMismatch, "median along axis \(position) of shape \(shape) has no elements")
            }
            let half = (shape[position] - 1) / 2
            let lower = try ordered(axis: axis, first: half + 1, descending: false, name: "median", at: origin)
            return lower.narrowed(axis: position, start: half, length: 1, at: origin)
                .reshaped(shape.reducing([position], keepDimensions: false), at: origin)
        }
    }

    // MARK: The network

    /// The axis that is sorted, checked, and the network.
    private func network(_ axis: Int, _ first: Int?, _ name: String) throws -> (axis: Int, first: Int, SortingNetwork) {
        let position = try normalized(axis: axis, in: name)
        let extent = shape[position]
        guard extent <= 1 << 16 else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't order the \(extent) elements along axis \(position) of shape \(shape): 65,536 are the most"
            )
        }
        guard (0...extent).contains(first ?? extent) else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't give \(first ?? extent) of the \(extent) elements along axis \(position) of shape \(shape)"
            )
        }
        return (position, first ?? extent, SortingNetwork(count: extent, first: first ?? extent))
    }

    /// The first elements in order: the smaller of two is `x − max(x − y, 0)`, the larger `y + max(x − y, 0)`.
    private func ordered(
        axis: Int,
        first: Int?,
        descending: Bool,
        name: String,
        at origin: SourceOrigin
    ) throws -> CrypTensor {
        let (axis, count, network) = try network(axis, first, name)
        // Of opposite numbers the order is the opposite one.
        var x = descending ? number(at: origin).applying(.negate, at: origin) : number(at: origin)
        for layer in network.layers {
            let (low, high) = x.sides(of: layer, axis, origin)
            let excess = low.applying(.subtract, high, at: origin).applying(.relu, at: origin)
            x = try x.replacing(
                layer,
                axis,
                low: low.applying(.subtract, excess, at: origin),
                high: high.applying(.add, excess, at: origin),
                origin
            )
        }
        let part = x.narrowed(axis: axis, start: 0, length: count, at: origin)
        return descending ? part.applying(.negate, at: origin) : part
    }

    /// The first elements in order and their positions, by which equal elements are told apart.
    private func orderedWithPositions(
        axis: Int,
        first: Int?,
        descending: Bool,
        name: String,
        at origin: SourceOrigin
    ) throws -> (CrypTensor, CrypTensor) {
        let (axis, count, network) = try network(axis, first, name)
        var x = descending ? number(at: origin).applying(.negate, at: origin) : number(at: origin)
        let extents = (0..<rank).map { $0 == axis ? shape[axis] : 1 }
        var positions = CrypTensor(constant: Tensor(Array(0..<shape[axis]), shape: Shape(extents)), at: origin)
            .broadcasted(to: shape, at: origin)
        for layer in network.layers {
            let (low, high) = x.sides(of: layer, axis, origin)
            let (lowPlace, highPlace) = positions.sides(of: layer, axis, origin)
            let step = high.applying(.subtract, low, at: origin)
            let move = highPlace.applying(.subtract, lowPlace, at: origin)
            // The two cases exclude one another, so their sum modulo 2 is either of them.
            let isTie = step.applying(.isZero, at: origin).applying(
                .and,
                move.applying(.isNegative, at: origin),
                at: origin
            )
            let swaps = step.applying(.isNegative, at: origin).applying(.xor, isTie, at: origin)
            let (shift, turn) = (swaps.applying(.select, step, at: origin), swaps.applying(.select, move, at: origin))
            x = try x.replacing(
                layer,
                axis,
                low: low.applying(.add, shift, at: origin),
                high: high.applying(.subtract, shift, at: origin),
                origin
            )
            positions = try positions.replacing(
                layer,
                axis,
                low: lowPlace.applying(.add, turn, at: origin),
                high: highPlace.applying(.subtract, turn, at: origin),
                origin
            )
        }
        let part = x.narrowed(axis: axis, start: 0, length: count, at: origin)
        return (
            descending ? part.applying(.negate, at: origin) : part,
            positions.narrowed(axis: axis, start: 0, length: count, at: origin)
        )
    }

    /// The elements on both sides of a layer's comparators.
    private func sides(
        of layer: [SortingNetwork.Comparator],
        _ axis: Int,
        _ origin: SourceOrigin
    ) -> (CrypTensor, CrypTensor) {
        (
            applying(.take(axis: axis, indices: layer.map(\.low)), at: origin),
            applying(.take(axis: axis, indices: layer.map(\.high)), at: origin)
        )
    }

    /// This with other elements on both sides of a layer's comparators; for a moment there are up to twice as many elements.
    private func replacing(
        _ layer: [SortingNetwork.Comparator],
        _ axis: Int,
        low: CrypTensor,
        high: CrypTensor,
        _ origin: SourceOrigin
    ) throws -> CrypTensor {
        let extent = shape[axis]
        var from = Array(0..<extent)
        for (number, comparator) in layer.enumerated() {
            from[comparator.low] = extent + number
            from[comparator.high] = extent + layer.count + number
        }
        return try CrypTensor(Node(.concatenate(axis: axis), [node, low.node, high.node], origin: origin))
            .applying(.take(axis: axis, indices: from), at: origin)
            .wellFormed()
    }
}

/// The elements in order along an axis.
public func sort(
    _ x: CrypTensor,
    axis: Int = -1,
    descending: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.sort(axis: axis, descending: descending, file: file, line: line)
}

/// The positions of the elements in order along an axis.
public func argsort(
    _ x: CrypTensor,
    axis: Int = -1,
    descending: Bool = false,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.argsort(axis: axis, descending: descending, file: file, line: line)
}

/// The k largest or smallest elements along an axis in order, and their positions.
public func topK(
    _ x: CrypTensor,
    _ k: Int,
    axis: Int = -1,
    largest: Bool = true,
    file: StaticString = #fileID,
    line: UInt = #line
) -> (values: CrypTensor, indices: CrypTensor) {
    x.topK(k, axis: axis, largest: largest, file: file, line: line)
}

/// The middle element along an axis.
public func median(_ x: CrypTensor, axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.median(axis: axis, file: file, line: line)
}
