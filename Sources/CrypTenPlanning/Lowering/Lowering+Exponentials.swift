import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Exponentials, and what is made of their sums.
///
/// In octaves, a number is a phase whose period is the whole ring, as a sine's in turns is: `ExponentialGate` takes it as it is
/// masked. Only whether it lies in the range of exponentials that the fixed point can hold takes comparisons.
extension Lowering {
    /// eˣ up to the end of the ring, and 0 below e^−9.5: a share.
    ///
    /// With the operand's public range the octaves that can't occur are left out, and their bits make the others more exact: of
    /// 29 octaves and fewer the relative error is 2^-17, of the 44 that 16 fraction bits have room for 2^-12, and absolute 2^-14.
    mutating func lowerExponential(_ index: Int) {
        let shape = entry(index).shape
        let range = ExponentialRange(
            below: bounds.bounds[entry(index).inputs[0]].range.high,
            fractionBits: fractionBits
        )
        let octaves = range.highestOctave - ExponentialRange.lowestOctave
        var scaling = Exponential(lowestOctave: ExponentialRange.lowestOctave, octaves: octaves, guardBits: 2)
        if octaves > ExponentialRange.fewOctaves {
            scaling = Exponential(lowestOctave: ExponentialRange.lowestOctave, octaves: octaves, entries: 8)
        }
        let x = phase(entry(index).inputs[0])
        let below = lessThan([ExponentialRange.lowest, range.highest], x, shape)
        let isInside = linearBits(below, constant: false, shape)
        let power = exponential(x, where: isInside, scaling, shape)
        let sum = adding(0, where: below[1], else: range.largest, to: power, shape)
        setShare(index, sum, scale: power.scale)
    }

    /// eˣ over its sum, of x whose largest is 0: the sum lies between 1 and the number of terms.
    mutating func lowerNormalizedExponential(_ index: Int, axis: Int) {
        let shape = entry(index).shape
        let sums = exponentialSums(entry(index).inputs[0], axis: axis)
        let inverse = inverse(sums.magnitude(.reciprocal), .reciprocalFineMantissa)
        let numerator = mask(sums.powers, shape)
        let spread = linear(.broadcast(shape), .wire, [inverse.slot], shape)
        let product = product(numerator, Scaled(slot: spread, scale: inverse.scale), shape)
        setShare(index, product.slot, scale: product.scale)
    }

    mutating func lowerLogarithmOfExponentials(_ index: Int, axis: Int) {
        let sums = exponentialSums(entry(index).inputs[0], axis: axis)
        let logarithm = logarithm(sums.magnitude(.logarithm), .logarithmFineMantissa)
        let slot = linear(.reshape(entry(index).shape), .share, [logarithm.slot], entry(index).shape)
        setShare(index, slot, scale: logarithm.scale)
    }

    /// eˣ for x ≤ 0 as shares, and the segment of its sums along an axis, which stays with extent 1.
    ///
    /// Softmax and the logarithm of the sum, of which one is the other's gradient, share them.
    struct ExponentialSums {
        struct Key: Hashable {
            var entry: Int
            var axis: Int
        }

        /// What is made of a sum.
        enum Function: CaseIterable {
            case reciprocal, logarithm
        }

        var powers: Scaled
        fileprivate var sums: Magnitude
        /// What the steps of `sums` are for.
        fileprivate var functions: [Function]

        fileprivate func magnitude(_ function: Function) -> Magnitude {
            guard let step = functions.firstIndex(of: function) else {
                preconditionFailure("the sums were made for all that read them")
            }
            return Magnitude(shape: sums.shape, mantissa: sums.mantissa, steps: [sums.steps[step]])
        }
    }

    private mutating func exponentialSums(_ index: Int, axis: Int) -> ExponentialSums {
        let key = ExponentialSums.Key(entry: index, axis: axis)
        if let known = exponentialSums[key] { return known }
        let functions = ExponentialSums.Function.allCases.filter { function in
            let operation: Primitive =
                switch function {
                case .reciprocal: .normalizedExponential(axis: axis)
                case .logarithm: .logarithmOfExponentials(axis: axis)
                }
            return consumers[index].contains { entry($0).operation == operation }
        }
        let shape = entry(index).shape
        let terms = max(1, shape[axis])
        // Sums of many need room above.
        let exponents = max(1, Int((Double(terms) * 1.001).exponent) + 1)
        let x = phase(index)
        let below = lessThan([-16.5], x, shape)
        let isInside = linearBits(below, constant: true, shape)
        var scaling = Exponential(lowestOctave: -24, octaves: 24, room: exponents)
        // Of very many the sum leaves fewer bits: then the table is longer, and its entries shorter.
        if scaling.factorBits < 11 { scaling.entries = 8 }
        let powers = exponential(x, where: isInside, scaling, shape)
        let kept = shape.reducing([axis], keepDimensions: true)
        let flat = shape.reducing([axis], keepDimensions: false)
        let sums = linear(
            .reshape(kept),
            .share,
            [linear(.sum(axes: [axis]), .share, [powers.slot], flat)],
            kept
        )
        let wire = mask(Scaled(slot: sums, scale: powers.scale), kept)
        let segments = ownSegments(MagnitudeRange(0, exponents), scale: wire.scale, octaves: 2, isWithin: true)
        let steps = functions.map { function in
            switch function {
            case .reciprocal:
                Step(scale: factorScale) { segment in
                    guard case .part(let normalizer, _) = segment else { return 0 }
                    return normalizer
                }
            case .logarithm: logarithmStep(.logarithmFineMantissa, segments)
            }
        }
        let made = ExponentialSums(
            powers: powers,
            sums: magnitude(of: wire, segments, kept, steps: steps),
            functions: functions
        )
        exponentialSums[key] = made
        return made
    }

    /// How powers are laid out in the ring.
    private struct Exponential {
        /// The least power, as a power of two, and how many octaves there are above it.
        let lowestOctave: Int
        let octaves: Int
        /// Bits above the largest power that are left free.
        var room = 0
        /// Bits by which what is dealt is more exact than it must be.
        var guardBits = 0
        var entries = 4

        var tableBits: Int { 64 / entries - 1 + guardBits }
        var factorBits: Int { 62 - room - octaves - tableBits }
        /// Fraction bits of a power.
        var scale: Int { tableBits + factorBits - lowestOctave }
    }

    /// A share of eˣ where a masked bit is 1, else of 0.
    private mutating func exponential(_ x: Scaled, where bits: Int, _ scaling: Exponential, _ shape: Shape) -> Scaled {
        // The factor, log2(e) octaves, is rounded once, by exact scaling.
        let perUnit = Double(sign: .plus, exponent: 58 - x.scale, significand: 1.4426950408889634)
        let octaves = linear(.combine(factors: [UInt64(perUnit.rounded())]), .wire, [x.slot], shape)
        let gate = ExponentialGate(
            shape: shape,
            offset: UInt64(-scaling.lowestOctave) &* ExponentialGate.octave,
            octaves: scaling.octaves,
            entries: scaling.entries,
            tableBits: scaling.tableBits,
            factorBits: scaling.factorBits
        )
        return Scaled(slot: emit(.exponential(gate), [bits, octaves], .share, shape), scale: scaling.scale)
    }
}
