import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// One lowering for each primitive.
extension Lowering {
    mutating func lower(_ index: Int) throws {
        let entry = entry(index)
        switch entry.operation {
        case .input(let owner, let number):
            let scale = bounds.inputScale(index)
            guard entry.kind != .bit else {
                throw CrypTenError(.invalidArgument, "a secret input holds numbers; compare it to get bits")
            }
            let value = bind(.input(owner: owner, index: number), entry, scale, .plain)
            let slot = emit(
                .input(InputGate(owner: owner.index, shape: entry.shape)),
                [value],
                .wire(sharesHeld: true, owner: owner.index),
                entry.shape
            )
            values[index].wire = Scaled(slot: slot, scale: scale)
        case .kept(let number):
            lowerKept(index, number)
        case .keptRows:
            preconditionFailure("a graph reads a kept value, and its sources say which rows of it")
        case .random(let distribution, let source, _, _):
            try lowerRandom(index, distribution, drawnBy: source)
        case .constant, .publicInput:
            break

        case .reshape, .permute, .slice, .broadcast, .concatenate, .take:
            lowerMove(index)
        case .pad(let before, let after):
            let pad = LinearOperation.pad(before: before, after: after)
            if entry.kind == .bit {
                values[index].bits = linear(pad, .bits, [bits(entry.inputs[0])], entry.shape)
            } else {
                lowerLinear(index, pad)
            }
        case .sum(let axes):
            lowerLinear(index, .sum(axes: axes))
        case .gather(let axis):
            let (table, indices) = (entry.inputs[0], entry.inputs[1])
            guard entry.kind != .bit else {
                throw CrypTenError(.invalidArgument, "gather reads numbers; make the bits integers first")
            }
            let share = share(table)
            let gate = GatherGate(axis: axis, table: self.entry(table).shape, indices: self.entry(indices).shape)
            let slot = emit(.gather(gate), [share.slot, plain(indices, scale: 0)], .share, entry.shape)
            values[index].sum = Sum(addends: [slot], scale: share.scale)
            values[index].share = Scaled(slot: slot, scale: share.scale)
        case .shuffle(let part, let number):
            lowerShuffle(index, part: part, number: number)

        case .add:
            lowerSum(index, factors: [1, 1])
        case .subtract:
            lowerSum(index, factors: [1, .max])
        case .negate:
            lowerSum(index, factors: [.max])
        case .toReal, .declared, .stopGradient, .known:
            values[index] = values[entry.inputs[0]]
        case .notBefore:
            lowerNotBefore(index)
        case .floor:
            lowerFloor(index)
        case .bilinear(let operation):
            lowerProduct(index, operation)

        case .isNegative, .isPositive:
            lowerSign(index)
        case .isZero:
            let wire = wire(entry.inputs[0])
            values[index].bits = emit(.isZero(IsZeroGate(shape: entry.shape)), [wire.slot], .bits, entry.shape)
        case .and:
            values[index].bits = conjunction(entry.inputs.map { bits($0) }, entry.shape)
        case .xor:
            values[index].bits = linearBits(entry.inputs.map { bits($0) }, constant: false, entry.shape)
        case .not:
            values[index].bits = linearBits([bits(entry.inputs[0])], constant: true, entry.shape)
        case .select:
            lowerSelect(index)
        case .bitToInteger:
            let gate = BitToArithmeticGate(shape: entry.shape)
            setShare(index, emit(.bitToArithmetic(gate), [bits(entry.inputs[0])], .share, entry.shape), scale: 0)

        case .relu:
            lowerReLU(index)
        case .maximum(let axis):
            lowerMaximum(index, axis: axis)
        case .argmax(let axis):
            lowerArgmax(index, axis: axis)
        case .winners(let axis):
            lowerWinners(index, axis: axis)
        case .polynomial(let coefficients):
            try lowerPolynomial(index, coefficients)
        case .clamp(let low, let high):
            lowerClamp(index, low: low, high: high)
        case .smooth(let function):
            lowerSmooth(index, function)
        case .sine:
            lowerSine(index, TrigonometricSeries(period: 2 * Double.pi, constant: 0, cosines: [0], sines: [1]))
        case .cosine:
            lowerSine(index, TrigonometricSeries(period: 2 * Double.pi, constant: 0, cosines: [1], sines: [0]))

        case .exponential:
            lowerExponential(index)
        case .logarithm(let range):
            lowerLogarithm(index, range)
        case .reciprocal(let range):
            lowerReciprocal(index, range)
        case .divide(let range):
            lowerDivide(index, range)
        case .squareRoot(let range):
            lowerSquareRoot(index, range)
        case .inverseSquareRoot(let range):
            lowerInverseSquareRoot(index, range)
        case .divideByRoot(let range, let count):
            lowerDivideByRoot(index, range, count: count)
        case .normalizedExponential(let axis):
            lowerNormalizedExponential(index, axis: axis)
        case .logarithmOfExponentials(let axis):
            lowerLogarithmOfExponentials(index, axis: axis)
        }
    }

