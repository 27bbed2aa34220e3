internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Rearrangements: the same elements elsewhere. On plain numbers each is a list of places from which elements are taken.
extension Value {
    func reshaped(_ target: Shape) throws -> Value {
        guard target.count == shape.count else {
            throw CrypTenError(.shapeMismatch, "shape \(shape) has \(shape.count) elements and can't become \(target)")
        }
        if target == shape { return self }
        switch content {
        case .known(let tensor): return Value(type, known: Tensor(tensor.elements, shape: target))
        case .weight(var weight):
            weight.shape = target
            weight.tensor = weight.tensor.map { Tensor($0.elements, shape: target) }
            return Value(type, weight: weight)
        case .expression, .list, .nothing: return Value(type, try checked(try expression().reshape(target)))
        }
    }

    /// Axis k of the result is axis `axes[k]` of this.
    func permuted(_ axes: [Int]) throws -> Value {
        guard axes.sorted() == Array(0..<shape.rank) else {
            throw CrypTenError(
                .shapeMismatch,
                "axes \(axes) must name each of the \(shape.rank) axes of shape \(shape) once"
            )
        }
        if axes == Array(0..<shape.rank) { return self }
        let strides = shape.strides
        return try rearranged(Shape(axes.map { shape[$0] })) { target in
            stridedPlaces(target, start: 0, strides: axes.map { strides[$0] })
        } expression: {
            $0.permuted(axes)
        }
    }

    /// From `starts[k]`, every `steps[k]`-th, to the given shape; all inside.
    func sliced(starts: [Int], steps: [Int], shape target: Shape) throws -> Value {
        if target == shape, steps.allSatisfy({ $0 == 1 }) { return self }
        let strides = shape.strides
        return try rearranged(target) { target in
            stridedPlaces(
                target,
                start: zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 },
                strides: zip(steps, strides).map { $0 * $1 }
            )
        } expression: {
            $0.applying(.slice(starts: starts, steps: steps, shape: target))
        }
    }

    /// Repeated along axes of extent 1 and new leading axes.
    func broadcast(to target: Shape) throws -> Value {
        if target == shape { return self }
        guard Shape.broadcast(shape, target) == target else {
            throw CrypTenError(
                .shapeMismatch,
                "shape \(shape) can't be repeated to \(target): extents must be equal or 1, from the last axis on"
            )
        }
        let added = target.rank - shape.rank
        let strides = shape.strides
        return try rearranged(target) { target in
            stridedPlaces(
                target,
                start: 0,
                strides: (0..<target.rank).map { $0 < added || shape[$0 - added] == 1 ? 0 : strides[$0 - added] }
            )
        } expression: {
            $0.broadcast(to: target)
        }
    }

    /// The slices of an axis at the given positions, from 0 on.
    func taking(_ positions: [Int], axis: Int) throws -> Value {
        if positions == Array(0..<shape[axis]) { return self }
        var dimensions = shape.dimensions
        dimensions[axis] = positions.count
        let inner = shape.strides[axis]
        let (extent, outer) = (shape[axis], shape.dimensions.prefix(axis).reduce(1, *))
        return try rearranged(try Shape(checking: dimensions)) { target in
            var places: [Int] = []
            places.reserveCapacity(target.count)
            for block in 0..<outer {
                for position in positions {
                    let start = (block * extent + position) * inner
                    places.append(contentsOf: start..<start + inner)
                }
            }
            return places
        } expression: {
            $0.applying(.take(axis: axis, indices: positions))
        }
    }

    /// Zeros before and after.
    func padded(before: [Int], after: [Int]) throws -> Value {
        if before.allSatisfy({ $0 == 0 }), after.allSatisfy({ $0 == 0 }) { return self }
        let target = try Shape(checking: (0..<shape.rank).map { shape[$0] + before[$0] + after[$0] })
        return try rearranged(target) { target in
            let inner = stridedPlaces(
                shape,
                start: zip(before, target.strides).reduce(0) { $0 + $1.0 * $1.1 },
                strides: target.strides
            )
            var places = [Int](repeating: -1, count: target.count)
            for (from, to) in inner.enumerated() { places[to] = from }
            return places
        } expression: {
            $0.applying(.pad(before: before, after: after))
        }
    }

    /// One after another along an axis; all of one type.
    static func concatenated(_ values: [Value], axis: Int) throws -> Value {
        let first = values[0]
        if values.count == 1 { return first }
        var dimensions = first.shape.dimensions
        for value in values.dropFirst() {
            var other = value.shape.dimensions
            guard other.count == dimensions.count else {
                throw CrypTenError(.shapeMismatch, "its inputs have different numbers of axes")
            }
            dimensions[axis] += other[axis]
            other[axis] = dimensions[axis]
            guard other == dimensions else {
                throw CrypTenError(
                    .shapeMismatch,
                    "its inputs have shapes \(values.map(\.shape)), which differ beyond axis \(axis)"
                )
            }
        }
        let target = try Shape(checking: dimensions)
        guard let plain = try Value.plain(values, target) else {
            let expressions = try values.map { try $0.expression() }
            return Value(first.type, try checked(concatenate(expressions, axis: axis)))
        }
        return plain.value(first.type, target) { tensors in
            // The elements of all operands one after another, and where each element of the result stands among them.
            let all = tensors.dropFirst().reduce(tensors[0].elements) { $0.appending($1.elements) }
            var places: [Int] = []
            places.reserveCapacity(target.count)
            let outer = target.dimensions.prefix(axis).reduce(1, *)
            for block in 0..<outer {
                var base = 0
                for tensor in tensors {
                    let length = tensor.shape.count / max(outer, 1)
                    places.append(contentsOf: base + block * length..<base + (block + 1) * length)
                    base += tensor.shape.count
                }
            }
            return Tensor(all.picking(places), shape: target)
        }
    }

    /// A rearrangement, given by the places of a plain tensor's elements from which the result's are taken (−1: zero).
    private func rearranged(
        _ target: Shape,
        places: (Shape) -> [Int],
        expression: (CrypTensor) -> CrypTensor
    ) throws -> Value {
        guard let plain = try Value.plain([self], target) else {
            return Value(type, try checked(expression(try self.expression())))
        }
        return plain.value(type, target) { Tensor($0[0].elements.picking(places(target)), shape: target) }
    }
}

