internal import CrypTenBase
package import CrypTenRing

/// A bilinear operation of two wires, as a term of a gate: what `BilinearGate` and `AbsorbedGate` have in common.
///
/// With `x^ = x + λx` and `y^ = y + λy` public, `op(x, y) = op(x^, y^) − op(x^, λy) − op(λx, y^) + op(λx, λy)`, and all but
/// the last term is local work. A party that holds zeros for a share of a mask leaves the product with it out; party 0
/// joins two products into `op(x^ − λx_0, y^)` or `op(x^, y^ − λy_0)`. So a party computes at most two. Where one operand is
/// public before the run, as a kept weight, the product of its public part and the other one's mask can be computed ahead
/// (`term`); one is left.
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

    /// The shape of the product of operands `index` and `index + 1`, if they and the fields fit.
    func result(of operands: OperandTypes, from index: Int, parties: Int) throws -> Shape {
        for party in [leftZeroExcept, rightZeroExcept] {
            try require(party.map { (0..<parties).contains($0) } ?? true, "there is no party \(party ?? 0)")
        }
        try operands.wire(index, count: left.count, sharesHeld: true)
        try operands.wire(index + 1, count: right.count, sharesHeld: true)
        return try operation.checkedOutput(left, right)
    }

    /// What is asked for of the two wires' masks.
    package func masks<Words>(_ x: WireMask<Words>, _ y: WireMask<Words>) -> MaskProduct<Words> {
        precondition(x.alternative == nil && y.alternative == nil, "a truncation read in place is elementwise")
        return MaskProduct(form: self, left: x.mask, right: y.mask)
    }

    /// An operand.
    package enum Side: Sendable {
        case left, right
    }

    /// A party's product of its share of one side's mask and the other's public part: `op(λx_i, y^)` or `op(x^, λy_i)`.
    package struct Term: Sendable {
        package let side: Side
        package let value: RingTensor
    }

    /// Computes a term before the run that it belongs to; nil where this party's share is known to be zero.
    package func term(
        masked side: Side,
        maskShare: RingTensor,
        hat: RingTensor,
        party: Int,
        _ kernels: any Kernels
    ) -> Term? {
        let zeroExcept = side == .left ? leftZeroExcept : rightZeroExcept
        guard zeroExcept.map({ $0 == party }) ?? true else { return nil }
        let (a, b) = side == .left ? (maskShare, hat) : (hat, maskShare)
        return Term(side: side, value: kernels.product(operation, a.reshaped(to: left), b.reshaped(to: right)))
    }

    /// Adds to `sum` a party's share of `op(x, y) − op(λx, λy)`.
    ///
    /// - Parameter index: Which of the gate's products this is.
    func evaluate(_ sum: inout RingTensor, _ x: MaskedWire, _ y: MaskedWire, index: Int, _ context: PartyStage) {
        let kernels = context.kernels
        guard x.truncation == nil, y.truncation == nil, let xMask = x.maskShare, let yMask = y.maskShare else {
            preconditionFailure("a product reads wires whose masks the parties share")
        }
        let (xHat, yHat) = (x.hat.reshaped(to: left), y.hat.reshaped(to: right))
        let skipsLeft = leftZeroExcept.map { $0 != context.party } ?? false
        let skipsRight = rightZeroExcept.map { $0 != context.party } ?? false
        func add(_ a: RingTensor, _ b: RingTensor, subtracting: Bool) {
            kernels.accumulate(&sum, operation, a, b, subtracting: subtracting)
        }
        func value(_ hat: RingTensor, less mask: RingTensor, isZero: Bool) -> RingTensor {
            isZero ? hat : kernels.subtract(hat, mask.reshaped(to: hat.shape))
        }
        let ahead = context.term(ofProduct: index)
        if let ahead { kernels.accumulate(&sum, subtracting: ahead.value) }
        switch (ahead?.side, context.isFirst) {
        case (.left, true): add(xHat, value(yHat, less: yMask, isZero: skipsRight), subtracting: false)
        case (.left, false): if !skipsRight { add(xHat, yMask.reshaped(to: right), subtracting: true) }
        case (.right, true): add(value(xHat, less: xMask, isZero: skipsLeft), yHat, subtracting: false)
        case (.right, false): if !skipsLeft { add(xMask.reshaped(to: left), yHat, subtracting: true) }
        case (nil, false):
            if !skipsLeft { add(xMask.reshaped(to: left), yHat, subtracting: true) }
            if !skipsRight { add(xHat, yMask.reshaped(to: right), subtracting: true) }
        case (nil, true):
            // One product where there is one mask. Where there are two, the difference is that of the smaller operand on a processor; on
            // a device it's part of what makes the left one.
            let takesRight = right.count < left.count && !kernels.computesAside
            if skipsLeft || !skipsRight && takesRight {
                add(xHat, value(yHat, less: yMask, isZero: skipsRight), subtracting: false)
                if !skipsLeft { add(xMask.reshaped(to: left), yHat, subtracting: true) }
            } else {
                add(value(xHat, less: xMask, isZero: false), yHat, subtracting: false)
                if !skipsRight { add(xHat, yMask.reshaped(to: right), subtracting: true) }
            }
        }
    }
}

extension BilinearOperation {
    /// The shape of the product of a plan's gate.
    func checkedOutput(_ left: Shape, _ right: Shape) throws -> Shape {
        do {
            return try outputShape(left, right)
        } catch let error as CrypTenError {
            throw malformed(error.message)
        }
    }
}
