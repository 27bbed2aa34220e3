import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Products of a secret and a public tensor: local, and public factors keep their significant bits.
///
/// A factor c, rounded at a scale of its own, is a whole number m = c · 2^b, and the product has b fraction bits more, which a later
/// truncation takes away. b is as small as holds c exactly, where that is few; else m has 20 bits, so that
///
///     |error| ≤ 2^-20 · |x · c| + one unit     while |x| · 2^scale · 2^20 ≤ 2^62, |x| ≤ 2^26 with 16 fraction bits
///
/// Where a sum with others leaves no room for so many, b is what leaves it: |error| ≤ 2^-21 · |x| then, with 16 fraction bits. Of a
/// declared range the room is known, and m has up to 30 bits. Factors of quite different sizes in one tensor are multiplied and
/// truncated apart. A sum divided by the number of its terms is truncated by that number: exactly, whatever the sum.
extension Lowering {
    mutating func lowerPlainProduct(
        _ index: Int,
        _ operation: BilinearOperation,
        secret: Int,
        plain: Int,
        plainIsLeft: Bool
    ) {
        let shape = entry(index).shape
        let factor = PublicFactor(entry(plain), isReal: isReal(plain), fractionBits: fractionBits)
        if lowerMixed(index, operation, factor, secret: secret, plain: plain, plainIsLeft: plainIsLeft) { return }
        if case .multiply = operation, let terms = factor.reciprocalOfCount, bounds.isFine(index),
            bounds.isFine(secret),
            entry(secret).shape == shape
        {
            // Divided by a whole number as it is: no bit is given up for the factor.
            let wire = wire(secret)
            let gate = QuotientGate(shape: shape, divisor: terms, shift: 0)
            setShare(index, emit(.quotient(gate), [wire.slot], .share, shape), scale: wire.scale)
            return
        }
        var share = linearShare(secret, for: secret)
        var bits = factorBits(factor, of: share, into: index)
        if bits > 0, share.scale > target(secret), share.scale + bits > bounds.limit(index) {
            share = reducedShare(secret)
            bits = factorBits(factor, of: share, into: index)
        }
        if let terms = factor.reciprocalOfCount, terms == count(ofTermsIn: secret) {
            values[index].mean = Value.Mean(sum: secret, terms: terms)
        }
        if lacksRoom(factor, share, into: index) {
            // The sum is truncated first, by the number of its terms or to what leaves the factor its bits.
            if let mean = truncatedMean(index) {
                setShare(index, mean.slot, scale: mean.scale)
                return
            }
            bits = min(factor.significantFractionBits, Lowering.largestScale)
            let scale = max(0, bounds.limit(index) - bits)
            if scale < share.scale {
                share = Scaled(slot: truncatedShare(share, to: scale, slots[share.slot].shape), scale: scale)
            }
            bits = min(bits, bounds.limit(index) - scale)
        }
        if case .multiply = operation, let number = factor.uniform(scale: bits), entry(secret).shape == shape {
            // One number for all: a factor of the plan.
            let slot = number == 1 ? share.slot : linear(.combine(factors: [number]), .share, [share.slot], shape)
            setShare(index, slot, scale: share.scale + bits)
            return
        }
        let numbers = self.plain(plain, scale: bits)
        let slot = plainProduct(operation, share.slot, numbers, shape, plainIsLeft: plainIsLeft)
        setShare(index, slot, scale: share.scale + bits)
    }

    private mutating func plainProduct(
        _ operation: BilinearOperation,
        _ share: Int,
        _ numbers: Int,
        _ shape: Shape,
        plainIsLeft: Bool
    ) -> Int {
        let (left, right) = plainIsLeft ? (numbers, share) : (share, numbers)
        let gate = PlainProductGate(
            operation: operation,
            left: slots[left].shape,
            right: slots[right].shape,
            plainIsLeft: plainIsLeft
        )
        return emit(.plainProduct(gate), [left, right], .share, shape)
    }

