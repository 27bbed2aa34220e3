package import CrypTenRing

/// The meaning of every primitive on plain numbers; operands have passed its shape rule.
extension ClearEvaluator {
    package static func apply(_ operation: Primitive, to x: [Tensor], shape: Shape) throws -> Tensor {
        switch operation {
        case .input, .constant, .publicInput, .kept, .keptRows, .random:
            preconditionFailure("a source has no operands")
        case .shuffle:
            preconditionFailure("what order a shuffle has, its node is asked for")

        case .reshape:
            return Tensor(x[0].elements, shape: shape)
        case .permute, .slice, .broadcast, .pad, .take, .gather:
            return Tensor(
                x[0].elements.picking(try ClearPositions(of: operation, from: x, shape: shape).positions),
                shape: shape
            )
        case .concatenate(let axis):
            return concatenate(x, axis: axis, shape: shape)

        case .add:
            return combine(x[0], x[1], { $0 + $1 }, { $0 &+ $1 })
        case .subtract:
            return combine(x[0], x[1], { $0 - $1 }, { $0 &- $1 })
        case .negate:
            return map(x[0], { -$0 }, { 0 &- $0 })
        case .sum(let axes):
            return sum(x[0], axes: axes, shape: shape)
        case .bilinear(let bilinear):
            if x[0].kind == .integer, x[1].kind == .integer {
                return Tensor(
                    ClearProduct(bilinear, x[0].shape, x[1].shape, shape).evaluate(x[0].int64s, x[1].int64s),
                    shape: shape
                )
            }
            return Tensor(
                ClearProduct(bilinear, x[0].shape, x[1].shape, shape).evaluate(x[0].doubles, x[1].doubles),
                shape: shape
            )
        case .declared, .stopGradient, .known, .notBefore:
            return x[0]
        case .toReal:
            return Tensor(x[0].doubles, shape: shape)
        case .floor:
            return Tensor(x[0].doubles.map { Int64(clamping: $0.rounded(.down)) }, shape: shape)

        case .isNegative:
            return test(x[0], { $0 < 0 }, { $0 < 0 })
        case .isPositive:
            return test(x[0], { $0 > 0 }, { $0 > 0 })
        case .isZero:
            return test(x[0], { $0 == 0 }, { $0 == 0 })
        case .and:
            return Tensor(.bool(x.dropFirst().reduce(x[0].bools) { zip($0, $1.bools).map { $0 && $1 } }), shape: shape)
        case .xor:
            return Tensor(.bool(x.dropFirst().reduce(x[0].bools) { zip($0, $1.bools).map { $0 != $1 } }), shape: shape)
        case .not:
            return Tensor(.bool(x[0].bools.map { !$0 }), shape: shape)
        case .select:
            if case .int64(let values) = x[1].elements {
                return Tensor(zip(x[0].bools, values).map { $0 ? $1 : 0 }, shape: shape)
            }
            return Tensor(zip(x[0].bools, x[1].doubles).map { $0 ? $1 : 0 }, shape: shape)
        case .bitToInteger:
            return Tensor(x[0].bools.map { $0 ? Int64(1) : 0 }, shape: shape)

        case .relu:
            return map(x[0], { $0 > 0 ? $0 : 0 }, { $0 > 0 ? $0 : 0 })
        case .maximum(let axis):
            let best = largest(x[0], axis: axis)
            return Tensor(x[0].elements.picking(best.positions), shape: shape)
        case .argmax(let axis):
            return Tensor(largest(x[0], axis: axis).indices.map(Int64.init), shape: shape)
        case .winners(let axis):
            var winners = [Bool](repeating: false, count: shape.count)
            for position in largest(x[0], axis: axis).positions { winners[position] = true }
            return Tensor(.bool(winners), shape: shape)
        case .polynomial(let coefficients):
            return map(x[0]) { v in coefficients.reversed().reduce(0) { $0 * v + $1 } }
        case .clamp(let low, let high):
            return map(x[0]) { min(max($0, low), high) }
        case .smooth(let function):
            return map(x[0], function.clearFunction)
        case .sine:
            return map(x[0]) { PortableFunctions.sin($0) }
        case .cosine:
            return map(x[0]) { PortableFunctions.cos($0) }

        case .exponential:
            return map(x[0], PortableFunctions.exp)
        case .logarithm(let range):
            return map(x[0]) { PortableFunctions.log($0 * range.factor) }
        case .reciprocal(let range):
            return map(x[0]) { 1 / ($0 * range.factor) }
        case .squareRoot(let range):
            return map(x[0]) { ($0 * range.factor).squareRoot() }
        case .inverseSquareRoot(let range):
            return map(x[0]) { 1 / ($0 * range.factor).squareRoot() }
        case .divide(let range):
            return try broadcasting(x[0], x[1], shape) { $0 / ($1 * range.factor) }
        case .divideByRoot(_, let count):
            return try broadcasting(x[0], x[1], shape) { $0 / ($1 / Double(count)).squareRoot() }
        case .normalizedExponential(let axis):
            let powers = map(x[0], PortableFunctions.exp)
            let sums = sum(powers, axes: [axis], shape: x[0].shape.reducing([axis], keepDimensions: true))
            return try broadcasting(powers, sums, shape, /)
        case .logarithmOfExponentials(let axis):
            return map(sum(map(x[0], PortableFunctions.exp), axes: [axis], shape: shape), PortableFunctions.log)
        }
    }

