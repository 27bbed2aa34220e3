internal import CrypTenBase
internal import CrypTenRing

/// The gradients of an expression: of its sum, where it has several elements, with respect to each of some tensors.
///
/// They are expressions as any others, and run in one plan with what they are the gradients of: they have gradients themselves, and
/// cost what their products cost. What the expression has compared isn't compared again: ReLU, maxima and pools, `clamp`, `abs`,
/// `where`, sorting and `topK` take the same masked bits, so that ReLU's gradient costs no comparison, and one opening of what it
/// selects. At 0 ReLU has the gradient 0, and of several largest elements the first has all of a maximum's.
///
/// Comparisons, `argmax`, `floor`, whole numbers and bits have no gradient, as in PyTorch; and nothing passes through
/// ``CrypTensor/stopGradient(file:line:)``.
///
/// ```swift
/// let loss = mseLoss(x.matmul(w), y)
/// let slope = gradient(of: loss, withRespectTo: [w])[0]
/// ```
///
/// - Parameters:
///   - value: Real numbers.
///   - tensors: Those that were used to make it: a tensor is known by where it was made, not by its numbers.
/// - Returns: For each tensor one of its shape. One that no path leads to is ill-formed, and its error names the operations where the
///   paths ended.
public func gradient(
    of value: CrypTensor,
    withRespectTo tensors: [CrypTensor],
    file: StaticString = #fileID,
    line: UInt = #line
) -> [CrypTensor] {
    Backpropagation(of: value, for: tensors).gradients(at: SourceOrigin(file: "\(file)", line: line))
}

extension CrypTensor {
    /// The same numbers, through which no gradient passes: a constant to whoever differentiates.
    ///
    /// Local.
    public func stopGradient(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { applying(.stopGradient, at: $0) }
    }
}

