import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// The forms of a value, each made when it is first asked for.
extension Lowering {
    /// Charges what is emitted next to the layer that a value belongs to, not to the one that reads it.
    ///
    /// - Returns: the layer to go back to.
    private mutating func enterLayer(of index: Int) -> String? {
        let reader = layer
        layer = entry(index).layer ?? reader
        return reader
    }

    // MARK: Plain operands

    /// A public entry as numbers of the given scale.
    mutating func plain(_ index: Int, scale: Int) -> Int {
        let entry = entry(index)
        switch entry.operation {
        case .constant(let tensor):
            let words = FixedPoint.encodePublic(
                tensor.doubles,
                integers: tensor.integers,
                scale: scale,
                shape: tensor.shape
            )
            return constant(words, kind: entry.kind, scale: scale)
        case .publicInput(let number):
            return bind(.plain(index: number), entry, scale, .plain)
        default:
            preconditionFailure("public entries are constants or public inputs")
        }
    }

    /// Numbers that the lowering itself brings in, as a constant of the plan.
    mutating func constant(_ words: RingTensor, kind: ElementKind, scale: Int) -> Int {
        constants.append(words)
        let slot = slot(.plain, words.shape)
        bindings.append(
            PlanBinding(
                slot: slot,
                source: .constant(index: constants.count - 1),
                shape: words.shape,
                kind: kind,
                scale: scale
            )
        )
        return slot
    }

    /// As few fraction bits as hold all numbers exactly, and at most `most`.
    func exactFractionBits(_ numbers: [Double], atMost most: Int) -> Int {
        (0..<most).first { bits in
            let unit = Double(sign: .plus, exponent: bits, significand: 1)
            return numbers.allSatisfy { ($0 * unit).rounded() == $0 * unit }
        } ?? most
    }

    mutating func bind(_ source: PlanBinding.Source, _ entry: Graph.Entry, _ scale: Int, _ form: Slot.Form) -> Int {
        let slot = slot(form, entry.shape)
        bindings.append(PlanBinding(slot: slot, source: source, shape: entry.shape, kind: entry.kind, scale: scale))
        return slot
    }

    // MARK: Shares

    /// A share, at whatever scale is cheapest.
    mutating func share(_ index: Int) -> Scaled {
        let reader = enterLayer(of: index)
        defer { layer = reader }
        if let share = values[index].share { return share }
        if values[index].waitingMove != nil, let move = linearMove(index) {
            values[index].waitingMove = nil
            lowerLinear(index, move)
            return share(index)
        }
        if let wire = values[index].wire ?? values[index].reducedWire {
            let made: Scaled
            if sharesHeld(wire.slot) {
                made = Scaled(slot: unmask(wire.slot), scale: wire.scale)
            } else {
                return reducedShare(index)
            }
            values[index].share = made
            return made
        }
        guard let sum = values[index].sum else { preconditionFailure("entry \(index) has no arithmetic form") }
        if !sum.products.isEmpty, sum.scale > target(index), !feedsMagnitude[index],
            consumers[index].count > 1 || !readersSum(index)
        {
            return reducedShare(index)
        }
        let made = Scaled(slot: materialise(sum, entry(index).shape), scale: sum.scale)
        values[index].share = made
        return made
    }

    /// A share that is added, summed or multiplied by whole numbers: one whose scale leaves room for that.
    ///
    /// - Parameter reader: What is made of it.
    mutating func linearShare(_ index: Int, for reader: Int) -> Scaled {
        let share = share(index)
        return isReal(index) && share.scale > min(bounds.limit(index), bounds.limit(reader))
            ? reducedShare(index) : share
    }

    /// Whether the only reader adds up elements, so that the products are better summed before they are opened.
    private func readersSum(_ index: Int) -> Bool {
        guard consumers[index].count == 1, case .sum = entry(consumers[index][0]).operation else { return false }
        return true
    }