    /// Sets a value that a gate yields as a share.
    mutating func setShare(_ index: Int, _ slot: Int, scale: Int) {
        values[index].share = Scaled(slot: slot, scale: scale)
        values[index].sum = Sum(addends: [slot], scale: scale)
    }

    // MARK: Sources

    private mutating func lowerKept(_ index: Int, _ number: Int) {
        // The form and scale of a kept value are properties of the value: the planner is told them.
        let entry = entry(index)
        let (form, scale) = (kept[number].form, kept[number].scale)
        switch form {
        case .share:
            setShare(index, bind(.kept(index: number, form: form), entry, scale, .share), scale: scale)
        case .wire(let owner):
            let slot = bind(.kept(index: number, form: form), entry, scale, .wire(sharesHeld: true, owner: owner))
            values[index].wire = Scaled(slot: slot, scale: scale)
        case .bits:
            values[index].bits = bind(.kept(index: number, form: form), entry, 0, .bits)
        }
    }

    // MARK: Linear

    private mutating func lowerMove(_ index: Int) {
        let entry = entry(index)
        guard let move = linearMove(index) else { preconditionFailure("\(entry.operation.name) moves elements") }
        if entry.kind == .bit {
            let operands = entry.inputs.map { bits($0) }
            values[index].bits = linear(move, .bits, operands, entry.shape)
            return
        }
        // A value that is masked already is moved as it is; otherwise a share, when one is asked for, is moved.
        let inputs = entry.inputs
        let wires = inputs.map { values[$0].wire ?? values[$0].reducedWire }
        if wires.allSatisfy({ $0 != nil }), Set(wires.compactMap(\.?.scale)).count == 1, let scale = wires[0]?.scale {
            let slot = linear(move, .wire, wires.compactMap(\.?.slot), entry.shape)
            values[index].wire = Scaled(slot: slot, scale: scale)
            return
        }
        if readsMoved(index) {
            // Left to `wire(_:)`, which masks the elements before they are moved; the scale must be known.
            values[index].waitingMove = inputs.map { naturalScale($0) }.max() ?? 0
            return
        }
        lowerLinear(index, move)
    }

    /// Whether all readers, through further moves, are gates that read wires.
    private func readsMoved(_ index: Int) -> Bool {
        if graph.outputs.contains(where: { $0.entry == index }) { return false }
        guard !consumers[index].isEmpty, entry(index).inputs.allSatisfy({ entry($0).isSecret }) else { return false }
        guard Set(entry(index).inputs.map { naturalScale($0) }).count == 1 else { return false }
        return consumers[index].allSatisfy { reader in
            switch entry(reader).operation {
            case .maximum, .argmax, .winners, .relu, .isNegative, .isPositive, .isZero, .clamp, .smooth: true
            case .reshape, .permute, .slice, .concatenate, .take: readsMoved(reader)
            case .subtract: isDifferenceOfMoved(reader)
            default: false
            }
        }
    }

    /// Whether a difference is compared with zero, and nothing else, and both operands are wires or moves of elements that repeat them: then
    /// these are masked before they are repeated, and the difference is a wire without an opening.
    private func isDifferenceOfMoved(_ index: Int) -> Bool {
        guard !graph.outputs.contains(where: { $0.entry == index }), !consumers[index].isEmpty else { return false }
        let areCompared = consumers[index].allSatisfy { reader in
            switch entry(reader).operation {
            case .isNegative, .isPositive, .isZero: true
            default: false
            }
        }
        return areCompared
            && entry(index).inputs.allSatisfy { operand in
                entry(operand).isSecret
                    && (isMasked(operand) || rootCount(operand) < entry(operand).shape.count)
            }
    }

    /// Whether an entry is a wire, or moves elements of wires.
    private func isMasked(_ index: Int) -> Bool {
        if values[index].wire != nil || values[index].reducedWire != nil { return true }
        switch entry(index).operation {
        case .input: return true
        case .kept(let number): if case .wire = kept[number].form { return true } else { return false }
        default:
            return linearMove(index) != nil && entry(index).inputs.allSatisfy { entry($0).isSecret && isMasked($0) }
        }
    }

    // MARK: Order

    /// A value, in a step that comes after what another value is made of.
    private mutating func lowerNotBefore(_ index: Int) {
        let (value, signal) = (entry(index).inputs[0], entry(index).inputs[1])
        let awaited = Array(Set(made(signal))).sorted()
        // One form waits for the others: the wire that products read, as it is kept.
        if let wire = values[value].reducedWire ?? values[value].wire {
            values[index].wire = Scaled(slot: later(wire.slot, .wire, awaited), scale: wire.scale)
        } else {
            let share = share(value)
            setShare(index, later(share.slot, .share, awaited), scale: share.scale)
        }
    }