/// From an expression to the gradients of its sum, in reverse: each node hands its gradient on to its operands.
///
/// Rules are linear in the gradient, so public factors below 1, as a mean has one, wait beside it until the end: in between a gradient
/// has the size that it has without them, and loses no bits to the encoding.
package struct Backpropagation {
    /// A gradient, but for a public factor.
    private struct Cotangent {
        var tensor: CrypTensor
        var factor = 1.0

        /// The sum with another; the smaller factor becomes a product.
        func adding(_ other: Cotangent, at place: SourceOrigin?) -> Cotangent {
            let (large, small) = factor.magnitude >= other.factor.magnitude ? (self, other) : (other, self)
            let term =
                large.factor == small.factor
                ? small.tensor : small.tensor.scaled(by: small.factor / large.factor, at: place)
            return Cotangent(tensor: large.tensor.applying(.add, term, at: place), factor: large.factor)
        }
    }

    /// The expression, in a form whose gradient costs less; the value is the same.
    package let value: CrypTensor
    private let tensors: [CrypTensor]

    /// - Parameters:
    ///   - value: Real numbers.
    ///   - tensors: What gradients are wanted for.
    package init(of value: CrypTensor, for tensors: [CrypTensor]) {
        self.value = PooledForm.of(value, keeping: tensors)
        self.tensors = tensors
    }

    /// Gradients of the sum of all elements, times a public number.
    ///
    /// - Parameters:
    ///   - scale: What each element's gradient is to begin with.
    ///   - names: What the tensors are called in errors.
    package func gradients(at origin: SourceOrigin?, scale: Double = 1, names: [String]? = nil) -> [CrypTensor] {
        if let error = value.error { return tensors.map { _ in CrypTensor(failing: error, at: nil) } }
        guard value.kind == .real else {
            let error = CrypTenError(
                .invalidArgument,
                "\(value.kind.rawValue)s have no gradient: \(value.node.operation.name) of shape \(value.shape) isn't real"
            )
            return tensors.map { _ in CrypTensor(failing: error, at: origin) }
        }
        let order = ClearEvaluator.order(of: [value.node])
        let isOnPath = reachable(in: order)
        var recomputation = Recomputation(of: order)
        var known: [ObjectIdentifier: Cotangent] = [:]
        var ends: [Node] = []
        let one = CrypTensor(constant: Tensor(scale), at: origin).broadcasted(to: value.shape, at: origin)
        known[ObjectIdentifier(value.node)] = Cotangent(tensor: one)
        for node in order.reversed() {
            guard isOnPath.contains(ObjectIdentifier(node)), let g = known[ObjectIdentifier(node)] else { continue }
            var wanted = node.inputs.map { isOnPath.contains(ObjectIdentifier($0)) }
            // Past what a known function was made of.
            if case .known = node.operation { wanted[0] = false }
            guard wanted.contains(true) else { continue }
            do {
                let parts = try LayerScope.$current.withValue(node.layer) {
                    try Backpropagation.parts(
                        of: node,
                        g,
                        wanted: wanted,
                        reading: recomputation.read(node, signal: g.tensor.node)
                    )
                }
                var hasEnded = false
                for ((input, part), isWanted) in zip(zip(node.inputs, parts), wanted) where isWanted {
                    guard let part else {
                        hasEnded = true
                        continue
                    }
                    let key = ObjectIdentifier(input)
                    known[key] = known[key].map { $0.adding(part, at: node.origin) } ?? part
                }
                if hasEnded { ends.append(Backpropagation.end(of: node, isOnPath)) }
            } catch let problem as CrypTenError {
                return tensors.map { _ in CrypTensor(failing: problem, at: node.origin) }
            } catch {
                preconditionFailure("rules throw CrypTenError")
            }
        }
        return tensors.enumerated().map { index, tensor in
            if let error = tensor.error { return CrypTensor(failing: error, at: nil) }
            guard let gradient = known[ObjectIdentifier(tensor.node)] else {
                let isUsed = order.contains { $0 === tensor.node }
                return CrypTensor(failing: missing(tensor, names?[index], isUsed ? ends : []), at: origin)
            }
            return gradient.factor == 1 ? gradient.tensor : gradient.tensor.scaled(by: gradient.factor, at: origin)
        }
    }

    /// What a node hands on.
    ///
    /// - Parameter copies: The node and its operands as its rule reads them.
    private static func parts(
        of node: Node,
        _ g: Cotangent,
        wanted: [Bool],
        reading copies: (value: CrypTensor, operands: [CrypTensor])
    ) throws -> [Cotangent?] {
        if case .bilinear(.multiply) = node.operation {
            for (index, other) in [(0, 1), (1, 0)] where wanted[index] && !wanted[other] {
                guard let factor = CrypTensor(node.inputs[other]).uniformConstant, 0 < factor.magnitude,
                    factor.magnitude < 1
                else { continue }
                let part = Cotangent(
                    tensor: g.tensor.summed(to: node.inputs[index].shape, at: node.origin),
                    factor: g.factor * factor
                )
                return index == 0 ? [part, nil] : [nil, part]
            }
        }
        return try node.operation.gradients(g.tensor, of: copies.value, copies.operands, wanted: wanted)
            .map { $0.map { Cotangent(tensor: $0, factor: g.factor) } }
    }

    /// The nodes that depend on a tensor for which a gradient is wanted.
    private func reachable(in order: [Node]) -> Set<ObjectIdentifier> {
        var found = Set(tensors.map { ObjectIdentifier($0.node) })
        for node in order where node.inputs.contains(where: { found.contains(ObjectIdentifier($0)) }) {
            found.insert(ObjectIdentifier(node))
        }
        return found
    }

    /// The operation that a path has ended at: of whole numbers as reals, and of bits, what made them.
    private static func end(of node: Node, _ isOnPath: Set<ObjectIdentifier>) -> Node {
        var node = node
        while let next = node.inputs.first(where: { isOnPath.contains(ObjectIdentifier($0)) }) {
            switch node.operation {
            case .toReal, .bitToInteger, .and, .xor, .not, .select: node = next
            default: return node
            }
        }
        return node
    }

    private func missing(_ tensor: CrypTensor, _ name: String?, _ ends: [Node]) -> CrypTenError {
        let what = name.map { "\($0) of shape \(tensor.shape)" } ?? "\(tensor)"
        var places: [String] = []
        for node in ends.reversed() {
            let place =
                node.operation.name + (node.layer.map { " in layer \($0)" } ?? "")
                + (node.origin.map { ", made at \($0)" } ?? "")
            if !places.contains(place) { places.append(place) }
        }
        let reason =
            places.isEmpty
            ? "it isn't used to make the value"
            : "each path to it ends at an operation without a gradient: " + places.prefix(3).joined(separator: "; ")
        return CrypTenError(.noGradient, "there is no gradient with respect to \(what): \(reason)")
    }
}

extension CrypTensor {
    /// The one number that all elements of a constant are.
    fileprivate var uniformConstant: Double? {
        guard let numbers = constantValue?.doubles, let first = numbers.first, numbers.allSatisfy({ $0 == first })
        else {
            return nil
        }
        return first
    }
}
