internal import CrypTenBase
package import CrypTenRing

extension LinearOperation {
    /// Whether the result's elements are some of the operands', and zeros.
    package var movesElements: Bool {
        switch self {
        case .reshape, .permute, .slice, .broadcast, .concatenate, .pad, .take: true
        case .sum, .combine: false
        }
    }

    /// The result's shape, if the operation can be applied to operands of the given shapes.
    ///
    /// - Throws: `CrypTenError.Code.malformedFile` saying what doesn't fit.
    package func checkedOutput(_ shapes: [Shape]) throws -> Shape {
        guard let first = shapes.first else { throw malformed("\(name) of no operands") }
        func fits(_ condition: Bool, _ what: @autoclosure () -> String) throws {
            try require(condition, "\(name) of \(shapes.prefix(4)): \(what())")
        }
        switch self {
        case .combine(let factors):
            try fits(factors.count == shapes.count, "\(factors.count) factors")
            try fits(shapes.allSatisfy { $0 == first }, "the shapes differ")
            return first
        case .concatenate(let axis):
            try fits(first.dimensions.indices.contains(axis), "no axis \(axis)")
            var dimensions = first.dimensions
            for shape in shapes.dropFirst() {
                try fits(shape.rank == first.rank, "different numbers of axes")
                var other = shape.dimensions
                dimensions[axis] += other[axis]
                other[axis] = dimensions[axis]
                try fits(other == dimensions, "extents differ beyond axis \(axis)")
            }
            return try LinearOperation.shape(dimensions)
        default:
            try fits(shapes.count == 1, "it takes one operand")
        }
        let rank = first.rank
        switch self {
        case .combine, .concatenate:
            return first
        case .reshape(let shape):
            try fits(shape.count == first.count, "\(shape) has another count")
            return shape
        case .permute(let axes):
            try fits(axes.count == rank && axes.sorted() == Array(0..<rank), "axes \(axes.prefix(64))")
            return Shape(axes.map { first[$0] })
        case .slice(let starts, let steps, let shape):
            try fits(starts.count == rank && steps.count == rank && shape.rank == rank, "a number for each axis")
            for axis in 0..<rank where shape.count > 0 {
                let (reach, overflow) = steps[axis].multipliedReportingOverflow(by: shape[axis] - 1)
                let (last, overflows) = starts[axis].addingReportingOverflow(reach)
                let inside = 0..<first[axis]
                try fits(
                    !overflow && !overflows && inside.contains(starts[axis]) && inside.contains(last),
                    "it leaves axis \(axis)"
                )
            }
            let limit = -Shape.largestCount...Shape.largestCount
            try fits((starts + steps).allSatisfy(limit.contains), "starts and steps beyond every axis")
            return shape
        case .broadcast(let shape):
            try fits(Shape.broadcast(first, shape) == shape, "it can't be repeated to \(shape)")
            return shape
        case .pad(let before, let after):
            try fits(before.count == rank && after.count == rank, "a number for each axis")
            try fits((before + after).allSatisfy { (0...Shape.largestCount).contains($0) }, "padding below 0")
            return try LinearOperation.shape((0..<rank).map { first[$0] + before[$0] + after[$0] })
        case .take(let axis, let indices):
            try fits((0..<rank).contains(axis), "no axis \(axis)")
            try fits(indices.allSatisfy { (0..<first[axis]).contains($0) }, "an index beyond axis \(axis)")
            var dimensions = first.dimensions
            dimensions[axis] = indices.count
            return try LinearOperation.shape(dimensions)
        case .sum(let axes):
            try fits(
                axes.count <= rank && axes.allSatisfy { (0..<rank).contains($0) } && Set(axes).count == axes.count,
                "axes \(axes.prefix(64))"
            )
            return first.reducing(axes, keepDimensions: false)
        }
    }

    private static func shape(_ dimensions: [Int]) throws -> Shape {
        do {
            return try Shape(checking: dimensions)
        } catch let error as CrypTenError {
            throw malformed(error.message)
        }
    }
}
