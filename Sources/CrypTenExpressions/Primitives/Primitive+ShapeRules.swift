internal import CrypTenBase
package import CrypTenRing

extension Primitive {
    /// What a shape rule knows of an operand.
    package typealias Operand = (shape: Shape, kind: ElementKind, visibility: Visibility)

    /// The shape and the kind of the result.
    ///
    /// - Throws: `CrypTenError.Code.shapeMismatch` or `.invalidArgument`; the message names the operation, the
    ///   operands' shapes or kinds, and the rule that they break.
    package func result(of operands: [Operand]) throws -> (Shape, ElementKind) {
        switch self {
        case .input, .publicInput, .kept, .keptRows:
            throw rejected(operands, "a source has no operands, and its own shape and kind")
        case .constant(let tensor):
            try require(operands, count: 0)
            return (tensor.shape, tensor.kind)
        case .random(let distribution, _, let shape, _):
            try require(operands, count: 0)
            switch distribution {
            case .uniform: return (shape, .real)
            case .bernoulli(let probability):
                guard (0...1).contains(probability) else {
                    throw CrypTenError(
                        .invalidArgument,
                        "random can't draw with probability \(probability): it must lie in [0, 1]"
                    )
                }
                return (shape, .bit)
            case .binomial(let trials, let scale):
                guard Distribution.trials.contains(trials), trials % 2 == 0 else {
                    throw CrypTenError(
                        .invalidArgument,
                        "random can't count \(trials) trials: their number must be even and "
                            + "\(Distribution.trials.lowerBound) to \(Distribution.trials.upperBound)"
                    )
                }
                guard scale > 0, scale.isFinite else {
                    throw CrypTenError(.invalidArgument, "random can't scale by \(scale): it must be positive")
                }
                return (shape, .real)
            }

        case .reshape, .permute, .slice, .broadcast, .pad, .take, .concatenate, .gather:
            return try structureResult(of: operands)
        case .shuffle(let part, _):
            guard operands.indices.contains(part) else { throw rejected(operands, "there is no operand \(part)") }
            try requireNumbers(operands)
            guard operands.allSatisfy({ $0.visibility == .secret }) else {
                throw rejected(operands, "it takes secret tensors: of public ones everybody would see the order")
            }
            guard let first = operands.first, first.shape.rank > 0,
                operands.allSatisfy({ $0.shape.rank > 0 && $0.shape[0] == first.shape[0] })
            else { throw mismatch(operands, "all need as many rows") }
            return (operands[part].shape, operands[part].kind)

        case .add, .subtract:
            try require(operands, count: 2)
            try requireNumbers(operands)
            try requireOneKind(operands)
            try requireOneShape(operands)
            return (operands[0].shape, operands[0].kind)
        case .negate, .declared, .stopGradient:
            try require(operands, count: 1)
            try requireNumbers(operands)
            return (operands[0].shape, operands[0].kind)
        case .notBefore:
            try require(operands, count: 2)
            return (operands[0].shape, operands[0].kind)
        case .known:
            try require(operands, count: 2)
            try require(operands, kind: .real)
            try requireOneShape(operands)
            return (operands[0].shape, .real)
        case .sum(let axes):
            try require(operands, count: 1)
            try requireNumbers(operands)
            try requireAxes(axes, of: operands)
            return (operands[0].shape.reducing(axes, keepDimensions: false), operands[0].kind)
        case .bilinear(let operation):
            try require(operands, count: 2)
            try requireNumbers(operands)
            let shape = try operation.outputShape(operands[0].shape, operands[1].shape)
            return (shape, operands.contains { $0.kind == .real } ? .real : .integer)
        case .toReal:
            try require(operands, count: 1)
            try require(operands, kind: .integer)
            return (operands[0].shape, .real)
        case .floor:
            try require(operands, count: 1)
            try require(operands, kind: .real)
            return (operands[0].shape, .integer)

        case .isNegative, .isPositive, .isZero:
            try require(operands, count: 1)
            try requireNumbers(operands)
            return (operands[0].shape, .bit)
        case .and, .xor:
            guard operands.count >= 2 else { throw rejected(operands, "it takes two operands or more") }
            try require(operands, kind: .bit)
            try requireOneShape(operands)
            return (operands[0].shape, .bit)
        case .not:
            try require(operands, count: 1)
            try require(operands, kind: .bit)
            return (operands[0].shape, .bit)
        case .select:
            try require(operands, count: 2)
            guard operands[0].kind == .bit, operands[1].kind != .bit else {
                throw rejected(operands, "it takes a bit and a real number or an integer")
            }
            try requireOneShape(operands)
            return (operands[1].shape, operands[1].kind)
        case .bitToInteger:
            try require(operands, count: 1)
            try require(operands, kind: .bit)
            return (operands[0].shape, .integer)

        case .relu:
            try require(operands, count: 1)
            try requireNumbers(operands)
            return (operands[0].shape, operands[0].kind)
        case .maximum(let axis), .argmax(let axis), .winners(let axis):
            try require(operands, count: 1)
            try requireNumbers(operands)
            try requireAxes([axis], of: operands)
            guard operands[0].shape[axis] > 0 else {
                throw mismatch(operands, "axis \(axis) is empty, so there is no largest")
            }
            if case .winners = self { return (operands[0].shape, .bit) }
            let shape = operands[0].shape.reducing([axis], keepDimensions: false)
            if case .argmax = self { return (shape, .integer) }
            return (shape, operands[0].kind)
        case .polynomial(let coefficients):
            try require(operands, count: 1)
            try require(operands, kind: .real)
            guard !coefficients.isEmpty, coefficients.allSatisfy(\.isFinite) else {
                throw CrypTenError(
                    .invalidArgument,
                    "polynomial can't have coefficients \(coefficients): it takes one or more, all finite"
                )
            }
            return (operands[0].shape, .real)
        case .clamp(let low, let high):
            try require(operands, count: 1)
            try require(operands, kind: .real)
            guard low.isFinite, high.isFinite, low <= high else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) can't have bounds \(low) and \(high): they must be finite and in order"
                )
            }
            return (operands[0].shape, .real)
        case .smooth, .sine, .cosine, .exponential, .logarithm, .reciprocal, .squareRoot, .inverseSquareRoot:
            try require(operands, count: 1)
            try require(operands, kind: .real)
            return (operands[0].shape, .real)
        case .divide, .divideByRoot:
            try require(operands, count: 2)
            try require(operands, kind: .real)
            guard let shape = Shape.broadcast(operands[0].shape, operands[1].shape) else {
                throw mismatch(operands, "they don't broadcast")
            }
            return (shape, .real)
        case .normalizedExponential(let axis), .logarithmOfExponentials(let axis):
            try require(operands, count: 1)
            try require(operands, kind: .real)
            try requireAxes([axis], of: operands)
            if case .normalizedExponential = self { return (operands[0].shape, .real) }
            return (operands[0].shape.reducing([axis], keepDimensions: false), .real)
        }
    }

    private func structureResult(of operands: [Operand]) throws -> (Shape, ElementKind) {
        if case .concatenate(let axis) = self {
            guard let first = operands.first else { throw rejected(operands, "it takes one operand or more") }
            try requireOneKind(operands)
            try requireAxes([axis], of: operands)
            var dimensions = first.shape.dimensions
            for next in operands.dropFirst() {
                var other = next.shape.dimensions
                guard other.count == dimensions.count else {
                    throw mismatch(operands, "all need the same number of axes")
                }
                dimensions[axis] += other[axis]
                other[axis] = dimensions[axis]
                guard other == dimensions else {
                    throw mismatch(operands, "extents must be equal but along axis \(axis)")
                }
            }
            return (try Shape(checking: dimensions), first.kind)
        }
        if case .gather(let axis) = self {
            try require(operands, count: 2)
            guard operands[1].kind == .integer, operands[1].visibility == .public else {
                throw rejected(operands, "the indices must be public integers")
            }
            try requireAxes([axis], of: operands)
            var dimensions = operands[0].shape.dimensions
            dimensions.replaceSubrange(axis...axis, with: operands[1].shape.dimensions)
            return (try Shape(checking: dimensions), operands[0].kind)
        }

        try require(operands, count: 1)
        let (shape, kind) = (operands[0].shape, operands[0].kind)
        switch self {
        case .reshape(let target):
            guard target.count == shape.count else {
                throw mismatch(operands, "\(target) has \(target.count) elements, not \(shape.count)")
            }
            return (target, kind)
        case .permute(let axes):
            guard axes.sorted() == Array(0..<shape.rank) else {
                throw mismatch(operands, "axes \(axes) must name each of its \(shape.rank) axes once")
            }
            return (Shape(axes.map { shape[$0] }), kind)
        case .slice(let starts, let steps, let target):
            guard starts.count == shape.rank, steps.count == shape.rank, target.rank == shape.rank else {
                throw mismatch(operands, "starts, steps and extents must have one number for each axis")
            }
            for axis in 0..<shape.rank where target[axis] > 0 {
                let (reach, overflow) = steps[axis].multipliedReportingOverflow(by: target[axis] - 1)
                let (last, overflows) = starts[axis].addingReportingOverflow(reach)
                let inside = 0..<shape[axis]
                guard steps[axis] != 0, !overflow, !overflows, inside.contains(starts[axis]), inside.contains(last)
                else {
                    throw mismatch(
                        operands,
                        "\(target[axis]) steps of \(steps[axis]) from \(starts[axis]) leave axis \(axis), or don't move along it"
                    )
                }
            }
            return (target, kind)
        case .broadcast(let target):
            guard Shape.broadcast(shape, target) == target else {
                throw mismatch(operands, "it can't become \(target): extents must be equal or 1, from the last axis on")
            }
            return (target, kind)
        case .pad(let before, let after):
            guard before.count == shape.rank, after.count == shape.rank,
                (before + after).allSatisfy({ (0...Shape.largestCount).contains($0) })
            else {
                throw mismatch(operands, "padding \(before) and \(after) must be 0 or more, one number for each axis")
            }
            return (try Shape(checking: (0..<shape.rank).map { shape[$0] + before[$0] + after[$0] }), kind)
        case .take(let axis, let indices):
            try requireAxes([axis], of: operands)
            if let wrong = indices.first(where: { !(0..<shape[axis]).contains($0) }) {
                throw mismatch(operands, "index \(wrong) isn't in 0..<\(shape[axis]), the extent of axis \(axis)")
            }
            var dimensions = shape.dimensions
            dimensions[axis] = indices.count
            return (try Shape(checking: dimensions), kind)
        default:
            preconditionFailure("\(name) is no operation on structure")
        }
    }

    // MARK: What the rules demand

    private func require(_ operands: [Operand], count: Int) throws {
        guard operands.count == count else {
            throw rejected(operands, "it takes \(count) operand\(count == 1 ? "" : "s")")
        }
    }

    private func require(_ operands: [Operand], kind: ElementKind) throws {
        guard operands.allSatisfy({ $0.kind == kind }) else {
            throw rejected(operands, "it takes elements of kind \(kind.rawValue)")
        }
    }

    private func requireNumbers(_ operands: [Operand]) throws {
        guard operands.allSatisfy({ $0.kind != .bit }) else {
            throw rejected(operands, "it takes real numbers or integers; convert bits with toInteger()")
        }
    }

    private func requireOneKind(_ operands: [Operand]) throws {
        guard operands.allSatisfy({ $0.kind == operands[0].kind }) else {
            throw rejected(operands, "all must be of one kind")
        }
    }

    private func requireOneShape(_ operands: [Operand]) throws {
        guard operands.allSatisfy({ $0.shape == operands[0].shape }) else {
            throw mismatch(operands, "the shapes must be equal")
        }
    }

    private func requireAxes(_ axes: [Int], of operands: [Operand]) throws {
        let rank = operands[0].shape.rank
        guard axes.allSatisfy({ (0..<rank).contains($0) }), Set(axes).count == axes.count else {
            throw mismatch(operands, "axes \(axes) must be different numbers in 0..<\(rank)")
        }
    }

    /// The operands' shapes break a rule.
    private func mismatch(_ operands: [Operand], _ rule: String) -> CrypTenError {
        let shapes = operands.map(\.shape.description).joined(separator: " and ")
        return CrypTenError(
            .shapeMismatch,
            "\(name) can't take \(operands.count == 1 ? "shape" : "shapes") \(shapes): \(rule)"
        )
    }

    /// The operands' number, kinds or visibility break a rule.
    private func rejected(_ operands: [Operand], _ rule: String) -> CrypTenError {
        let list = operands.map { "\($0.visibility.rawValue) \($0.kind.rawValue) \($0.shape)" }.joined(
            separator: " and "
        )
        return CrypTenError(.invalidArgument, "\(name) can't take \(list.isEmpty ? "no operands" : list): \(rule)")
    }
}
