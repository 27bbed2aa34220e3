import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Bilinear operations of two secrets; those with a public tensor are in `Lowering+PublicFactors.swift`.
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
        let limit = bounds.limit(index)
        // Operands a little above the fraction bits may do: one truncation less.
        if a.scale + b.scale > limit {
            if a.scale >= b.scale {
                a = reducedWire(left)
                if left == right { b = a }
            } else {
                b = reducedWire(right)
            }
        }
        if a.scale + b.scale > limit {
            a = reducedWire(left)
            b = left == right ? a : reducedWire(right)
        }
        let sum = Sum(
            products: [Sum.Product(operation: operation, left: a.slot, right: b.slot)],
            scale: a.scale + b.scale
        )
        values[index].sum = sum
    }

    /// The fraction bits with which a value needs no truncation to be an operand: a few more than it would be truncated to, unless
    /// those were chosen for what is known of its size.
    private func roomyTarget(_ index: Int) -> Int {
        bounds.bounds[index].isDeclared && bounds.bounds[index].exponent != nil ? target(index) : target(index) + 4
    }

    /// An operand of a product: the value's own wire where its scale leaves room, else its truncation, masked again.
    private mutating func operand(_ index: Int) -> Scaled {
        if isReal(index), naturalScale(index) > roomyTarget(index) { return reducedWire(index) }
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
            guard isReal(truncated), naturalScale(truncated) > roomyTarget(truncated),
                values[truncated].reducedWire == nil,
                naturalScale(other) <= target(other), consumers[truncated].count == 1
            else { continue }
            let factor = operand(other)
            let place = inPlace(truncated)
            let gate = TruncatedProductGate(shape: entry(index).shape, form: place.form)
            let slot = emit(.truncatedProduct(gate), [place.slot, factor.slot], .share, entry(index).shape)
            return Scaled(slot: slot, scale: place.scale + factor.scale)
        }
        return nil
    }
}
