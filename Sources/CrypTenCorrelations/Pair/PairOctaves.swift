import CrypTenGates
import CrypTenRing

/// Powers of two of a mask, in octaves: 2^58 of the ring is one.
///
/// r = 2^58·(K·J + I) + φ_0 + φ_1 with K = 64 / entries, six random bits for K·J + I, and a fraction of each party's seed. Then
///
///     2^−r = 2^(−K·J − I) · 2^−φ_0 · 2^−φ_1
///
/// of which the last two are what each party knows, multiplied once, in slots or by transfers, and the first is a shift by shared bits: a selection for each bit of I,
/// and one entry of few for J. Shares of the product lie modulo 2^ring and are shifted down by each party on its own, which is wrong
/// only where they wrap: with probability 2^-46 at the most.
struct PairOctaves {
    /// Bits of the chooser's fraction that choose, where these powers are made by transfers.
    private static let choiceBits = 24
    private static let fraction = 58

    private let pair: Pair
    private let slots: PairSlotProducts
    private let count: Int
    private let entries: Int
    private let fractionBits: Int
    /// From the lowest bit of I to the highest of J.
    private let whole: PairBits
    /// This party's φ.
    private let phi: Later<RingTensor>
    private let share: PairWords

    private var kernels: any Kernels { pair.kernels }
    private var perEntry: Int { 64 / entries }
    private var lowBits: Int { perEntry.trailingZeroBitCount }
    /// Bits of the other's fraction beyond those of the result; of a table of few fraction bits more of them: its large powers are shifted up, and are
    /// to be within 2^-18 of themselves as well.
    private var guardBits: Int { max(8, 23 - fractionBits) }
    private var ring: Int { max(88, fractionBits + guardBits + perEntry + 47) }
    /// Of the product of fractions.
    private var scale: Int { fractionBits + 1 + guardBits }

    init(_ run: PairRun, count: Int, entries: Int, fractionBits: Int) {
        let (pair, kernels, key, number) = (run.pair, run.pair.kernels, run.seeds, run.nextSeedStream())
        (self.pair, slots) = (pair, run.slots)
        (self.count, self.entries, self.fractionBits) = (count, entries, fractionBits)
        let seeds = Later(at: 0) { kernels.expand(key, number: number, from: 0, shape: [count]) }
        let fraction = PairOctaves.fraction
        let phi = seeds.map { kernels.lowBits($0, fraction) }
        let whole = PairBits(
            planes: 64 - fraction,
            count: count,
            part: seeds.map { kernels.planes(of: $0, from: fraction, count: 64 - fraction) }
        )
        (self.phi, self.whole) = (phi, whole)
        // The bits above the fraction as a number modulo 2^6.
        let chooser = pair.nextChooser()
        pair.choose(chooser, by: whole, planes: Array(0..<whole.planes))
        let place = whole.choice(0, to: chooser)!
        let products = pair.weigh(
            by: place.choices,
            (0..<whole.planes).map {
                WeighedWord(plane: $0, width: max(1, whole.planes - 1 - $0), shift: $0 + fraction)
            },
            after: 0,
            words: { .ones(try whole.part.value()[$0]) },
            into: { [RingTensor(zeros: [count])] }
        )
        share = PairWords(
            count: count,
            part: seeds.with(products) { seeds, products in
                var share = seeds
                kernels.accumulate(&share, adding: products[0], times: 0 &- 2)
                return share
            }
        )
    }

    /// d = λ − r.
    func difference(from mask: PairWords) -> Later<RingTensor> {
        let kernels = pair.kernels
        return pair.open(mask.with(share) { kernels.subtract($0, $1) })
    }

    /// 2^(K·e − r) where a bit is 1, and where it is 0, for each e: as `dealOctaves` deals them.
    func powers(where bits: PairPlanes) -> [PairWords] {
        let kernels = pair.kernels
        let (guardBits, perEntry, ring, party, count) = (guardBits, perEntry, ring, pair.party, count)
        // y = 2^-φ_0 · 2^-φ_1 · 2^(K − 1 − I), modulo 2^ring, at scale fractionBits + 1 + guard bits.
        var shifted = fractions()
        for bit in 0..<lowBits {
            let factor = UInt128(1) << UInt128(1 << bit) - 1
            let more = pair.selectWide(
                whole,
                plane: bit,
                negated: true,
                shifted.map { $0.map { $0 &* factor } },
                width: ring
            )
            shifted = shifted.with(more) { sum, more in
                var sum = sum
                sum.add(more)
                return sum
            }
        }
        // 2^(K·(m − 1)) of it: of small m as scales of their own, shifted down by each party on its own, then of the last by shifts up.
        let small = (0..<entries).prefix { perEntry * ($0 - 1) < guardBits }
        let mask = ring == 128 ? UInt128.max : (UInt128(1) << UInt128(ring) - 1)
        let scales = (small.map { guardBits - perEntry * ($0 - 1) } + [0]).map { shift in
            PairWords(
                count: count,
                part: shifted.map { value in
                    value.words { y in
                        let own = y & mask
                        let moved = party == 0 ? own >> UInt128(shift) : 0 &- (((0 &- own) & mask) >> UInt128(shift))
                        return UInt64(truncatingIfNeeded: moved)
                    }
                }
            )
        }
        // [J = j] of it, and of what the bit selects.
        let selected = pair.select(bits.source, plane: bits.range.lowerBound, scales)
        let all = pick(scales, nil)
        let on = pick(selected, bits)
        func entry(_ e: Int, _ parts: [[PairWords]]) -> PairWords {
            (0..<entries).map { m -> PairWords in
                let part = parts[(e - m + entries) % entries]
                if m < small.count { return part[m] }
                let (all, shift) = (part[small.count], perEntry * (m - 1) - guardBits)
                return all.map { shift < 64 ? kernels.shiftLeft($0, by: shift) : RingTensor(zeros: $0.shape) }
            }.reduce(nil as PairWords?) { sum, part in sum.map { $0.with(part) { kernels.add($0, $1) } } ?? part }!
        }
        return (0..<entries).flatMap { e -> [PairWords] in
            let (every, on) = (entry(e, all), entry(e, on))
            return [on, every.with(on) { kernels.subtract($0, $1) }]
        }
    }

