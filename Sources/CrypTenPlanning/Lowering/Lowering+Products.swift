import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Bilinear operations: of two secrets, and of a secret and a public tensor.
extension Lowering {
    mutating func lowerProduct(_ index: Int, _ operation: BilinearOperation) {
        let inputs = entry(index).inputs
        switch (entry(inputs[0]).isSecret, entry(inputs[1]).isSecret) {
        case (true, true): lowerSecretProduct(index, operation, inputs[0], inputs[1])
        case (true, false): lowerPlainProduct(index, operation, secret: inputs[0], plain: inputs[1], plainIsLeft: false)
        case (false, true): lowerPlainProduct(index, operation, secret: inputs[1], plain: inputs[0], plainIsLeft: true)
        case (false, false): preconditionFailure("public parts were folded")
        }
    }

    private mutating func lowerSecretProduct(_ index: Int, _ operation: BilinearOperation, _ left: Int, _ right: Int) {
        if let slot = productInPlace(index, operation, left, right) {
            setShare(index, slot.slot, scale: slot.scale)
            return
        }
        var a = operand(left)
        var b = left == right ? a : operand(right)
        // Operands a little above the fraction bits may do: one truncation less.
        if a.scale + b.scale > scaleLimit {
            if a.scale >= b.scale {
                a = reducedWire(left)
                if left == right { b = a }
            } else {
                b = reducedWire(right)
            }
        }
        if a.scale + b.scale > scaleLimit {
            a = reducedWire(left)
            b = left == right ? a : reducedWire(right)
        }
        let sum = Sum(
            products: [Sum.Product(operation: operation, left: a.slot, right: b.slot)],
            scale: a.scale + b.scale
        )
        values[index].sum = sum
    }

    /// An operand of a product: the value's own wire where its scale leaves room, else its truncation, masked again.
    private mutating func operand(_ index: Int) -> Scaled {
        if isReal(index), naturalScale(index) > fractionBits + 4 { return reducedWire(index) }
        if values[index].reducedWire == nil {
            let wire = wire(index)
            if sharesHeld(wire.slot) { return wire }
        }
        return reducedWire(index)
    }

    /// An elementwise product with a truncation that is read in place, so that it isn't masked a second time.
    private mutating func productInPlace(
        _ index: Int,
        _ operation: BilinearOperation,
        _ left: Int,
        _ right: Int
    ) -> Scaled? {
        guard case .multiply = operation, left != right, entry(left).shape == entry(right).shape else { return nil }
        for (truncated, other) in [(left, right), (right, left)] {
            guard isReal(truncated), naturalScale(truncated) > fractionBits + 4, values[truncated].reducedWire == nil,
                naturalScale(other) <= fractionBits, consumers[truncated].count == 1
            else { continue }
            let factor = operand(other)
            let place = inPlace(truncated)
            let gate = TruncatedProductGate(shape: entry(index).shape, form: place.form)
            let slot = emit(.truncatedProduct(gate), [place.slot, factor.slot], .share, entry(index).shape)
            return Scaled(slot: slot, scale: place.scale + factor.scale)
        }
        return nil
    }

    private mutating func lowerPlainProduct(
        _ index: Int,
        _ operation: BilinearOperation,
        secret: Int,
        plain: Int,
        plainIsLeft: Bool
    ) {
        let shape = entry(index).shape
        let bits = plainFractionBits(plain)
        var share = linearShare(secret)
        if bits > 0, share.scale > fractionBits, share.scale + bits > scaleLimit { share = reducedShare(secret) }
        if case .multiply = operation, let factor = uniformFactor(plain, scale: bits),
            entry(secret).shape == shape
        {
            // One number for all: a factor of the plan.
            let slot =
                factor == 1 ? share.slot : linear(.combine(factors: [factor]), .share, [share.slot], shape)
            setShare(index, slot, scale: share.scale + bits)
            return
        }
        let numbers = self.plain(plain, scale: bits)
        let gate = PlainProductGate(
            operation: operation,
            left: entry(plainIsLeft ? plain : secret).shape,
            right: entry(plainIsLeft ? secret : plain).shape,
            plainIsLeft: plainIsLeft
        )
        let slot = emit(
            .plainProduct(gate),
            plainIsLeft ? [numbers, share.slot] : [share.slot, numbers],
            .share,
            shape
        )
        setShare(index, slot, scale: share.scale + bits)
    }

    /// As few fraction bits as hold a public factor exactly; else the session's, and for factors below 1 up to six more,
    /// with which the product takes no more room.
    private func plainFractionBits(_ index: Int) -> Int {
        guard isReal(index) else { return 0 }
        guard case .constant(let tensor) = entry(index).operation else { return fractionBits }
        let numbers = tensor.doubles
        let largest = numbers.lazy.map(\.magnitude).max() ?? 0
        let spare = largest > 0 && largest < 1 ? min(-Int(largest.exponent) - 1, 6) : 0
        let most = fractionBits + max(spare, 0)
        return exactFractionBits(numbers, atMost: most)
    }

    /// The one number that a constant repeats, encoded.
    private func uniformFactor(_ index: Int, scale: Int) -> UInt64? {
        guard case .constant(let tensor) = entry(index).operation, let first = tensor.doubles.first,
            tensor.doubles.allSatisfy({ $0 == first })
        else { return nil }
        if let integers = tensor.integers, scale == 0 { return UInt64(bitPattern: integers[0]) }
        return FixedPoint.encodeConstant(first, scale: scale)
    }
}