    /// A share of at most the value's target of fraction bits.
    mutating func reducedShare(_ index: Int) -> Scaled {
        let reader = enterLayer(of: index)
        defer { layer = reader }
        if let share = values[index].reducedShare { return share }
        let made: Scaled
        if let share = values[index].share, share.scale <= target(index) || !isReal(index) {
            made = share
        } else if let wire = values[index].reducedWire {
            made = Scaled(slot: unmask(wire.slot), scale: wire.scale)
        } else if let mean = truncatedMean(index) {
            made = mean
        } else {
            let wire = wire(index)
            if wire.scale <= target(index) || !isReal(index) {
                made = Scaled(slot: unmask(wire.slot), scale: wire.scale)
            } else {
                let shape = entry(index).shape
                let gate = TruncateGate(shape: shape, form: form(wire.slot), shift: wire.scale - target(index))
                made = Scaled(slot: emit(.truncate(gate), [wire.slot], .share, shape), scale: target(index))
            }
        }
        values[index].reducedShare = made
        return made
    }

    /// A sum as one share: its products dealt, its addends added.
    private mutating func materialise(_ sum: Sum, _ shape: Shape) -> Int {
        combine(sum.products.map { dealt($0, shape) } + sum.addends, shape)
    }

    /// A product as a share, its correction dealt.
    mutating func dealt(_ product: Sum.Product, _ shape: Shape) -> Int {
        let gate = BilinearGate(
            operation: product.operation,
            left: slots[product.left].shape,
            right: slots[product.right].shape,
            leftZeroExcept: owner(product.left),
            rightZeroExcept: owner(product.right)
        )
        return emit(.bilinear(gate), [product.left, product.right], .share, shape)
    }

    /// The sum of shares of one shape.
    mutating func combine(_ shares: [Int], _ shape: Shape) -> Int {
        if shares.count == 1 { return shares[0] }
        return linear(.combine(factors: Array(repeating: 1, count: shares.count)), .share, shares, shape)
    }

    // MARK: Wires

    /// A masked wire at the value's own scale.
    ///
    /// A sum with products is opened as it is, the correction of its products absorbed; nobody then holds shares of its
    /// mask, which the gates that read such a wire don't need.
    mutating func wire(_ index: Int) -> Scaled {
        let reader = enterLayer(of: index)
        defer { layer = reader }
        if let wire = values[index].wire { return wire }
        let shape = entry(index).shape
        let made: Scaled
        if let moved = movedWire(index) {
            values[index].waitingMove = nil
            made = moved
        } else if values[index].share == nil, let sum = values[index].sum, !sum.products.isEmpty, absorbs(index, sum) {
            let gate = AbsorbedGate(
                products: sum.products.map {
                    AbsorbedProduct(
                        operation: $0.operation,
                        left: slots[$0.left].shape,
                        right: slots[$0.right].shape,
                        leftZeroExcept: owner($0.left),
                        rightZeroExcept: owner($0.right)
                    )
                },
                addends: sum.addends.count,
                shape: shape
            )
            let operands = sum.products.flatMap { [$0.left, $0.right] } + sum.addends
            let slot = emit(.absorbed(gate), operands, .wire(sharesHeld: false, owner: nil), shape)
            made = Scaled(slot: slot, scale: sum.scale)
        } else {
            let share: Scaled
            if let sum = values[index].sum, values[index].share == nil {
                share = Scaled(slot: materialise(sum, shape), scale: sum.scale)
                values[index].share = share
            } else {
                share = self.share(index)
            }
            made = mask(share, shape)
        }
        values[index].wire = made
        return made
    }

    /// Whether a sum may be opened under a mask that nobody holds shares of: a share of it can still be had by
    /// truncation, or else is not asked for.
    private func absorbs(_ index: Int, _ sum: Sum) -> Bool {
        // Functions of any magnitude read it as it is, and need shares of its mask.
        if isReal(index), feedsMagnitude[index] { return false }
        if isReal(index), sum.scale > target(index) { return true }
        return consumers[index].allSatisfy { reader in
            switch entry(reader).operation {
            case .isNegative, .isPositive, .isZero, .relu, .clamp, .smooth: true
            case .select: entry(entry(reader).inputs[0]).isSecret
            default: false
            }
        } && !graph.outputs.contains { $0.entry == index }
    }