    // MARK: Bits of a factor

    /// Fraction bits beyond which a product is below a unit of any encoding.
    private static let largestScale = 60

    private func factorBits(_ factor: PublicFactor, of share: Scaled, into index: Int) -> Int {
        guard isReal(index), let largest = factor.largestExponent else {
            // Of what is known at run time alone, beside a value of more bits as many as there is room for.
            guard isReal(index), factor.isRunTime, bounds.isFine(index) else { return factor.usualBits }
            return max(factor.usualBits, min(PublicFactor.mostSignificantBits, bounds.limit(index) + 10 - share.scale))
        }
        if let exact = factor.exactBits { return exact }
        // Factors that are so small that this cuts bits off make products below a unit.
        let significant = min(factor.significantFractionBits, Lowering.largestScale - share.scale)
        if bounds.bounds[index].isDeclared, bounds.bounds[index].exponent != nil {
            let most = min(PublicFactor.mostSignificantBits - 1 - largest, Lowering.largestScale - share.scale)
            return max(0, min(most, bounds.limit(index) - share.scale))
        }
        // Large factors have their significant bits before the point, and leave the product the room.
        let usual = factor.wantedBits(fractionBits: fractionBits)
        let wanted = max(significant, usual)
        let room = bounds.room(index) - share.scale
        if wanted <= room { return wanted }
        // What is truncated before anybody adds to it may have as many as it wants.
        return usual > room || !isAdded(index) ? max(significant, 0) : max(room, 0)
    }

    /// Whether the declared range of a product leaves its factor fewer bits than it should have.
    private func lacksRoom(_ factor: PublicFactor, _ share: Scaled, into index: Int) -> Bool {
        isReal(index) && factor.largestExponent != nil && factor.exactBits == nil && bounds.bounds[index].isDeclared
            && bounds.bounds[index].exponent != nil
            && bounds.limit(index) - share.scale
                < min(factor.significantFractionBits, Lowering.largestScale - share.scale)
    }

    /// Whether a value is added to others or summed up, as it is.
    private func isAdded(_ index: Int) -> Bool {
        consumers[index].contains { reader in
            switch entry(reader).operation {
            case .add, .subtract, .sum: true
            case .negate, .reshape, .permute, .slice, .broadcast, .concatenate, .take, .pad: isAdded(reader)
            default: false
            }
        }
    }

    // MARK: Means

    /// How many terms each element of a sum has.
    private func count(ofTermsIn index: Int) -> Int? {
        let entry = entry(index)
        switch entry.operation {
        case .reshape, .permute, .toReal, .declared: return count(ofTermsIn: entry.inputs[0])
        case .sum(let axes): return axes.reduce(1) { $0 * self.entry(entry.inputs[0]).shape[$1] }
        default: return nil
        }
    }

    /// A sum divided by the number of its terms and truncated, in one; nil where it is something else, or shares are there.
    ///
    /// The number of terms follows from shapes, which the dealer sees anyway; it must know what it truncates masks by.
    mutating func truncatedMean(_ index: Int) -> Scaled? {
        // A sum of whole numbers has no fraction bits, and a mean that is made of it so would have none.
        guard let mean = values[index].mean, values[index].wire == nil, naturalScale(mean.sum) > 0 else { return nil }
        let wire = wire(mean.sum)
        let scale = min(target(index), wire.scale)
        // sum · 2^-wire.scale / terms, in units of 2^-scale.
        guard wire.scale - scale <= 62 else { return nil }
        let shape = entry(index).shape
        let gate = QuotientGate(shape: slots[wire.slot].shape, divisor: mean.terms, shift: wire.scale - scale)
        let share = emit(.quotient(gate), [wire.slot], .share, slots[wire.slot].shape)
        return Scaled(
            slot: slots[wire.slot].shape == shape ? share : linear(.reshape(shape), .share, [share], shape),
            scale: scale
        )
    }

    // MARK: Factors of different sizes

