import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Comparisons, bits, and bits times values.
extension Lowering {
    /// The masked bits of an entry.
    mutating func bits(_ index: Int) -> Int {
        if let bits = values[index].bits { return bits }
        let entry = entry(index)
        precondition(!entry.isSecret, "secret bits are lowered in order")
        let made = emit(
            .promote(PromoteGate(shape: entry.shape, asBits: true)),
            [plain(index, scale: 0)],
            .bits,
            entry.shape
        )
        values[index].bits = made
        return made
    }

    /// The sign of a value against all the constants that it is compared with, in one gate.
    mutating func lowerSign(_ index: Int) {
        if values[index].bits != nil { return }
        guard let base = signs.value[index], let members = signs.groups[base] else {
            preconditionFailure("every comparison has its group")
        }
        let place = inPlace(base)
        let shape = entry(base).shape
        var thresholds: [UInt64] = []
        for member in members {
            let encoded = threshold(member, scale: place.scale)
            if !thresholds.contains(encoded) { thresholds.append(encoded) }
        }
        let gate = SignGate(shape: shape, form: place.form, thresholds: thresholds, equality: false)
        let made = emit(.sign(gate), [place.slot], outputs: thresholds.count, .bits, shape)
        for member in members {
            guard let position = thresholds.firstIndex(of: threshold(member, scale: place.scale)) else { continue }
            values[member.entry].bits =
                member.isAbove ? linearBits([made[position]], constant: true, shape) : made[position]
        }
    }

    /// The number below which a value is, or isn't, at the value's scale: to the nearest with the session's fraction bits, as values
    /// are; below them values are exact, and v < t where v is less than the next number of that scale.
    private func threshold(_ member: SignGroups.Member, scale: Int) -> UInt64 {
        let next: UInt64 = member.isAbove ? 1 : 0
        if scale >= fractionBits { return FixedPoint.encodeConstant(member.threshold, scale: scale) &+ next }
        let scaled = member.threshold * Double(sign: .plus, exponent: scale, significand: 1)
        return FixedPoint.encodeConstant(scaled.rounded(member.isAbove ? .down : .up), scale: 0) &+ next
    }

    /// XOR and NOT: nothing is opened.
    mutating func linearBits(_ operands: [Int], constant: Bool, _ shape: Shape) -> Int {
        let form = BooleanForm(constant: constant, products: operands.indices.map { [$0] })
        return emit(
            .linearBits(LinearBitsGate(outputs: [form], inputs: operands.count, shape: shape)),
            operands,
            .bits,
            shape
        )
    }

    /// The AND of any number of bits, four at a time.
    mutating func conjunction(_ operands: [Int], _ shape: Shape) -> Int {
        var level = operands
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 4).map { start in
                let group = Array(level[start..<min(start + 4, level.count)])
                if group.count == 1 { return group[0] }
                let all = BooleanForm(constant: false, products: [Array(0..<group.count)])
                return emit(
                    .boolean(BooleanGate(outputs: [all], inputs: group.count, shape: shape)),
                    group,
                    .bits,
                    shape
                )
            }
        }
        return level[0]
    }

    /// b·x
    mutating func lowerSelect(_ index: Int) {
        let entry = entry(index)
        let (bit, value) = (entry.inputs[0], entry.inputs[1])
        if !self.entry(bit).isSecret {
            // A public bit is a public factor.
            let gate = PlainProductGate(operation: .multiply, left: entry.shape, right: entry.shape, plainIsLeft: true)
            let share = share(value)
            setShare(
                index,
                emit(.plainProduct(gate), [plain(bit, scale: 0), share.slot], .share, entry.shape),
                scale: share.scale
            )
        } else if !self.entry(value).isSecret {
            let scale = self.entry(value).kind == .real ? fractionBits : 0
            let share = emit(
                .bitToArithmetic(BitToArithmeticGate(shape: entry.shape)),
                [bits(bit)],
                .share,
                entry.shape
            )
            let gate = PlainProductGate(operation: .multiply, left: entry.shape, right: entry.shape, plainIsLeft: false)
            setShare(
                index,
                emit(.plainProduct(gate), [share, plain(value, scale: scale)], .share, entry.shape),
                scale: scale
            )
        } else {
            let place = inPlace(value)
            let gate = SelectGate(shape: entry.shape, form: place.form)
            setShare(index, emit(.select(gate), [bits(bit), place.slot], .share, entry.shape), scale: place.scale)
        }
    }

    /// ReLU: of a value that is to be truncated anyway, out of one opening; else a sign and a select.
    ///
    /// Where the bits of `isPositive` are asked for, as a gradient does, they are the same bits.
    mutating func lowerReLU(_ index: Int) {
        let input = entry(index).inputs[0]
        let shape = entry(index).shape
        let place = inPlace(input)
        let comparison = consumers[input].first { reader in
            if case .isPositive = entry(reader).operation { true } else { false }
        }
        let isAlone = comparison.flatMap { signs.value[$0] }.flatMap { signs.groups[$0] }?.count == 1
        if place.form.shift > 0, comparison == nil || isAlone && values[comparison!].bits == nil {
            guard let wire = values[input].wire else { preconditionFailure("a truncation in place has its wire") }
            let gate = TruncatedReLUGate(
                shape: shape,
                sharesHeld: sharesHeld(wire.slot),
                shift: place.form.shift,
                yieldsBits: comparison != nil
            )
            let share = slot(.share, shape)
            var outputs = [share]
            if let comparison {
                let bits = slot(.bits, shape)
                values[comparison].bits = bits
                outputs.append(bits)
            }
            steps.append(PlanStep(gate: .truncatedReLU(gate), inputs: [wire.slot], outputs: outputs, layer: layer))
            setShare(index, share, scale: place.scale)
        } else if let comparison {
            lowerSign(comparison)
            let select = SelectGate(shape: shape, form: place.form)
            setShare(
                index,
                emit(.select(select), [bits(comparison), place.slot], .share, shape),
                scale: place.scale
            )
        } else {
            let sign = SignGate(shape: shape, form: place.form, sharesHeld: false)
            let negative = emit(.sign(sign), [place.slot], .bits, shape)
            let positive = linearBits([negative], constant: true, shape)
            let select = SelectGate(shape: shape, form: place.form)
            setShare(index, emit(.select(select), [positive, place.slot], .share, shape), scale: place.scale)
        }
    }
}
