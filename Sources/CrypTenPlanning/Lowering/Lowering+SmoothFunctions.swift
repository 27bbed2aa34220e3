import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Trigonometric series, and functions that are one on an interval.
///
/// A number is a phase whose period is the whole ring, so that a series of it takes nothing but its terms, however large the
/// number; whether it lies in the interval takes two comparisons, beside which the series is masked.
extension Lowering {
    mutating func lowerSine(_ index: Int, _ series: TrigonometricSeries) {
        let value = self.series(series, of: phase(entry(index).inputs[0]), entry(index).shape)
        setShare(index, value.slot, scale: value.scale)
    }

    /// In the interval the series, masked, truncated as it is read and selected; below it a constant, and above it a constant
    /// or the operand.
    mutating func lowerSmooth(_ index: Int, _ function: SmoothFunction) {
        let shape = entry(index).shape
        let x = phase(entry(index).inputs[0])
        var inner = function.series
        inner.constant -= function.below
        let value = mask(series(inner, of: x, shape), shape)
        let place = truncatedInPlace(value, to: fractionBits)
        let less = lessThan([function.lowest, function.highest], x, shape)
        let isInside = linearBits(less, constant: false, shape)
        let form = WireForm(sharesHeld: false, shift: value.scale - fractionBits)
        let selected = emit(.select(SelectGate(shape: shape, form: form)), [isInside, place], .share, shape)
        guard let above = function.above else {
            let isAbove = linearBits([less[1]], constant: true, shape)
            let gate = SelectGate(shape: shape, form: self.form(x.slot))
            let operand = emit(.select(gate), [isAbove, x.slot], .share, shape)
            let scale = max(x.scale, fractionBits)
            let factors = [fractionBits, x.scale].map { UInt64(1) << UInt64(scale - $0) }
            setShare(index, linear(.combine(factors: factors), .share, [selected, operand], shape), scale: scale)
            return
        }
        let inside = Scaled(slot: selected, scale: fractionBits)
        setShare(index, adding(function.below, where: less[1], else: above, to: inside, shape), scale: fractionBits)
    }

    /// A share plus one of two public numbers, chosen by masked bits.
    mutating func adding(
        _ number: Double,
        where bits: Int,
        else other: Double,
        to share: Scaled,
        _ shape: Shape
    ) -> Int {
        let rise = FixedPoint.encodeConstant(other - number, scale: share.scale)
        let bit = emit(.bitToArithmetic(BitToArithmeticGate(shape: shape)), [bits], .share, shape)
        let sum = linear(.combine(factors: [1, 0 &- rise]), .share, [share.slot, bit], shape)
        return addConstant(Scaled(slot: sum, scale: share.scale), other, shape)
    }

    /// A share of a series of a wire.
    mutating func series(_ series: TrigonometricSeries, of x: Scaled, _ shape: Shape) -> Scaled {
        let turns = linear(.combine(factors: [phase(of: series, unit: x.scale)]), .wire, [x.slot], shape)
        let bits = 62 - TrigonometricGate.dealtBits - series.magnitudeBits
        let scale = TrigonometricGate.dealtBits + bits
        let gate = TrigonometricGate(
            shape: shape,
            constant: FixedPoint.encodeConstant(series.constant, scale: scale),
            cosines: series.cosines.map { FixedPoint.encodeConstant($0, scale: bits) },
            sines: series.sines.map { FixedPoint.encodeConstant($0, scale: bits) }
        )
        return Scaled(slot: emit(.trigonometric(gate), [turns], .share, shape), scale: scale)
    }

    /// The phase of a unit of an operand with so many fraction bits, rounded once, by exact scaling.
    ///
    /// Of a period below a unit, as a steep `swish` has, it is several turns, of which only the part of the last counts; below
    /// 2⁻⁵² of a unit none is left, and 0 is the only operand inside.
    private func phase(of series: TrigonometricSeries, unit scale: Int) -> UInt64 {
        let turns = Double(sign: .plus, exponent: -scale, significand: 1) / series.period
        guard turns.isFinite else { return 0 }
        let phase = ((turns - turns.rounded(.down)) * 0x1p64).rounded()
        return phase < 0x1p64 ? UInt64(phase) : 0
    }

    /// The operand of a series or an exponential: one whose fraction bits leave the factor of its phase the precision.
    mutating func phase(_ index: Int) -> Scaled {
        naturalScale(index) > 36 ? reducedWire(index) : wire(index)
    }

    /// Masked bits, for gates that deal functions of their masks: [x < threshold] for each of the thresholds.
    mutating func lessThan(_ thresholds: [Double], _ x: Scaled, _ shape: Shape) -> [Int] {
        lessThan(thresholds.map { FixedPoint.encodeConstant($0, scale: x.scale) }, x.slot, shape)
    }

    /// The same of encoded thresholds.
    mutating func lessThan(_ thresholds: [UInt64], _ wire: Int, _ shape: Shape) -> [Int] {
        let gate = SignGate(
            shape: shape,
            form: form(wire),
            thresholds: thresholds,
            equality: false,
            sharesHeld: false
        )
        return emit(.sign(gate), [wire], outputs: thresholds.count, .bits, shape)
    }
}
