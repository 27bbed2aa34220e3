internal import CrypTenBase
internal import CrypTenRing

/// What gradient rules are made of: the transposes of moves and sums.
extension CrypTensor {
    /// The product with another of reals.
    func times(_ other: CrypTensor, at place: SourceOrigin?) -> CrypTensor {
        applying(.bilinear(.multiply), other, at: place)
    }

    /// This times a polynomial of x, whose coefficients begin with the constant.
    func timesPolynomial(_ coefficients: [Double], of x: CrypTensor, at place: SourceOrigin?) -> CrypTensor {
        if coefficients.count == 1 { return scaled(by: coefficients[0], at: place) }
        if coefficients.count == 2, coefficients[0] == 0 {
            return times(x, at: place).scaled(by: coefficients[1], at: place)
        }
        return times(x.applying(.polynomial(coefficients), at: place), at: place)
    }

    /// The sum over the axes along which a tensor of `shape` was repeated to this one's.
    func summed(to shape: Shape, at place: SourceOrigin?) -> CrypTensor {
        if self.shape == shape { return self }
        let more = rank - shape.rank
        let axes =
            Array(0..<more) + (0..<shape.rank).filter { shape[$0] == 1 && self.shape[$0 + more] != 1 }.map { $0 + more }
        let sum = axes.isEmpty ? self : applying(.sum(axes: axes), at: place)
        return sum.shape == shape ? sum : sum.reshaped(shape, at: place)
    }

    /// This, without some axes of `shape`, as often as those are long.
    func repeated(along axes: [Int], as shape: Shape, at place: SourceOrigin?) -> CrypTensor {
        reshaped(shape.reducing(axes, keepDimensions: true), at: place).broadcasted(to: shape, at: place)
    }

    /// This at every `steps[k]`-th place from `starts[k]` on of a tensor of zeros: what a slice is the transpose of.
    func spread(into shape: Shape, from starts: [Int], steps: [Int], at place: SourceOrigin?) -> CrypTensor {
        if count == 0 || shape.count == 0 {
            return CrypTensor(constant: Tensor(0), at: place).broadcasted(to: shape, at: place)
        }
        var result = self
        var starts = starts
        for axis in 0..<rank where self.shape[axis] > 1 && steps[axis] != 1 {
            let (extent, step) = (self.shape[axis], steps[axis].magnitude)
            if steps[axis] < 0 {
                starts[axis] += steps[axis] * (extent - 1)
                result = result.reversed(along: axis, at: place)
            }
            if step > 1 { result = result.stretched(along: axis, by: Int(step), at: place) }
        }
        let after = (0..<rank).map { shape[$0] - starts[$0] - result.shape[$0] }
        if starts.allSatisfy({ $0 == 0 }), after.allSatisfy({ $0 == 0 }) { return result }
        return result.applying(.pad(before: starts, after: after), at: place)
    }

    private func reversed(along axis: Int, at place: SourceOrigin?) -> CrypTensor {
        var (starts, steps) = ([Int](repeating: 0, count: rank), [Int](repeating: 1, count: rank))
        (starts[axis], steps[axis]) = (shape[axis] - 1, -1)
        return sliced(starts: starts, steps: steps, shape: shape, at: place)
    }

    /// `step − 1` zeros between every two neighbours along an axis.
    private func stretched(along axis: Int, by step: Int, at place: SourceOrigin?) -> CrypTensor {
        var extents = shape.dimensions
        extents.insert(1, at: axis + 1)
        var after = [Int](repeating: 0, count: rank + 1)
        after[axis + 1] = step - 1
        let padded = reshaped(Shape(extents), at: place).applying(
            .pad(before: [Int](repeating: 0, count: rank + 1), after: after),
            at: place
        )
        let long = shape.replacing(axis: axis, with: shape[axis] * step)
        return padded.reshaped(long, at: place)
            .narrowed(axis: axis, start: 0, length: (shape[axis] - 1) * step + 1, at: place)
    }

    /// For each place along an axis of so many the sum of the slices of this whose index it is: what `take` is the transpose of.
    func collected(along axis: Int, by indices: [Int], extent: Int, at place: SourceOrigin?) -> CrypTensor {
        let target = shape.replacing(axis: axis, with: extent)
        if count == 0 || extent == 0 {
            return CrypTensor(constant: Tensor(0), at: place).broadcasted(to: target, at: place)
        }
        // The slices of each place, one after the other; behind the last slice there is one of zeros.
        var turns: [[Int]] = []
        var seen = [Int](repeating: 0, count: extent)
        for (position, index) in indices.enumerated() {
            if seen[index] == turns.count { turns.append([Int](repeating: indices.count, count: extent)) }
            turns[seen[index]][index] = position
            seen[index] += 1
        }
        // Of indices that come very often, a product with zeros and ones is less than so many moves.
        guard turns.count * extent <= 16 * Swift.max(indices.count, extent) else {
            return collected(
                along: axis,
                by: CrypTensor(constant: Tensor(indices.map(Int64.init), shape: [indices.count]), at: place),
                extent: extent,
                at: place
            )
        }
        var after = [Int](repeating: 0, count: rank)
        after[axis] = 1
        let zeros = [Int](repeating: 0, count: rank)
        let source =
            turns.contains { $0.contains(indices.count) }
            ? applying(.pad(before: zeros, after: after), at: place) : self
        if turns.count == 1 { return source.applying(.take(axis: axis, indices: turns[0]), at: place) }
        var split = target.dimensions
        split.insert(turns.count, at: axis)
        return source.applying(.take(axis: axis, indices: turns.flatMap(\.self)), at: place)
            .reshaped(Shape(split), at: place)
            .applying(.sum(axes: [axis]), at: place)
    }

    /// The same by public indices of any shape, whose axes this has in the place of `axis`: what `gather` is the transpose of.
    ///
    /// A product with zeros and ones that the parties make of the indices: local.
    func collected(along axis: Int, by indices: CrypTensor, extent: Int, at place: SourceOrigin?) -> CrypTensor {
        let outer = shape.dimensions[..<axis].reduce(1, *)
        let inner = shape.dimensions[(axis + indices.rank)...].reduce(1, *)
        let target = Shape(shape.dimensions[..<axis] + [extent] + shape.dimensions[(axis + indices.rank)...])
        let places = CrypTensor(constant: Tensor((0..<extent).map(Int64.init), shape: [1, extent]), at: place)
        let pairs: Shape = [indices.count, extent]
        let isThere = indices.reshaped([indices.count, 1], at: place).broadcasted(to: pairs, at: place)
            .applying(.subtract, places.broadcasted(to: pairs, at: place), at: place)
            .applying(.isZero, at: place).number(at: place)
        let slices = reshaped([outer, indices.count, inner], at: place)
        return isThere.applying(.bilinear(.matmul(transposeLeft: true, transposeRight: false)), slices, at: place)
            .reshaped(target, at: place)
    }
}

extension CrypTensor {
    /// This times a public number; where it is a multiple already, one factor is made of both, so that nothing is rounded in between.
    package func rescaled(by factor: Double) -> CrypTensor {
        if case .bilinear(.multiply) = node.operation, node.error == nil {
            for (index, other) in [(0, 1), (1, 0)] {
                let constant = CrypTensor(node.inputs[other])
                guard constant.shape.count == 1, let known = constant.constantValue?.doubles.first else { continue }
                return CrypTensor(node.inputs[index]).scaled(by: known * factor, at: node.origin)
                    .broadcasted(to: shape, at: node.origin)
            }
        }
        return scaled(by: factor, at: node.origin)
    }
}