/// The places that a strided view visits, in row-major order.
private func stridedPlaces(_ shape: Shape, start: Int, strides: [Int]) -> [Int] {
    let count = shape.count
    var places: [Int] = []
    places.reserveCapacity(count)
    var position = [Int](repeating: 0, count: shape.rank)
    var place = start
    for _ in 0..<count {
        places.append(place)
        for axis in stride(from: shape.rank - 1, through: 0, by: -1) {
            position[axis] += 1
            place += strides[axis]
            if position[axis] < shape[axis] { break }
            place -= position[axis] * strides[axis]
            position[axis] = 0
        }
    }
    return places
}

extension Tensor.Elements {
    /// The elements at the given places; zero where a place is −1.
    fileprivate func picking(_ places: [Int]) -> Tensor.Elements {
        switch self {
        case .float(let values): .float(places.map { $0 < 0 ? 0 : values[$0] })
        case .double(let values): .double(places.map { $0 < 0 ? 0 : values[$0] })
        case .int32(let values): .int32(places.map { $0 < 0 ? 0 : values[$0] })
        case .int64(let values): .int64(places.map { $0 < 0 ? 0 : values[$0] })
        case .bool(let values): .bool(places.map { $0 < 0 ? false : values[$0] })
        }
    }

    /// These elements and others of the same kind, in the wider type of both.
    fileprivate func appending(_ other: Tensor.Elements) -> Tensor.Elements {
        switch (self, other) {
        case (.float(let a), .float(let b)): .float(a + b)
        case (.int32(let a), .int32(let b)): .int32(a + b)
        case (.bool(let a), .bool(let b)): .bool(a + b)
        case (.int32, _), (.int64, _):
            .int64((Tensor(self, shape: [count]).integers ?? []) + (Tensor(other, shape: [other.count]).integers ?? []))
        default: .double(Tensor(self, shape: [count]).doubles + Tensor(other, shape: [other.count]).doubles)
        }
    }
}
