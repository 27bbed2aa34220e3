import CrypTenExpressions
import CrypTenRing

/// How far a secret run may be from the true function at each operation, by what is documented of it.
///
/// Errors of operands go through an operation as far as it lets them: through a function by its values at both ends of the operand's
/// interval, through a product by the sizes of its factors. To these comes what the operation adds itself: the rounding of its
/// result, or the bound that `NumericalFunctions.md` states. So what a run yields beyond its bound is wrong, and what is within it
/// is what this encoding can say of those numbers.
///
/// Where a decision depends on a number whose interval has the jump inside, both outcomes are right: an error of 1 in a bit, or of as many
/// as there are whole numbers between, until the run's own outcome is taken over, see `ClearGraph.adopt`.
struct ErrorBounds {
    /// The session's.
    let fractionBits: Int

    /// The bound of every element; nil where all are exact.
    ///
    /// - Parameters:
    ///   - entry: The operation.
    ///   - x: Its operands, and whether each is public.
    ///   - result: The true result.
    ///   - step: The step of the encoding that the result is rounded to; 0 where it isn't.
    ///   - isAdded: Whether the result goes into a sum, which leaves a public factor fewer bits.
    func errors(
        of entry: Graph.Entry,
        _ x: [Operand],
        _ result: Tensor,
        step: Double,
        isAdded: Bool
    ) throws -> [Double]? {
        let shape = entry.shape
        let count = shape.count
        switch entry.operation {
        case .input, .constant, .publicInput, .kept, .keptRows, .random, .shuffle:
            return nil

        case .reshape, .permute, .slice, .broadcast, .concatenate, .pad, .take, .gather:
            if x.allSatisfy({ $0.errors == nil && !$0.isRounded }) { return added(step, to: nil, entry) }
            var operands = x.map { Tensor($0.errors ?? zeros($0.tensor.shape.count), shape: $0.tensor.shape) }
            if case .gather = entry.operation { operands[1] = x[1].tensor }
            for (index, operand) in x.enumerated() where operand.isRounded {
                operands[index] = Tensor(
                    [Double](repeating: step / 2, count: operand.tensor.shape.count),
                    shape: operand.tensor.shape
                )
            }
            let moved = try ClearEvaluator.apply(entry.operation, to: operands, shape: shape).doubles
            return added(step, to: moved, entry)
        case .add, .subtract:
            var sum: [Double]?
            for operand in x {
                guard let errors = operand.errors else { continue }
                sum = sum.map { zip($0, errors).map(+) } ?? errors
            }
            let rounding = x.contains(where: \.isRounded) ? step * 1.5 : step
            return added(rounding, to: sum, entry)
        case .negate, .toReal, .declared, .stopGradient, .known, .notBefore, .not, .bitToInteger:
            return added(step, to: x[0].errors, entry)
        case .sum(let axes):
            let sum = try x[0].errors.map { errors in
                try ClearEvaluator.apply(.sum(axes: axes), to: [Tensor(errors, shape: x[0].tensor.shape)], shape: shape)
                    .doubles
            }
            return added(step, to: sum, entry)
        case .bilinear(let operation):
            return added(step, to: try product(operation, x[0], x[1], result, isAdded: isAdded), entry)
        case .floor:
            // Where integers end, the true result does: beyond it is that one, and nothing that is near it only because it is so large.
            func whole(_ number: Double) -> Double { min(max(number.rounded(.down), -0x1p63), 0x1p63) }
            return zip(x[0].doubles, x[0].errors ?? zeros(count)).map { v, e in e == 0 ? 0 : whole(v + e) - whole(v - e)
            }

        case .isNegative:
            return doubt(x[0]) { v, e in v - e < 0 && v + e >= 0 }
        case .isPositive:
            return doubt(x[0]) { v, e in v - e <= 0 && v + e > 0 }
        case .isZero:
            return doubt(x[0]) { v, e in v.magnitude <= e }
        case .and:
            guard x.contains(where: { $0.errors != nil }) else { return nil }
            return (0..<count).map { place in
                let isSurelyNot = x.contains { $0.error(place) == 0 && $0.doubles[place] == 0 }
                return !isSurelyNot && x.contains { $0.error(place) > 0 } ? 1 : 0
            }
        case .xor:
            guard x.contains(where: { $0.errors != nil }) else { return nil }
            return (0..<count).map { place in x.contains { $0.error(place) > 0 } ? 1 : 0 }
        case .select:
            let (bits, values) = (x[0].doubles, x[1].doubles)
            if x[0].errors == nil, x[1].errors == nil { return added(step, to: nil, entry) }
            let chosen = (0..<count).map { place in
                let error = x[1].error(place)
                if x[0].error(place) > 0 { return values[place].magnitude + error }
                return bits[place] == 0 ? 0 : error
            }
            return added(step, to: chosen, entry)

        case .relu:
            let kept = x[0].errors.map { errors in zip(x[0].doubles, errors).map { v, e in v + e < 0 ? 0 : e } }
            return added(step, to: kept, entry)
        case .maximum(let axis):
            return added(step, to: x[0].errors == nil ? nil : try largest(x[0], axis), entry)
        case .winners(let axis):
            return try rivals(x[0], axis: axis)
        case .argmax(let axis):
            return try ties(x[0], axis: axis, shape)
        case .polynomial(let coefficients):
            return polynomial(coefficients, x[0], step: max(step, self.step))
        case .clamp(let low, let high):
            return through(x[0], result, { min(max($0, low), high) }) { _ in max(step, self.step) }
        case .smooth(let function):
            let bound = max(7e-5, 4 * self.step)
            return through(x[0], result, at: { v, e in [v - e / 2, v + e / 2] }, function.clearFunction) { _ in bound }
        case .sine, .cosine:
            return (0..<count).map { place in
                let turning =
                    x[0].doubles[place].magnitude * Double(sign: .plus, exponent: fractionBits - 60, significand: 1)
                return min(2, x[0].error(place) + max(3e-4, 4 * self.step) + turning)
            }

        case .exponential:
            return through(x[0], result, PortableFunctions.exp, adding: relative)
        case .logarithm(let range):
            return through(x[0], result, { PortableFunctions.log($0 * range.factor) }) { _ in max(1e-3, 8 * self.step) }
        case .reciprocal(let range):
            return (0..<count).map { place in
                let (v, e) = (x[0].doubles[place].magnitude, x[0].error(place))
                return (v > e ? (1 / (v - e) - 1 / v) / range.factor : .infinity) + relative(result.doubles[place])
            }
        case .squareRoot(let range):
            return (0..<count).map { place in
                let (v, e) = (x[0].doubles[place] * range.factor, x[0].error(place) * range.factor)
                let root = max(v, 0).squareRoot()
                return max(max(v + e, 0).squareRoot() - root, root - max(v - e, 0).squareRoot()) + relative(root)
            }
        case .inverseSquareRoot(let range):
            return through(
                x[0],
                result,
                { $0 > 0 ? 1 / ($0 * range.factor).squareRoot() : .infinity },
                adding: relative
            )
        case .divide(let range):
            return try quotient(x[0], x[1], result) { $0 * range.factor }
        case .divideByRoot(_, let count):
            let bound = max(2e-3, 64 * self.step)
            return try quotient(x[0], x[1], result) { y in (max(y, 0) / Double(count)).squareRoot() }
                .map { $0 + bound }
        case .normalizedExponential(let axis):
            let kept = shape.reducing([axis], keepDimensions: true)
            let reach = try ClearEvaluator.apply(
                .broadcast(shape),
                to: [Tensor(try largest(x[0], axis), shape: kept)],
                shape: shape
            ).doubles
            let own = max(3e-4, 8 * self.step)
            return zip(result.doubles, reach).map { y, e in min(1, y * (PortableFunctions.exp(2 * e) - 1)) + own }
        case .logarithmOfExponentials(let axis):
            let own = max(1e-3, 8 * self.step)
            return try largest(x[0], axis).map { $0 + own }
        }
    }