    /// The same value, which is had after others.
    private mutating func later(_ slot: Int, _ form: LinearGate.Form, _ awaited: [Int]) -> Int {
        let shape = slots[slot].shape
        let moved = linear(.reshape(shape), form, [slot], shape)
        steps[steps.count - 1].after = awaited
        return moved
    }

    /// What there is of a value so far: slots of one of its forms, or of what it will be made of.
    private func made(_ index: Int) -> [Int] {
        let value = values[index]
        if let form = value.reducedWire ?? value.wire ?? value.reducedShare ?? value.share { return [form.slot] }
        if let sum = value.sum { return sum.products.flatMap { [$0.left, $0.right] } + sum.addends }
        if let bits = value.bits { return [bits] }
        return entry(index).inputs.flatMap { entry($0).isSecret ? made($0) : [] }
    }

    /// A linear operation on shares, of one scale.
    mutating func lowerLinear(_ index: Int, _ operation: LinearOperation) {
        let entry = entry(index)
        var shares = entry.inputs.map { input -> Scaled in
            self.entry(input).isSecret ? linearShare(input, for: index) : Scaled(slot: -1, scale: 0)
        }
        let secretScales = zip(entry.inputs, shares).filter { self.entry($0.0).isSecret }.map(\.1.scale)
        // Public reals keep the session's fraction bits.
        let least = isReal(index) && entry.inputs.contains { !self.entry($0).isSecret } ? fractionBits : 0
        let scale = max(secretScales.max() ?? 0, least)
        for (position, input) in entry.inputs.enumerated() {
            shares[position] =
                self.entry(input).isSecret
                ? Scaled(slot: raise(shares[position], to: scale), scale: scale)
                : Scaled(
                    slot: promotedPlain(plain(input, scale: scale), negated: false, self.entry(input).shape),
                    scale: scale
                )
        }
        setShare(index, linear(operation, .share, shares.map(\.slot), entry.shape), scale: scale)
    }

    /// A share with more fraction bits.
    mutating func raise(_ share: Scaled, to scale: Int) -> Int {
        if share.scale == scale { return share.slot }
        let factor = UInt64(1) << UInt64(scale - share.scale)
        return linear(.combine(factors: [factor]), .share, [share.slot], slots[share.slot].shape)
    }

    /// Sums stay open: products of operands that nobody else reads move up into the sum.
    private mutating func lowerSum(_ index: Int, factors: [UInt64]) {
        let entry = entry(index)
        if let wire = keptWire(under: index, factors: factors) {
            values[index].wire = wire
            return
        }
        for input in entry.inputs where values[input].waitingMove != nil && isDifferenceOfMoved(index) {
            _ = wireReadOften(input)
        }
        var open = Sum(scale: 0)
        var parts: [(factor: UInt64, share: Scaled)] = []
        var publicParts: [(factor: UInt64, entry: Int)] = []
        for (input, factor) in zip(entry.inputs, factors) {
            guard self.entry(input).isSecret else {
                publicParts.append((factor, input))
                continue
            }
            if let sum = values[input].sum, !sum.products.isEmpty, values[input].share == nil,
                values[input].wire == nil, !isReal(index) || sum.scale <= bounds.limit(index),
                consumers[input].count == 1, open.products.isEmpty || open.scale == sum.scale
            {
                open.products += factor == 1 ? sum.products : sum.products.map { negated($0) }
                open.scale = sum.scale
                parts += sum.addends.map { (factor, Scaled(slot: $0, scale: sum.scale)) }
            } else {
                parts.append((factor, linearShare(input, for: index)))
            }
        }
        let least = isReal(index) && !publicParts.isEmpty ? fractionBits : 0
        let scale = max(parts.map(\.share.scale).max() ?? 0, open.products.isEmpty ? 0 : open.scale, least)
        if !open.products.isEmpty, scale > open.scale {
            // Products can't be raised before they are computed.
            let products = materialiseProducts(open, entry.shape)
            parts.append((1, Scaled(slot: products, scale: open.scale)))
            open.products = []
        }
        open.scale = scale
        if open.products.isEmpty, parts.count == 1, publicParts.isEmpty, parts[0].factor == 1 {
            setShare(index, raise(parts[0].share, to: scale), scale: scale)
            return
        }
        open.addends = parts.isEmpty ? [] : [combined(parts, scale: scale, entry.shape)]
        for (factor, input) in publicParts { addPlain(&open, input, negated: factor == .max, entry.shape) }
        values[index].sum = open
        if open.products.isEmpty { values[index].share = Scaled(slot: open.addends[0], scale: scale) }
        // A sum of wires is a wire: without products nothing has to be opened for it.
        sumOfWires(index, factors: factors, publicParts: publicParts, scale: scale)
    }