    /// A masked wire of at most the value's target of fraction bits, whose mask the parties hold shares of.
    mutating func reducedWire(_ index: Int) -> Scaled {
        let reader = enterLayer(of: index)
        defer { layer = reader }
        if let wire = values[index].reducedWire { return wire }
        if let wire = values[index].wire, wire.scale <= target(index) || !isReal(index), sharesHeld(wire.slot) {
            return wire
        }
        let natural = naturalScale(index)
        if natural <= target(index) || !isReal(index), values[index].reducedShare == nil {
            let wire = wire(index)
            if sharesHeld(wire.slot) { return wire }
        }
        let made: Scaled
        if let share = values[index].reducedShare {
            made = mask(share, entry(index).shape)
        } else if let moved = movedReducedWire(index) {
            made = moved
        } else {
            made = mask(reducedShare(index), entry(index).shape)
        }
        values[index].reducedWire = made
        return made
    }

    /// A wire for a gate that reads truncations in place: `(slot, form, scale)` with at most the value's target.
    mutating func inPlace(_ index: Int) -> InPlace {
        if let reduced = values[index].reducedWire { return (reduced.slot, form(reduced.slot), reduced.scale) }
        let wire = wire(index)
        let target = target(index)
        guard wire.scale > target, isReal(index) else { return (wire.slot, form(wire.slot), wire.scale) }
        let slot = values[index].inPlace ?? truncatedInPlace(wire, to: target)
        values[index].inPlace = slot
        return (slot, WireForm(sharesHeld: false, shift: wire.scale - target), target)
    }

    /// The same, with at most so many fraction bits.
    mutating func inPlace(_ index: Int, atMost scale: Int) -> InPlace {
        let wire = values[index].reducedWire ?? wire(index)
        guard wire.scale > scale else { return (wire.slot, form(wire.slot), wire.scale) }
        return (truncatedInPlace(wire, to: scale), WireForm(sharesHeld: false, shift: wire.scale - scale), scale)
    }

    /// A truncation of a wire that elementwise gates read in place.
    mutating func truncatedInPlace(_ wire: Scaled, to scale: Int) -> Int {
        let shape = slots[wire.slot].shape
        let gate = TruncateInPlaceGate(shape: shape, shift: wire.scale - scale)
        return emit(.truncateInPlace(gate), [wire.slot], .wire(sharesHeld: false, owner: nil), shape)
    }

    /// The scale at which a value is to be had without a truncation.
    func naturalScale(_ index: Int) -> Int {
        let value = values[index]
        return value.wire?.scale ?? value.share?.scale ?? value.sum?.scale ?? value.reducedShare?.scale
            ?? value.reducedWire?.scale ?? value.waitingMove ?? 0
    }

    mutating func mask(_ share: Scaled, _ shape: Shape) -> Scaled {
        Scaled(
            slot: emit(.mask(MaskGate(shape: shape)), [share.slot], .wire(sharesHeld: true, owner: nil), shape),
            scale: share.scale
        )
    }

    mutating func unmask(_ wire: Int) -> Int {
        emit(.unmask(UnmaskGate()), [wire], .share, slots[wire].shape)
    }

    // MARK: Moves of elements

    /// A masked wire as `wire` makes it, but that sums of products are not absorbed where elements of theirs are read more
    /// than once: shares of the mask are dealt for each reading of a wire that has none, and once for one that has.
    mutating func wireReadOften(_ index: Int) -> Scaled {
        if rootCount(index) < entry(index).shape.count { shareRoots(of: index) }
        return wire(index)
    }