    /// An operand of an operation.
    struct Operand {
        var tensor: Tensor
        /// The tensor's numbers.
        let doubles: [Double]
        /// Nil where all are exact.
        var errors: [Double]?
        /// Whether it holds public real numbers, which are rounded where they are used.
        var isRounded: Bool

        init(_ tensor: Tensor, errors: [Double]?, isRounded: Bool) {
            self.tensor = tensor
            self.errors = errors
            self.isRounded = isRounded
            doubles = tensor.doubles
        }

        func error(_ place: Int) -> Double {
            errors?[place] ?? 0
        }
    }

    // MARK: What operations add

    /// The session's unit.
    private var step: Double {
        Double(sign: .plus, exponent: -fractionBits, significand: 1)
    }

    /// What is documented of functions: relative 10⁻³, or eight steps of the encoding.
    private func relative(_ y: Double) -> Double {
        max(1e-3 * y.magnitude, 0x1p-13, 8 * step)
    }

    private func zeros(_ count: Int) -> [Double] {
        [Double](repeating: 0, count: count)
    }

    private func added(_ step: Double, to errors: [Double]?, _ entry: Graph.Entry) -> [Double]? {
        guard step > 0, entry.kind == .real else { return errors }
        return errors.map { $0.map { $0 + step } } ?? [Double](repeating: step, count: entry.shape.count)
    }