    /// Products with constants of which some would lose their bits beside others: each part truncated by itself.
    ///
    /// - Returns: whether it is one.
    private mutating func lowerMixed(
        _ index: Int,
        _ operation: BilinearOperation,
        _ factor: PublicFactor,
        secret: Int,
        plain: Int,
        plainIsLeft: Bool
    ) -> Bool {
        guard isReal(index), factor.exactBits == nil, factor.largestExponent != nil else { return false }
        let shape = entry(index).shape
        if case .multiply = operation {
            guard let parts = factor.octaves(in: shape), entry(secret).shape == shape else { return false }
            multiply(index, secret, by: parts)
            return true
        }
        guard factor.isUneven(operation, isLeft: plainIsLeft), !factor.numbers.isEmpty else { return false }
        // What the first product's rounding leaves of each factor is a second one, of 20 bits again.
        let share = reducedShare(secret)
        let bits = factorBits(factor, of: share, into: index)
        let unit = Double(sign: .plus, exponent: bits, significand: 1)
        let rounded = factor.numbers.map { ($0 * unit).rounded() / unit }
        let rests = zip(factor.numbers, rounded).map { $0 - $1 }
        var parts: [Int] = []
        let finer = min(bits + PublicFactor.significantBits, Lowering.largestScale - share.scale)
        for (numbers, scale) in [(rounded, bits), (rests, finer)] where scale > bits || numbers == rounded {
            let words = FixedPoint.encodePublic(numbers, integers: nil, scale: scale, shape: factor.shape)
            let constant = constant(words, kind: .real, scale: scale)
            let product = plainProduct(operation, share.slot, constant, shape, plainIsLeft: plainIsLeft)
            parts.append(truncatedShare(Scaled(slot: product, scale: share.scale + scale), to: target(index), shape))
        }
        setShare(index, combine(parts, shape), scale: target(index))
        return true
    }

    /// Elements times factors, those of one octave together.
    private mutating func multiply(_ index: Int, _ secret: Int, by octaves: PublicFactor.Octaves) {
        let shape = entry(index).shape
        let share = reducedShare(secret)
        let flat =
            octaves.isFlat
            ? linear(.reshape(Shape([shape.count])), .share, [share.slot], Shape([shape.count])) : share.slot
        var (parts, order): ([Int], [Int]) = ([], [])
        for part in octaves.parts {
            let taken = octaves.shape.replacing(axis: octaves.axis, with: part.indices.count)
            let elements = linear(.take(axis: octaves.axis, indices: part.indices), .share, [flat], taken)
            let bits =
                part.exactBits
                ?? max(0, min(PublicFactor.significantBits - 1 - part.exponent, Lowering.largestScale - share.scale))
            let words = FixedPoint.encodePublic(
                part.numbers,
                integers: nil,
                scale: bits,
                shape: Shape((0..<taken.rank).map { $0 == octaves.axis ? part.indices.count : 1 })
            )
            let numbers = constant(words, kind: .real, scale: bits)
            let product = plainProduct(.multiply, elements, numbers, taken, plainIsLeft: false)
            parts.append(truncatedShare(Scaled(slot: product, scale: share.scale + bits), to: target(index), taken))
            order += part.indices
        }
        let joined = linear(.concatenate(axis: octaves.axis), .share, parts, octaves.shape)
        var back = order
        for (place, position) in order.enumerated() { back[position] = place }
        let sorted = linear(.take(axis: octaves.axis, indices: back), .share, [joined], octaves.shape)
        setShare(
            index,
            octaves.isFlat ? linear(.reshape(shape), .share, [sorted], shape) : sorted,
            scale: target(index)
        )
    }

    /// A share with fewer fraction bits, masked for it; or with as many, where it has no more.
    private mutating func truncatedShare(_ share: Scaled, to scale: Int, _ shape: Shape) -> Int {
        if share.scale <= scale { return raise(share, to: scale) }
        return truncated(mask(share, shape), to: scale)
    }
}