    /// Where a function of any magnitude reads what is kept with more fraction bits and a public number that is added to it: the wire of the
    /// kept value and the number. So it is masked once, and kept masked: the next run needn't mask it.
    private mutating func keptWire(under index: Int, factors: [UInt64]) -> Scaled? {
        let inputs = entry(index).inputs
        guard isReal(index), feedsMagnitude[index], factors == [1, 1],
            let secret = inputs.first(where: { entry($0).isSecret }),
            let number = inputs.first(where: { !entry($0).isSecret })
        else { return nil }
        let bits = graph.outputs.lazy.compactMap { output -> Int? in
            guard output.entry == secret, case .keepFine(let bits) = output.destination else { return nil }
            return bits
        }.max()
        guard let bits else { return nil }
        let wire = naturalScale(secret) <= bits ? wire(secret) : reducedWire(secret)
        let plain = plain(number, scale: wire.scale)
        let gate = AddPlainGate(form: .wire)
        return Scaled(
            slot: emit(.addPlain(gate), [wire.slot, plain], slots[wire.slot].form, entry(index).shape),
            scale: wire.scale
        )
    }

    /// Minus a product: its smaller operand is negated.
    private mutating func negated(_ product: Sum.Product) -> Sum.Product {
        var product = product
        let left = slots[product.left].shape
        let right = slots[product.right].shape
        if left.count <= right.count {
            product.left = linear(.combine(factors: [.max]), .wire, [product.left], left)
        } else {
            product.right = linear(.combine(factors: [.max]), .wire, [product.right], right)
        }
        return product
    }

    private mutating func materialiseProducts(_ sum: Sum, _ shape: Shape) -> Int {
        combine(sum.products.map { dealt($0, shape) }, shape)
    }

    private mutating func combined(_ parts: [(factor: UInt64, share: Scaled)], scale: Int, _ shape: Shape) -> Int {
        let factors = parts.map { $0.factor &* (1 << UInt64(scale - $0.share.scale)) }
        if factors == [1] { return parts[0].share.slot }
        return linear(.combine(factors: factors), .share, parts.map(\.share.slot), shape)
    }

    private mutating func addPlain(_ sum: inout Sum, _ index: Int, negated: Bool, _ shape: Shape) {
        let value = plain(index, scale: sum.scale)
        if sum.addends.isEmpty {
            sum.addends = [promotedPlain(value, negated: negated, shape)]
        } else if negated {
            sum.addends = [combine([sum.addends[0], promotedPlain(value, negated: true, shape)], shape)]
        } else {
            sum.addends = [emit(.addPlain(AddPlainGate(form: .share)), [sum.addends[0], value], .share, shape)]
        }
    }

    /// Plain numbers as a share, or minus them: at party 0, zeros elsewhere.
    private mutating func promotedPlain(_ value: Int, negated: Bool, _ shape: Shape) -> Int {
        let wire = emit(
            .promote(PromoteGate(shape: shape, asBits: false)),
            [value],
            .wire(sharesHeld: true, owner: nil),
            shape
        )
        let share = unmask(wire)
        return negated ? linear(.combine(factors: [.max]), .share, [share], shape) : share
    }

    /// Where every operand is masked already, so is the sum, under the sum of the masks.
    private mutating func sumOfWires(
        _ index: Int,
        factors: [UInt64],
        publicParts: [(factor: UInt64, entry: Int)],
        scale: Int
    ) {
        let entry = entry(index)
        var wires: [Scaled] = []
        var weights: [UInt64] = []
        for (input, factor) in zip(entry.inputs, factors) where self.entry(input).isSecret {
            guard let wire = values[input].wire ?? values[input].reducedWire, wire.scale <= scale,
                scale <= bounds.limit(index) || !isReal(index), sharesHeld(wire.slot)
            else { return }
            wires.append(wire)
            weights.append(factor &* (1 << UInt64(scale - wire.scale)))
        }
        var slot =
            weights == [1] ? wires[0].slot : linear(.combine(factors: weights), .wire, wires.map(\.slot), entry.shape)
        for (factor, input) in publicParts {
            let value = plain(input, scale: scale)
            if factor == 1 {
                slot = emit(.addPlain(AddPlainGate(form: .wire)), [slot, value], slots[slot].form, entry.shape)
            } else {
                let promoted = emit(
                    .promote(PromoteGate(shape: entry.shape, asBits: false)),
                    [value],
                    .wire(sharesHeld: true, owner: nil),
                    entry.shape
                )
                slot = linear(.combine(factors: [1, .max]), .wire, [slot, promoted], entry.shape)
            }
        }
        values[index].wire = Scaled(slot: slot, scale: scale)
    }
}