    // MARK: By elements

    private static func map(_ x: Tensor, _ real: (Double) -> Double, _ integer: (Int64) -> Int64 = { $0 }) -> Tensor {
        if case .int64(let values) = x.elements { return Tensor(values.map(integer), shape: x.shape) }
        return Tensor(x.doubles.map(real), shape: x.shape)
    }

    private static func test(_ x: Tensor, _ real: (Double) -> Bool, _ integer: (Int64) -> Bool) -> Tensor {
        if case .int64(let values) = x.elements { return Tensor(.bool(values.map(integer)), shape: x.shape) }
        return Tensor(.bool(x.doubles.map(real)), shape: x.shape)
    }

    private static func combine(
        _ x: Tensor,
        _ y: Tensor,
        _ real: (Double, Double) -> Double,
        _ integer: (Int64, Int64) -> Int64
    ) -> Tensor {
        if case .int64(let left) = x.elements, case .int64(let right) = y.elements {
            return Tensor(zip(left, right).map(integer), shape: x.shape)
        }
        return Tensor(zip(x.doubles, y.doubles).map(real), shape: x.shape)
    }

    private static func broadcasting(
        _ x: Tensor,
        _ y: Tensor,
        _ shape: Shape,
        _ body: (Double, Double) -> Double
    ) throws -> Tensor {
        let operands = try [x, y].map { try apply(.broadcast(shape), to: [$0], shape: shape).doubles }
        return Tensor(zip(operands[0], operands[1]).map(body), shape: shape)
    }

    // MARK: Along axes

    private static func sum(_ x: Tensor, axes: [Int], shape: Shape) -> Tensor {
        // The result's position of every element: the axes that disappear have stride 0 there.
        var (strides, next) = ([Int](repeating: 0, count: x.shape.rank), 1)
        for axis in (0..<x.shape.rank).reversed() where !axes.contains(axis) {
            strides[axis] = next
            next *= x.shape[axis]
        }
        let targets = ClearPositions(shape: x.shape, offset: 0, strides: strides).positions
        if case .int64(let values) = x.elements {
            var totals = [Int64](repeating: 0, count: shape.count)
            for (value, target) in zip(values, targets) { totals[target] &+= value }
            return Tensor(totals, shape: shape)
        }
        var totals = [Double](repeating: 0, count: shape.count)
        for (value, target) in zip(x.doubles, targets) { totals[target] += value }
        return Tensor(totals, shape: shape)
    }

    /// The first largest along an axis: its index, and its position in the operand.
    private static func largest(_ x: Tensor, axis: Int) -> (indices: [Int], positions: [Int]) {
        func search<T: Comparable>(_ values: [T]) -> (indices: [Int], positions: [Int]) {
            let extent = x.shape[axis]
            let inner = x.shape.dimensions[(axis + 1)...].reduce(1, *)
            let outer = x.shape.dimensions[..<axis].reduce(1, *)
            var (indices, positions): ([Int], [Int]) = ([], [])
            for block in 0..<outer {
                for column in 0..<inner {
                    let start = block * extent * inner + column
                    var best = 0
                    for k in 1..<max(extent, 1) where values[start + k * inner] > values[start + best * inner] {
                        best = k
                    }
                    indices.append(best)
                    positions.append(start + best * inner)
                }
            }
            return (indices, positions)
        }
        if case .int64(let values) = x.elements { return search(values) }
        return search(x.doubles)
    }

    private static func concatenate(_ parts: [Tensor], axis: Int, shape: Shape) -> Tensor {
        func join<T>(_ values: [[T]]) -> [T] {
            let outer = shape.dimensions[..<axis].reduce(1, *)
            let blocks = parts.map { $0.shape.dimensions[axis...].reduce(1, *) }
            var out: [T] = []
            out.reserveCapacity(shape.count)
            for row in 0..<outer {
                for (part, block) in zip(values, blocks) { out += part[row * block..<(row + 1) * block] }
            }
            return out
        }
        switch parts[0].elements {
        case .int64: return Tensor(join(parts.map(\.int64s)), shape: shape)
        case .bool: return Tensor(.bool(join(parts.map(\.bools))), shape: shape)
        default: return Tensor(join(parts.map(\.doubles)), shape: shape)
        }
    }
}

extension Tensor {
    /// The integers of a value of kind integer.
    fileprivate var int64s: [Int64] {
        guard case .int64(let values) = elements else { preconditionFailure("a \(kind.rawValue) isn't an integer") }
        return values
    }

    /// The bits of a value of kind bit.
    fileprivate var bools: [Bool] {
        guard case .bool(let values) = elements else { preconditionFailure("a \(kind.rawValue) isn't a bit") }
        return values
    }
}

extension Int64 {
    /// A whole double, or the nearest integer that there is; 0 for what isn't a number.
    fileprivate init(clamping whole: Double) {
        self = Int64(exactly: whole) ?? (whole > 0 ? .max : whole < 0 ? .min : 0)
    }
}