    // MARK: Products

    /// Beyond so many products of numbers a product's bound is made of the largest factors alone.
    private static let mostProducts = 1 << 22

    /// (|x| + e)·(|y| + d) − |x|·|y|; public factors keep 20 bits each, fewer by what numbers are larger than 2^(42 − f), and in sums
    /// at least the five bits beyond the session's.
    private func product(
        _ operation: BilinearOperation,
        _ x: Operand,
        _ y: Operand,
        _ result: Tensor,
        isAdded: Bool
    ) throws -> [Double]? {
        let least = isAdded ? step / 32 : 0
        let operands = zip([x, y], [y, x]).map { operand, other -> (sizes: [Double], errors: [Double])? in
            let sizes = operand.doubles.map(\.magnitude)
            if operand.isRounded {
                let largest = other.doubles.lazy.map(\.magnitude).max() ?? 0
                let part = 0x1p-20 * max(1, largest * Double(sign: .plus, exponent: fractionBits - 42, significand: 1))
                return (sizes, sizes.map { max($0 * part, least) })
            }
            return operand.errors.map { (sizes, $0) }
        }
        if operands.allSatisfy({ $0 == nil }) { return nil }
        let shapes = [x.tensor.shape, y.tensor.shape]
        let parts = zip([x, y], operands).map { operand, part in
            part ?? (operand.doubles.map(\.magnitude), zeros(operand.doubles.count))
        }
        let work = operation.multiplyAccumulates(shapes[0], shapes[1])
        if work > ErrorBounds.mostProducts {
            let (sizes, errors) = (parts.map { $0.0.max() ?? 0 }, parts.map { $0.1.max() ?? 0 })
            let terms = Double(work / max(1, result.shape.count))
            let bound = terms * (sizes[0] * errors[1] + (sizes[1] + errors[1]) * errors[0])
            return [Double](repeating: bound.isNaN ? .infinity : bound, count: result.shape.count)
        }
        func products(_ left: [Double], _ right: [Double]) throws -> [Double] {
            try ClearEvaluator.apply(
                .bilinear(operation),
                to: [Tensor(left, shape: shapes[0]), Tensor(right, shape: shapes[1])],
                shape: result.shape
            ).doubles
        }
        let right = zip(parts[1].0, parts[1].1).map(+)
        let first = try products(parts[0].0, parts[1].1)
        let second = try products(parts[0].1, right)
        return zip(first, second).map { a, b in (a + b).isNaN ? .infinity : a + b }
    }

    private func quotient(
        _ x: Operand,
        _ y: Operand,
        _ result: Tensor,
        _ divisor: (Double) -> Double
    ) throws -> [Double] {
        func spread(_ values: [Double], _ shape: Shape) throws -> [Double] {
            try ClearEvaluator.apply(
                .broadcast(result.shape),
                to: [Tensor(values, shape: shape)],
                shape: result.shape
            ).doubles
        }
        let ends = zip(y.doubles, y.errors ?? zeros(y.doubles.count)).map { v, e in
            v.magnitude > e ? divisor(v.magnitude - e).magnitude : 0
        }
        let least = try spread(ends, y.tensor.shape)
        let sizes = try spread(
            zip(x.doubles, x.errors ?? zeros(x.doubles.count)).map { $0.magnitude + $1 },
            x.tensor.shape
        )
        return result.doubles.indices.map { place in
            let q = result.doubles[place].magnitude
            let reached = least[place] > 0 ? sizes[place] / least[place] - q : .infinity
            return max(0, reached) + relative(q)
        }
    }

    // MARK: Functions

    /// What a function makes of the ends of an operand's interval, and of points in it.
    private func through(
        _ x: Operand,
        _ result: Tensor,
        at points: (Double, Double) -> [Double] = { _, _ in [] },
        _ function: (Double) -> Double,
        adding own: (Double) -> Double
    ) -> [Double] {
        let y = result.doubles
        return y.indices.map { place in
            let (v, e) = (x.doubles[place], x.error(place))
            if e == 0 { return own(y[place]) }
            let reached = ([v - e, v + e] + points(v, e)).reduce(0) { most, point in
                let distance = abs(function(point) - y[place])
                return distance.isNaN ? .infinity : max(most, distance)
            }
            return reached + own(y[place])
        }
    }