    /// 2^-φ_0 · 2^-φ_1 at scale fractionBits + 1 + guard bits, modulo 2^ring: in slots as far as these take less, else by transfers.
    private func fractions() -> Later<WideWords> {
        let kernels = kernels
        let work = ElementwiseWork.fraction(width: ring)
        let inSlots = work.inSlots(of: count)
        let pieces =
            work.pieces(inSlots: inSlots).map(multiplied) + (inSlots < count ? [transferred(inSlots..<count)] : [])
        guard pieces.count > 1 else { return pieces.first ?? transferred(0..<0) }
        return Later(at: pieces.map(\.moment).max()!) {
            let pieces = try pieces.map { try $0.value() }
            return WideWords(low: kernels.join(pieces.map(\.low)), high: kernels.join(pieces.map(\.high)))
        }
    }

    /// That of some elements, in slots.
    ///
    /// Both powers are rounded to 2^-30, and are a half at the least: off by a relative 2^-30 each. Shares of the product at scale 2^60 add up as whole numbers, but with
    /// probability 2^-56; so each party shifts its own down, of which one is positive and the other negative: within a unit.
    private func multiplied(_ range: Range<Int>) -> Later<WideWords> {
        let (kernels, bits) = (kernels, LatticeSlots.fractionBits)
        let power = phi.map { phi in
            [kernels.powerOfTwo(phi.flat(range), negated: true, plus: 0, fractionBits: bits)]
        }
        precondition(scale <= 2 * bits, "shares of a product at scale 2^\(2 * bits) are shifted down to 2^\(scale)")
        let holder = pair.nextChooser()
        let encrypted = slots.encrypt(power, in: .real, count: range.count, holder: holder)
        let (isPositive, shift) = (holder == pair.party, UInt128(2 * bits - scale))
        return slots.sum([(encrypted, power)]).map { share in
            WideWords(low: share[0], high: share[1]).map { isPositive ? $0 >> shift : 0 &- ((0 &- $0) >> shift) }
        }
    }

    /// That of some elements, by transfers: the chooser's power is off by a relative 2^-24.
    private func transferred(_ range: Range<Int>) -> Later<WideWords> {
        let (kernels, ring, count) = (kernels, ring, range.count)
        let phi = range.count == self.count ? phi : phi.map { $0.flat(range) }
        let (bits, precision, scale) = (PairOctaves.choiceBits, 46, scale)
        let chooser = pair.nextChooser()
        let choices = pair.choices(of: chooser, planes: bits + 1, count: count, after: 0) {
            let power = kernels.powerOfTwo(try phi.value(), negated: true, plus: 0, fractionBits: bits)
            return kernels.planes(of: power, from: 0, count: bits + 1)
        }
        let power = phi.map { kernels.powerOfTwo($0, negated: true, plus: 0, fractionBits: precision) }
        return pair.weighWide(
            by: choices,
            (0...bits).map { ($0, ring) },
            after: 0,
            words: { plane in
                // What a bit of weight 2^(plane − bits) weighs, rounded.
                let shift = precision - (scale + plane - bits)
                return WideWords(try power.value()) { power in
                    shift > 0
                        ? (UInt128(power) + UInt128(1) << UInt128(shift - 1)) >> UInt128(shift)
                        : UInt128(power) << UInt128(-shift)
                }
            },
            into: { WideWords(zeros: count) }
        ) { sum, _, share in
            sum.add(share)
        }
    }

    /// [J = j] of some words, for each j; where a bit is 1 alone, if one is given.
    ///
    /// For each set of J's bits the product of the bit and these, which selects; [J = j] is a sum of these with signs.
    private func pick(_ words: [PairWords], _ bit: PairPlanes?) -> [[PairWords]] {
        let kernels = pair.kernels
        let digits = entries.trailingZeroBitCount
        let high = PairPlanes(whole, lowBits..<whole.planes)
        let blocks = [high] + (bit.map { [$0] } ?? [])
        let sets = (1..<1 << digits).map { set in
            (0..<digits).filter { set >> $0 & 1 == 1 } + (bit == nil ? [] : [digits])
        }
        let products = pair.products(of: blocks, sets) { (Array($0.suffix(2)), Array($0.dropLast(2))) }
        // Products of sets as numbers of words: S ↦ words where all bits of S are 1.
        let within =
            [words]
            + sets.enumerated().map { index, set in
                // J's own bits have chosen before.
                set.count == 1 && bit == nil
                    ? pair.select(whole, plane: lowBits + set[0], words) : pair.select(products, plane: index, words)
            }
        return (0..<entries).map { j in
            words.indices.map { index in
                // Σ over supersets S of j of (−1)^|S − j|
                var sum: PairWords?
                for set in 0..<entries where set & j == j {
                    let isNegative = (set ^ j).nonzeroBitCount % 2 == 1
                    let part = within[set][index]
                    sum =
                        sum.map { sum in
                            sum.with(part) { isNegative ? kernels.subtract($0, $1) : kernels.add($0, $1) }
                        } ?? part
                }
                return sum!
            }
        }
    }
}
