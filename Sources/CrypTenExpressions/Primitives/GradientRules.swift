internal import CrypTenBase
internal import CrypTenRing

/// One gradient rule for each primitive, in the primitives' order: from the gradient g of a result to those of its operands.
///
/// Rules make expressions, so gradients have gradients. What an operation has compared isn't compared again: the bits that rules ask
/// for, `isPositive` of ReLU's operand and `winners` of a maximum's, are the same masked bits. What has no gradient, as comparisons,
/// whole numbers and bits have none, ends a path.
extension Primitive {
    /// The gradients of the operands, nil for those that get none.
    ///
    /// - Parameters:
    ///   - g: Of the result's shape.
    ///   - y: The result.
    ///   - x: The operands.
    ///   - wanted: Which operands' gradients are read; others may be nil, so that nothing is made for nobody.
    func gradients(_ g: CrypTensor, of y: CrypTensor, _ x: [CrypTensor], wanted: [Bool]) throws -> [CrypTensor?] {
        let place = y.node.origin
        func each(_ rules: (() -> CrypTensor)...) -> [CrypTensor?] {
            zip(rules, wanted).map { rule, isWanted in isWanted ? rule() : nil }
        }
        switch self {
        case .input, .constant, .publicInput, .kept, .keptRows, .random:
            return []

        // MARK: Structure
        case .reshape:
            return [g.reshaped(x[0].shape, at: place)]
        case .permute(let axes):
            var inverse = axes
            for (position, axis) in axes.enumerated() { inverse[axis] = position }
            return [g.permuted(positions: inverse, at: place)]
        case .slice(let starts, let steps, _):
            return [g.spread(into: x[0].shape, from: starts, steps: steps, at: place)]
        case .broadcast:
            return [g.summed(to: x[0].shape, at: place)]
        case .concatenate(let axis):
            var start = 0
            return zip(x, wanted).map { operand, isWanted in
                defer { start += operand.shape[axis] }
                return isWanted ? g.narrowed(axis: axis, start: start, length: operand.shape[axis], at: place) : nil
            }
        case .pad(let before, _):
            let ones = [Int](repeating: 1, count: before.count)
            return [g.applying(.slice(starts: before, steps: ones, shape: x[0].shape), at: place)]
        case .take(let axis, let indices):
            return [g.collected(along: axis, by: indices, extent: x[0].shape[axis], at: place)]
        case .gather(let axis):
            return [g.collected(along: axis, by: x[1], extent: x[0].shape[axis], at: place), nil]
        case .shuffle:
            // It would take as many turns back, by orders that have been forgotten: what is shuffled are data, before training.
            return x.map { _ in nil }

        // MARK: Linear and bilinear
        case .add:
            return [g, g]
        case .subtract:
            return each({ g }, { g.applying(.negate, at: place) })
        case .negate:
            return [g.applying(.negate, at: place)]
        case .sum(let axes):
            return [g.repeated(along: axes, as: x[0].shape, at: place)]
        case .bilinear(let operation):
            let (left, right) = operation.gradients(g, x[0], x[1], at: place)
            return each(left, right)
        case .toReal, .stopGradient, .floor:
            return [nil]
        case .declared:
            return [g]
        case .notBefore:
            return [g, nil]
        case .known(let function):
            return [nil, function.gradient(g, of: y, at: x[1], origin: place)]

        // MARK: Comparisons and bits
        case .isNegative, .isPositive, .isZero, .not, .bitToInteger, .and, .xor:
            return x.map { _ in nil }
        case .select:
            return [nil, x[0].applying(.select, g, at: place)]

        // MARK: Functions
        case .relu:
            return [x[0].applying(.isPositive, at: place).applying(.select, g, at: place)]
        case .maximum(let axis):
            let winners = x[0].applying(.winners(axis: axis), at: place)
            return [winners.applying(.select, g.repeated(along: [axis], as: x[0].shape, at: place), at: place)]
        case .argmax, .winners:
            return [nil]
        case .polynomial(let coefficients):
            guard coefficients.count > 1 else { return [nil] }
            let slopes = coefficients.enumerated().dropFirst().map { Double($0.offset) * $0.element }
            return [g.timesPolynomial(slopes, of: x[0], at: place)]
        case .clamp(let low, let high):
            // Of its bounds' signs, with which it has been compared.
            func isBelow(_ bound: Double) -> CrypTensor {
                let number = CrypTensor(constant: Tensor(bound), at: place).broadcasted(to: x[0].shape, at: place)
                return x[0].applying(.subtract, number, at: place).applying(.isNegative, at: place)
            }
            let isInside = isBelow(low).applying(.xor, isBelow(high), at: place)
            return [isInside.applying(.select, g, at: place)]
        case .smooth(let function):
            return [g.times(try function.derivative(of: x[0], y, at: place), at: place)]
        case .sine:
            return [g.times(x[0].applying(.cosine, at: place), at: place)]
        case .cosine:
            return [g.times(x[0].applying(.sine, at: place).applying(.negate, at: place), at: place)]

        // MARK: Functions of any magnitude
        case .exponential:
            return [g.times(y, at: place)]
        case .logarithm(let range):
            // ln(factor·x) has the slope of ln x.
            return [g.applying(.divide(range.withoutFactor), x[0], at: place)]
        case .reciprocal(let range):
            // −factor·y²
            let square = y.times(y, at: place).scaled(by: -range.factor, at: place)
            return [g.times(square, at: place)]
        case .divide(let range):
            let quotient = g.applying(.divide(range), x[1], at: place)
            return each(
                { quotient.summed(to: x[0].shape, at: place) },
                {
                    // −g·y/x, and the quotient is g / (factor·x)
                    quotient.times(y, at: place).scaled(by: -range.factor, at: place).summed(to: x[1].shape, at: place)
                }
            )
        case .squareRoot(let range):
            // √(factor·x)' = factor / (2·√(factor·x))
            let inverse = x[0].applying(.inverseSquareRoot(range), at: place)
            return [g.times(inverse, at: place).scaled(by: range.factor / 2, at: place)]
        case .inverseSquareRoot(let range):
            let cube = y.times(y, at: place).times(y, at: place)
            return [g.times(cube, at: place).scaled(by: -range.factor / 2, at: place)]
        case .divideByRoot(let range, let count):
            // y = x / √(v / n): dx = g / √(v / n), and dv = −dx·y / (2n) · 1 / √(v / n)
            let operation = Primitive.divideByRoot(range, count: count)
            let quotient = g.applying(operation, x[1], at: place)
            return each(
                { quotient.summed(to: x[0].shape, at: place) },
                {
                    let product = quotient.times(y, at: place).summed(to: x[1].shape, at: place)
                    return product.applying(operation, x[1], at: place).scaled(by: -0.5 / Double(count), at: place)
                        .summed(to: x[1].shape, at: place)
                }
            )
        case .normalizedExponential(let axis):
            let product = g.times(y, at: place)
            let sums = product.applying(.sum(axes: [axis]), at: place).repeated(along: [axis], as: y.shape, at: place)
            return [product.applying(.subtract, y.times(sums, at: place), at: place)]
        case .logarithmOfExponentials(let axis):
            let shares = x[0].applying(.normalizedExponential(axis: axis), at: place)
            return [shares.times(g.repeated(along: [axis], as: x[0].shape, at: place), at: place)]
        }
    }
}

