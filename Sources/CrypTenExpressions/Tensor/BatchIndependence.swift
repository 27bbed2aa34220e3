internal import CrypTenBase
internal import CrypTenRing

/// Whether an expression does the same with every element of a batch, apart from the others: then a batch can be cut.
///
/// Follows the batch's axis from the inputs to the results, by rules for each operation. What the rules don't cover counts as
/// mixing: a batch is cut only where it is proved that nobody can tell.
package struct BatchIndependence {
    private var axes: [ObjectIdentifier: Int?] = [:]

    /// Checks results that must have the batch as their first axis.
    ///
    /// - Parameters:
    ///   - results: The expressions.
    ///   - inputs: The inputs that are cut, along their first axis; each has at least two elements there.
    /// - Throws: `.invalidArgument` naming the operation that reads across the batch.
    package static func check(_ results: [CrypTensor], cutInputs inputs: [CrypTensor]) throws {
        var following = BatchIndependence()
        for input in inputs { following.axes[ObjectIdentifier(input.node)] = .some(0) }
        let nodes = results.map(\.node)
        for node in ClearEvaluator.order(of: nodes) where following.axes[ObjectIdentifier(node)] == nil {
            following.axes.updateValue(try following.axis(of: node), forKey: ObjectIdentifier(node))
        }
        for node in nodes {
            guard following.known(node) == 0 else {
                throw mixing(node, "gives a result whose first axis isn't the batch")
            }
        }
    }

    private static func mixing(_ node: Node, _ how: String) -> CrypTenError {
        let layer = node.layer.map { " in '\($0)'" } ?? ""
        return CrypTenError(
            .invalidArgument,
            "the batch can't be cut into slices: \(node.operation.name)\(layer) \(how)"
        )
    }

    private func known(_ node: Node) -> Int? {
        axes[ObjectIdentifier(node)] ?? nil
    }

    /// Where the batch lies in a node's value; nil where it doesn't depend on it.
    private func axis(of node: Node) throws -> Int? {
        let operands = node.inputs.map { (node: $0, axis: known($0)) }
        guard let first = operands.first(where: { $0.axis != nil }), let axis = first.axis else { return nil }
        let across = BatchIndependence.mixing(node, "reads across it")
        let shape = first.node.shape
        switch node.operation {
        case .reshape(let target):
            // The axis is kept where as many elements lie before it, and it is as long.
            let before = shape.dimensions.prefix(axis).reduce(1, *)
            var product = 1
            for (place, extent) in target.dimensions.enumerated() {
                if product == before, extent == shape[axis] { return place }
                product *= extent
            }
            throw across
        case .permute(let order):
            guard let place = order.firstIndex(of: axis) else { throw across }
            return place
        case .slice(let starts, let steps, let target):
            guard starts[axis] == 0, steps[axis] == 1, target[axis] == shape[axis] else { throw across }
            return axis
        case .pad(let before, let after):
            guard before[axis] == 0, after[axis] == 0 else { throw across }
            return axis
        case .take(let place, _):
            guard place != axis else { throw across }
            return axis
        case .sum(let gone):
            guard !gone.contains(axis) else { throw across }
            return axis - gone.count { $0 < axis }
        case .normalizedExponential(let place), .winners(let place):
            guard place != axis else { throw across }
            return axis
        case .maximum(let gone), .argmax(let gone), .logarithmOfExponentials(let gone):
            guard gone != axis else { throw across }
            return gone < axis ? axis - 1 : axis
        case .concatenate(let place):
            guard place != axis, operands.allSatisfy({ $0.axis == axis || isUniform($0.node, along: axis) }) else {
                throw across
            }
            return axis
        case .bilinear(let operation):
            return try place(operation, operands, node)
        case .gather, .shuffle, .input, .publicInput, .kept, .keptRows, .constant, .random, .notBefore:
            throw across
        case .broadcast, .add, .subtract, .negate, .toReal, .declared, .stopGradient, .known, .floor, .isNegative,
            .isPositive,
            .isZero, .and, .xor, .not,
            .select,
            .bitToInteger,
            .relu, .polynomial, .clamp, .smooth, .sine, .cosine, .exponential, .logarithm, .reciprocal, .divide,
            .squareRoot,
            .inverseSquareRoot, .divideByRoot:
            return try aligned(operands, node)
        }
    }

    /// Element by element, after NumPy's rule: the batch lies at the same place from the end in all that have it.
    private func aligned(_ operands: [(node: Node, axis: Int?)], _ node: Node) throws -> Int {
        let rank = node.shape.rank
        let places = Set(operands.compactMap { operand in operand.axis.map { $0 + rank - operand.node.shape.rank } })
        guard places.count == 1, let place = places.first,
            operands.allSatisfy({ operand in
                operand.axis != nil || isUniform(operand.node, along: place - (rank - operand.node.shape.rank))
            })
        else { throw BatchIndependence.mixing(node, "does other things to other elements of it") }
        return place
    }

    /// Whether a value that doesn't depend on the batch is the same all along an axis.
    private func isUniform(_ node: Node, along axis: Int) -> Bool {
        if axis < 0 || node.shape[axis] == 1 { return true }
        guard case .broadcast = node.operation, let source = node.inputs.first else { return false }
        return isUniform(source, along: axis - (node.shape.rank - source.shape.rank))
    }

    private func place(
        _ operation: BilinearOperation,
        _ operands: [(node: Node, axis: Int?)],
        _ node: Node
    ) throws -> Int {
        let across = BatchIndependence.mixing(node, "reads across it")
        let (left, right) = (operands[0], operands[1])
        switch operation {
        case .multiply:
            return try aligned(operands, node)
        case .matmul(let transposeLeft, let transposeRight):
            // Counted from the end: 1 and 2 are the matrix's, further ones count matrices.
            let rank = node.shape.rank
            let (fromLeft, fromRight) = (
                left.axis.map { left.node.shape.rank - $0 }, right.axis.map { right.node.shape.rank - $0 }
            )
            switch (fromLeft, fromRight) {
            case (let l?, let r?):
                guard l == r, l > 2 else { throw across }
                return rank - l
            case (let l?, nil):
                guard l > 2 || l == (transposeLeft ? 1 : 2) else { throw across }
                if l > 2, !isUniform(right.node, along: right.node.shape.rank - l) { throw across }
                return rank - max(l, 2)
            case (nil, let r?):
                guard r > 2 || r == (transposeRight ? 2 : 1) else { throw across }
                if r > 2, !isUniform(left.node, along: left.node.shape.rank - r) { throw across }
                return rank - (r > 2 ? r : 1)
            case (nil, nil):
                throw across
            }
        case .convolution:
            guard left.axis == 0, right.axis == nil else { throw across }
            return 0
        case .convolutionInputGradient, .convolutionKernelGradient:
            guard case .convolutionInputGradient = operation, left.axis == 0, right.axis == nil else { throw across }
            return 0
        }
    }
}