    private func polynomial(_ coefficients: [Double], _ x: Operand, step: Double) -> [Double] {
        zip(x.doubles, x.errors ?? zeros(x.doubles.count)).map { v, e in
            let (near, far) = (v.magnitude, v.magnitude + e)
            var (bound, low, high) = (0.0, 1.0, 1.0)
            for coefficient in coefficients {
                // A coefficient's rounding, and that of a step of Horner's rule.
                bound += coefficient.magnitude * (high - low) + 1.5 * step * high
                (low, high) = (low * near, high * far)
            }
            return bound.isNaN ? .infinity : bound
        }
    }

    /// The largest error along an axis, which disappears.
    private func largest(_ x: Operand, _ axis: Int) throws -> [Double] {
        let flat = x.tensor.shape.reducing([axis], keepDimensions: false)
        guard let errors = x.errors else { return zeros(flat.count) }
        return try ClearEvaluator.apply(
            .maximum(axis: axis),
            to: [Tensor(errors, shape: x.tensor.shape)],
            shape: flat
        ).doubles
    }

    // MARK: Decisions

    /// What several operations mean together.
    enum Meaning {
        /// `[x, y, bit]`: x where the bit is 1, else y.
        case choice
        case larger, smaller
        case magnitude
    }

    /// One of the operands, which is as far off as they are; either where the bit is open.
    func value(of meaning: Meaning, _ parts: [Operand], _ shape: Shape, step: Double) -> ClearValue {
        var (numbers, errors): ([Double], [Double]) = ([], [])
        let rounding = parts.contains(where: \.isRounded) ? 1.5 * step : step
        for place in 0..<shape.count {
            let x = parts[0].doubles[place]
            let y = parts.count > 1 ? parts[1].doubles[place] : x
            var error = parts.prefix(2).reduce(0) { max($0, $1.error(place)) } + rounding
            switch meaning {
            case .choice:
                numbers.append(parts[2].doubles[place] != 0 ? x : y)
                if parts[2].error(place) > 0 { error += abs(x - y) }
            case .larger: numbers.append(max(x, y))
            case .smaller: numbers.append(min(x, y))
            case .magnitude: numbers.append(x.magnitude)
            }
            errors.append(error)
        }
        return ClearValue(Tensor(numbers, shape: shape), errors: errors)
    }

    private func doubt(_ x: Operand, _ isOpen: (Double, Double) -> Bool) -> [Double]? {
        x.errors.map { errors in zip(x.doubles, errors).map { v, e in e > 0 && isOpen(v, e) ? 1 : 0 } }
    }

    /// Whether an element's being the largest is open: of all that come near enough to the largest, where there are several.
    private func rivals(_ x: Operand, axis: Int) throws -> [Double]? {
        guard let errors = x.errors else { return nil }
        let (extent, inner) = (x.tensor.shape[axis], x.tensor.shape.dimensions[(axis + 1)...].reduce(1, *))
        var open = zeros(errors.count)
        for place in 0..<errors.count / max(1, extent) {
            let start = place / inner * extent * inner + place % inner
            let row = (0..<extent).map { start + $0 * inner }
            guard let best = row.max(by: { x.doubles[$0] < x.doubles[$1] }) else { continue }
            let near = row.filter { x.doubles[$0] + errors[$0] >= x.doubles[best] - errors[best] }
            if near.count > 1 { for place in near { open[place] = 1 } }
        }
        return open
    }

    /// By how much an index of a largest element may be another: any, where a second one comes near enough.
    private func ties(_ x: Operand, axis: Int, _ shape: Shape) throws -> [Double]? {
        guard let errors = x.errors else { return nil }
        let places = x.tensor.shape
        let (extent, inner) = (places[axis], places.dimensions[(axis + 1)...].reduce(1, *))
        return (0..<shape.count).map { place in
            let start = place / inner * extent * inner + place % inner
            let row = (0..<extent).map { start + $0 * inner }
            guard let best = row.max(by: { x.doubles[$0] < x.doubles[$1] }) else { return 0 }
            let near = row.count { x.doubles[$0] + errors[$0] >= x.doubles[best] - errors[best] }
            return near > 1 ? Double(extent) : 0
        }
    }
}
