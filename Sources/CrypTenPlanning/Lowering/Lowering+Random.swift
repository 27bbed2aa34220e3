import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Random numbers: of words that the dealer knows, or of fair bits that nobody does.
extension Lowering {
    mutating func lowerRandom(
        _ index: Int,
        _ distribution: Primitive.Distribution,
        drawnBy source: RandomSource
    ) throws {
        let shape = entry(index).shape
        switch (distribution, source) {
        case (.uniform, .dealer):
            let gate = RandomGate(shape: shape, distribution: .uniformBits(fractionBits))
            setShare(index, emit(.random(gate), [], .share, shape), scale: fractionBits)
        case (.uniform, .everyone):
            let bits = fairBits(fractionBits, drawnBy: source, shape)
            let factors = bits.indices.map { UInt64(1) << UInt64($0) }
            setShare(index, weightedSum(of: bits, factors: factors, constant: 0, shape), scale: fractionBits)
        case (.bernoulli(let probability), .dealer):
            let gate = RandomGate(shape: shape, distribution: dealtBit(numerator: numerator(of: probability)))
            values[index].bits = emit(.random(gate), [], .bits, shape)
        case (.bernoulli(let probability), .everyone):
            values[index].bits = drawnBit(numerator: numerator(of: probability), shape)
        case (.binomial(let trials, let scale), _):
            let step = scale * Double(1 << fractionBits)
            guard step >= 1, step == step.rounded(), Double(trials / 2) * step < 0x1p62 else {
                throw CrypTenError(
                    .invalidArgument,
                    "a binomial number's scale of \(scale) is no multiple of 2^-\(fractionBits), or leaves no room for "
                        + "\(trials) trials"
                )
            }
            let bits = fairBits(trials, drawnBy: source, shape)
            let factors = [UInt64](repeating: UInt64(step), count: trials)
            let mean = UInt64(trials / 2) * UInt64(step)
            setShare(index, weightedSum(of: bits, factors: factors, constant: 0 &- mean, shape), scale: fractionBits)
        }
    }

    /// A probability as a multiple of 2^-fractionBits.
    private func numerator(of probability: Double) -> UInt64 {
        let steps = (probability * Double(1 << fractionBits)).rounded()
        return UInt64(min(max(steps, 0), Double(1 << fractionBits)))
    }

    /// A half is the fair bit, which nobody deals.
    private func dealtBit(numerator: UInt64) -> RandomGate.Distribution {
        numerator == 1 << UInt64(fractionBits - 1)
            ? .bit(.fair) : .bit(.outOf(numerator: numerator, bits: fractionBits))
    }

    // MARK: Fair bits

    private mutating func fairBits(_ count: Int, drawnBy source: RandomSource, _ shape: Shape) -> [Int] {
        switch source {
        case .dealer:
            (0..<count).map { _ in
                emit(.random(RandomGate(shape: shape, distribution: .bit(.fair))), [], .bits, shape)
            }
        case .everyone:
            chunks(of: count).flatMap { chunk in
                emit(
                    .drawnBits(DrawnBitsGate(planes: chunk.count, shape: shape)),
                    [],
                    outputs: chunk.count,
                    .bits,
                    shape
                )
            }
        }
    }

    /// `constant + Σ factors[j]·bits[j]`, as a share.
    private mutating func weightedSum(of bits: [Int], factors: [UInt64], constant: UInt64, _ shape: Shape) -> Int {
        let parts = chunks(of: bits.count).map { chunk in
            let output = StepGate.Output(constant: chunk.lowerBound == 0 ? constant : 0, factors: Array(factors[chunk]))
            let gate = StepGate(shape: shape, bits: chunk.count, outputs: [output])
            return emit(.step(gate), Array(bits[chunk]), .share, shape)
        }
        let ones = [UInt64](repeating: 1, count: parts.count)
        return parts.count == 1 ? parts[0] : linear(.combine(factors: ones), .share, parts, shape)
    }

