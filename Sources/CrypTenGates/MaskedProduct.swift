package import CrypTenRing

/// A bilinear operation of two wires, as a term of a gate: what `BilinearGate` and `AbsorbedGate` have in common.
///
/// With `x^ = x + λx` and `y^ = y + λy` public, `op(x, y) = op(x^, y^) − op(x^, λy) − op(λx, y^) + op(λx, λy)`, and all but
/// the last term is local work. A party that holds zeros for a share of a mask leaves the product with it out; party 0
/// joins two products into `op(x^ − λx_0, y^)`. So a party computes at most two.
package struct MaskedProduct: Hashable, Sendable, Codable {
    package let operation: BilinearOperation
    package let left: Shape
    package let right: Shape
    /// The only party whose share of the left operand's mask isn't zero, where there is one.
    package let leftZeroExcept: Int?
    /// The same of the right operand.
    package let rightZeroExcept: Int?

    package init(
        operation: BilinearOperation,
        left: Shape,
        right: Shape,
        leftZeroExcept: Int? = nil,
        rightZeroExcept: Int? = nil
    ) {
        self.operation = operation
        self.left = left
        self.right = right
        self.leftZeroExcept = leftZeroExcept
        self.rightZeroExcept = rightZeroExcept
    }

    /// The shape of the product; the planner has checked that there is one.
    package var output: Shape {
        guard let shape = try? operation.outputShape(left, right) else {
            preconditionFailure(
                "\(operation.name) of \(left) and \(right): shapes are checked when an expression is made"
            )
        }
        return shape
    }

    /// `sum −= op(λx, λy)`, or `+=`: the dealer's part.
    func deal(_ sum: inout RingTensor, _ x: WireMask, _ y: WireMask, subtracting: Bool, _ context: DealerStage) {
        precondition(x.alternative == nil && y.alternative == nil, "a truncation read in place is elementwise")
        context.kernels.accumulate(
            &sum,
            operation,
            x.mask.reshaped(to: left),
            y.mask.reshaped(to: right),
            subtracting: subtracting
        )
    }

    /// Adds to `sum` a party's share of `op(x, y) − op(λx, λy)`.
    func evaluate(_ sum: inout RingTensor, _ x: MaskedWire, _ y: MaskedWire, _ context: PartyStage) {
        let kernels = context.kernels
        guard x.truncation == nil, y.truncation == nil, let xMask = x.maskShare, let yMask = y.maskShare else {
            preconditionFailure("a product reads wires whose masks the parties share")
        }
        let (xHat, yHat) = (x.hat.reshaped(to: left), y.hat.reshaped(to: right))
        let skipsLeft = leftZeroExcept.map { $0 != context.party } ?? false
        let skipsRight = rightZeroExcept.map { $0 != context.party } ?? false
        if context.isFirst {
            let difference = skipsLeft ? xHat : kernels.subtract(xHat, xMask.reshaped(to: left))
            kernels.accumulate(&sum, operation, difference, yHat, subtracting: false)
        } else if !skipsLeft {
            kernels.accumulate(&sum, operation, xMask.reshaped(to: left), yHat, subtracting: true)
        }
        if !skipsRight {
            kernels.accumulate(&sum, operation, xHat, yMask.reshaped(to: right), subtracting: true)
        }
    }
}