extension BilinearOperation {
    /// The gradients of a product's operands.
    fileprivate func gradients(
        _ g: CrypTensor,
        _ x: CrypTensor,
        _ y: CrypTensor,
        at place: SourceOrigin?
    ) -> (left: () -> CrypTensor, right: () -> CrypTensor) {
        func product(_ operation: BilinearOperation, _ left: CrypTensor, _ right: CrypTensor) -> CrypTensor {
            left.applying(.bilinear(operation), right, at: place)
        }
        switch self {
        case .multiply:
            return (
                { g.times(y, at: place).summed(to: x.shape, at: place) },
                { g.times(x, at: place).summed(to: y.shape, at: place) }
            )
        case .matmul(let isLeftTransposed, let isRightTransposed):
            return (
                {
                    // x = a or aᵀ: of a·b the gradients are g·bᵀ and aᵀ·g.
                    let gradient =
                        isLeftTransposed
                        ? product(.matmul(transposeLeft: isRightTransposed, transposeRight: true), y, g)
                        : product(.matmul(transposeLeft: false, transposeRight: !isRightTransposed), g, y)
                    return gradient.summed(to: x.shape, at: place)
                },
                {
                    let gradient =
                        isRightTransposed
                        ? product(.matmul(transposeLeft: true, transposeRight: isLeftTransposed), g, x)
                        : product(.matmul(transposeLeft: !isLeftTransposed, transposeRight: false), x, g)
                    return gradient.summed(to: y.shape, at: place)
                }
            )
        case .convolution(let geometry):
            return (
                { product(.convolutionInputGradient(geometry, height: x.shape[2], width: x.shape[3]), g, y) },
                { product(.convolutionKernelGradient(geometry, height: y.shape[2], width: y.shape[3]), x, g) }
            )
        case .convolutionInputGradient(let geometry, _, _):
            // x is the gradient of an output, y the kernel, g of an input's shape.
            return (
                { product(.convolution(geometry), g, y) },
                { product(.convolutionKernelGradient(geometry, height: y.shape[2], width: y.shape[3]), g, x) }
            )
        case .convolutionKernelGradient(let geometry, _, _):
            // x is an input, y the gradient of an output, g of a kernel's shape.
            return (
                { product(.convolutionInputGradient(geometry, height: x.shape[2], width: x.shape[3]), y, g) },
                { product(.convolution(geometry), x, g) }
            )
        }
    }
}