    private mutating func shareRoots(of index: Int) {
        let reader = enterLayer(of: index)
        defer { layer = reader }
        guard values[index].wire == nil, values[index].share == nil else { return }
        if linearMove(index) != nil {
            for input in entry(index).inputs where entry(input).isSecret { shareRoots(of: input) }
        } else if let sum = values[index].sum, !sum.products.isEmpty {
            values[index].share = Scaled(slot: materialise(sum, entry(index).shape), scale: sum.scale)
        }
    }

    /// The wire of a value that only moves elements of others, made by moving theirs, where that masks no more elements.
    private mutating func movedWire(_ index: Int) -> Scaled? {
        guard values[index].wire == nil, let move = linearMove(index) else { return nil }
        let inputs = entry(index).inputs
        guard inputs.allSatisfy({ entry($0).isSecret }), rootCount(index) <= entry(index).shape.count else {
            return nil
        }
        guard Set(inputs.map { naturalScale($0) }).count == 1 else { return nil }
        let wires = inputs.map { wire($0) }
        guard Set(wires.map(\.scale)).count == 1 else { return nil }
        return Scaled(slot: linear(move, .wire, wires.map(\.slot), entry(index).shape), scale: wires[0].scale)
    }

    private mutating func movedReducedWire(_ index: Int) -> Scaled? {
        guard let move = linearMove(index) else { return nil }
        let inputs = entry(index).inputs
        guard inputs.allSatisfy({ entry($0).isSecret && target($0) <= target(index) }),
            rootCount(index) <= entry(index).shape.count
        else { return nil }
        let wires = inputs.map { reducedWire($0) }
        guard Set(wires.map(\.scale)).count == 1 else { return nil }
        return Scaled(slot: linear(move, .wire, wires.map(\.slot), entry(index).shape), scale: wires[0].scale)
    }

    /// How many elements must be masked so that a value can be had by moving them.
    func rootCount(_ index: Int) -> Int {
        var roots: Set<Int> = []
        var stack = [index]
        var seen: Set<Int> = []
        while let next = stack.popLast() {
            guard seen.insert(next).inserted else { continue }
            if linearMove(next) != nil, values[next].wire == nil || next == index {
                stack.append(contentsOf: entry(next).inputs)
            } else if values[next].wire == nil {
                roots.insert(next)
            }
        }
        return roots.reduce(0) { $0 + entry($1).shape.count }
    }

    /// The plan's form of an operation that moves elements.
    func linearMove(_ index: Int) -> LinearOperation? {
        switch entry(index).operation {
        case .reshape(let shape): .reshape(shape)
        case .permute(let axes): .permute(axes: axes)
        case .slice(let starts, let steps, let shape): .slice(starts: starts, steps: steps, shape: shape)
        case .broadcast(let shape): .broadcast(shape)
        case .concatenate(let axis): .concatenate(axis: axis)
        case .take(let axis, let indices): .take(axis: axis, indices: indices)
        default: nil
        }
    }

    mutating func linear(_ operation: LinearOperation, _ form: LinearGate.Form, _ inputs: [Int], _ shape: Shape) -> Int
    {
        let gate = LinearGate(operation, form: form, shapes: inputs.map { slots[$0].shape })
        let result: Slot.Form =
            switch form {
            case .share: .share
            case .bits: .bits
            case .wire: .wire(sharesHeld: inputs.allSatisfy(sharesHeld), owner: commonOwner(inputs))
            }
        return emit(.linear(gate), inputs, result, shape)
    }

    // MARK: What is known of a slot

    func sharesHeld(_ slot: Int) -> Bool {
        guard case .wire(let held, _) = slots[slot].form else { return false }
        return held
    }

    func owner(_ slot: Int) -> Int? {
        guard case .wire(_, let owner) = slots[slot].form else { return nil }
        return owner
    }

    private func commonOwner(_ wires: [Int]) -> Int? {
        let owners = Set(wires.map { owner($0) })
        return owners.count == 1 ? owners.first ?? nil : nil
    }

    func form(_ wire: Int) -> WireForm {
        WireForm(sharesHeld: sharesHeld(wire))
    }
}
