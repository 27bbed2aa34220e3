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

    /// A comparison, as a bit of the one gate that compares its value with all its constants.
    mutating func lowerSign(_ index: Int) {
        // A ReLU of the same value may have it.
        if values[index].bits != nil { return }
        guard let comparison = signs.comparisons[index],
            let bit = comparisons(of: comparison.value).bits[comparison.threshold]
        else { preconditionFailure("every comparison has its group") }
        values[index].bits =
            comparison.threshold.isNext ? linearBits([bit], constant: true, entry(index).shape) : bit
    }

    /// x, but never below `low` or above `high`: `x·[low ≤ x < high] + low·[x < low] + high·[x ≥ high]`, exact on the encoded
    /// numbers.
    ///
    /// With b₀ = [x < low] and b₁ = [x < high] the first term is (b₁ − b₀)·x and the others are high + b₀·low − b₁·high: nothing is
    /// opened but the signs.
    mutating func lowerClamp(_ index: Int, low: Double, high: Double) {
        let input = entry(index).inputs[0]
        let shape = entry(index).shape
        let compared =
            SignGroups.isGrouped(index, value: input, bounds.targets)
            ? comparisons(of: input)
            : compare(
                inPlace(input, atMost: target(index)),
                with: [low, high].map { SignGroups.Threshold(number: $0) },
                shape,
                sharesHeld: false
            )
        guard let isBelow = compared.bits[SignGroups.Threshold(number: low)],
            let isInside = compared.bits[SignGroups.Threshold(number: high)]
        else {
            preconditionFailure("a clamp compares its operand with its bounds")
        }
        let place = compared.place
        // A bound between two numbers of few fraction bits is given with the session's.
        let scale = max(place.scale, min(fractionBits, target(index)))
        let factor = UInt64(1) << UInt64(scale - place.scale)
        let (least, most) = (
            FixedPoint.encodeConstant(low, scale: scale), FixedPoint.encodeConstant(high, scale: scale)
        )
        let gate = StepProductGate(
            shape: shape,
            form: place.form,
            bits: 2,
            steps: [StepGate.Output(constant: most, factors: [least, 0 &- most])],
            products: [StepGate.Output(constant: 0, factors: [0 &- factor, factor])]
        )
        let parts = emit(.stepProduct(gate), [isBelow, isInside, place.slot], outputs: 2, .share, shape)
        setShare(index, combine(parts, shape), scale: scale)
    }

    /// The bits of a value against all the constants that it is compared with, of one gate.
    private mutating func comparisons(of value: Int) -> Comparisons {
        if let made = compared[value] { return made }
        let made = compare(
            inPlace(value),
            with: signs.thresholds[value] ?? [],
            entry(value).shape,
            sharesHeld: signs.valuesWithBits.contains(value)
        )
        compared[value] = made
        return made
    }

    private mutating func compare(
        _ place: InPlace,
        with numbers: [SignGroups.Threshold],
        _ shape: Shape,
        sharesHeld: Bool
    ) -> Comparisons {
        var made = Comparisons(place: place)
        var thresholds: [UInt64] = []
        for number in numbers {
            let encoded = threshold(number, place)
            if !thresholds.contains(encoded) { thresholds.append(encoded) }
        }
        var bits: [UInt64: Int] = [:]
        for start in stride(from: 0, to: thresholds.count, by: GateLimits.list) {
            let some = Array(thresholds[start..<min(start + GateLimits.list, thresholds.count)])
            let gate = SignGate(shape: shape, form: place.form, thresholds: some, sharesHeld: sharesHeld)
            let outputs = emit(.sign(gate), [place.slot], outputs: some.count, .bits, shape)
            for (threshold, output) in zip(some, outputs) { bits[threshold] = output }
        }
        for number in numbers { made.bits[number] = bits[threshold(number, place)] }
        return made
    }

    /// A threshold at a value's scale: to the nearest with the session's fraction bits, as values are; below them values
    /// are exact, and v < t where v is less than the next number of that scale.
    ///
    /// One that no truncation reaches is as large as the bits that are compared leave room for.
    func threshold(_ threshold: SignGroups.Threshold, _ place: InPlace) -> UInt64 {
        let unit = Double(sign: .plus, exponent: place.scale, significand: 1)
        let (number, next): (Double, UInt64) = (threshold.number, threshold.isNext ? 1 : 0)
        let encoded =
            next
            &+ (place.scale >= fractionBits
                ? FixedPoint.encodeConstant(number, scale: place.scale)
                : FixedPoint.encodeConstant((number * unit).rounded(threshold.isNext ? .down : .up), scale: 0))
        if place.form.shift == 0 { return encoded }
        let most = Int64(1) << Int64(62 - place.form.shift)
        return UInt64(bitPattern: min(max(Int64(bitPattern: encoded), 1 - most), most))
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
        let compared = comparison.flatMap { signs.comparisons[$0]?.value }
        let isAlone = compared.map { signs.thresholds[$0]?.count == 1 && self.compared[$0] == nil } ?? true
        if place.form.shift > 0, isAlone {
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