    /// As many as one gate may have.
    private func chunks(of count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: GateLimits.list).map { $0..<min($0 + GateLimits.list, count) }
    }

    // MARK: Unfair bits

    /// A bit that is 1 with probability numerator / 2^fractionBits: [u < threshold] for a uniform number u of as few bits as
    /// that takes, one for a half, two for a quarter.
    private mutating func drawnBit(numerator: UInt64, _ shape: Shape) -> Int {
        let count = max(1, fractionBits - numerator.trailingZeroBitCount)
        let threshold = numerator >> UInt64(fractionBits - count)
        let bits = fairBits(count, drawnBy: .everyone, shape)
        if threshold == 0 || threshold == 1 << UInt64(count) {
            let never = BooleanForm(constant: threshold != 0, products: [])
            return functions([never], of: bits, shape)[0]!
        }
        return less(than: threshold, bits, shape)
    }

    /// What a run of bits of u says: whether they are less than the threshold's, and whether they are equal.
    private struct Comparison {
        /// Nil where they can't be less.
        var less: Int?
        /// Nil where nobody asks.
        var equal: Int?
    }

    /// [u < threshold] for a uniform number u, of fair bits that say which bits of u are the threshold's.
    ///
    /// With e_j such a bit, u is less where the highest bit in which they differ is 1 in the threshold: the XOR, over its ones,
    /// of `Π_{k>j} e_k ⊕ Π_{k≥j} e_k`. Four bits at a time, then four such runs at a time, as borrows are (`CarryLevel`).
    private mutating func less(than threshold: UInt64, _ bits: [Int], _ shape: Shape) -> Int {
        var level = stride(from: 0, to: bits.count, by: 4).map { start -> Comparison in
            let group = Array(bits[start..<min(start + 4, bits.count)])
            let ones = group.indices.filter { threshold >> UInt64(start + $0) & 1 == 1 }
            let made = functions(
                [
                    ones.isEmpty
                        ? nil
                        : BooleanForm(
                            products: ones.flatMap { [Array(($0 + 1)..<group.count), Array($0..<group.count)] }
                        ),
                    start == 0 ? nil : BooleanForm(products: [Array(group.indices)]),
                ],
                of: group,
                shape
            )
            return Comparison(less: made[0], equal: made[1])
        }
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 4).map { start -> Comparison in
                let group = Array(level[start..<min(start + 4, level.count)])
                if group.count == 1 { return group[0] }
                var operands: [Int] = []
                func place(_ slot: Int?) -> Int? {
                    guard let slot else { return nil }
                    operands.append(slot)
                    return operands.count - 1
                }
                let places = group.map { (less: place($0.less), equal: place($0.equal)) }
                let products = places.indices.compactMap { index in
                    places[index].less.map { [$0] + places[(index + 1)...].compactMap(\.equal) }
                }
                let made = functions(
                    [
                        products.isEmpty ? nil : BooleanForm(products: products),
                        start == 0 ? nil : BooleanForm(products: [places.compactMap(\.equal)]),
                    ],
                    of: operands,
                    shape
                )
                return Comparison(less: made[0], equal: made[1])
            }
        }
        guard let less = level[0].less else { preconditionFailure("a threshold that isn't 0 has a bit that is 1") }
        return less
    }

    /// Functions of some bits, nil where none is asked for: those that multiply are opened together, the others are not.
    private mutating func functions(_ forms: [BooleanForm?], of bits: [Int], _ shape: Shape) -> [Int?] {
        let products = forms.compactMap { $0 }.filter { $0.fanIn > 1 }
        var opened: ArraySlice<Int> = []
        if !products.isEmpty {
            let gate = BooleanGate(outputs: products, inputs: bits.count, shape: shape)
            opened = emit(.boolean(gate), bits, outputs: products.count, .bits, shape)[...]
        }
        return forms.map { form in
            guard let form else { return nil }
            if form.fanIn > 1 { return opened.popFirst() }
            let gate = LinearBitsGate(outputs: [form], inputs: bits.count, shape: shape)
            return emit(.linearBits(gate), bits, .bits, shape)
        }
    }
}
