package import CrypTenRing

/// A mask whose bits the two share: r = 64 random bits, each the XOR of a bit of either party's seed.
///
/// A gate that reads bits of a wire's mask λ reads those of such an r: carries of λ_0 + λ_1 would be expensive, random bits are not. The parties open
/// d = λ − r beforehand, which is uniform to either, as the other's bits of r are; online the wire is hat − d = v + r.
///
/// Arithmetic shares: r = r_0 + r_1 − 2·Σ_j 2^j·r_0j·r_1j, where one party's bit weighs the other's, one transfer a bit; the choices serve all
/// products of these bits, too.
package final class BitwiseMask {
    package let count: Int
    /// All 64, from the lowest on.
    package let bits: PairBits
    /// This party's seed words, whose bits are its part.
    private let seeds: Later<RingTensor>
    private let pair: Pair
    private let chooser: Int
    private var shifted: [Int: PairWords] = [:]
    private var tops: [Int: PairWords] = [:]
    private var difference: Later<RingTensor>?

    /// - Parameter seeds: This party's 64 bits an element, which nothing else uses.
    package init(_ pair: Pair, count: Int, seeds: Later<RingTensor>) {
        self.pair = pair
        self.count = count
        self.seeds = seeds
        let kernels = pair.kernels
        bits = PairBits(planes: 64, count: count, part: seeds.map { kernels.planes(of: $0, from: 0, count: 64) })
        chooser = pair.nextChooser()
    }

    /// r ≫ shift; r itself by 0.
    package func shifted(by shift: Int) -> PairWords {
        if let known = shifted[shift] { return known }
        let kernels = pair.kernels
        // Where r itself is wanted after r ≫ k, its low bits are missing: both are made together.
        let made = sums(shift: shift)
        let seeds = seeds
        shifted[shift] = PairWords(
            count: count,
            part: made.with(seeds) { made, seeds in
                var value = kernels.shiftRight(seeds, by: shift)
                kernels.accumulate(&value, adding: made.high, times: 0 &- 2)
                return value
            }
        )
        if shifted[0] == nil {
            shifted[0] = PairWords(
                count: count,
                part: made.with(seeds) { made, seeds in
                    var value = seeds
                    kernels.accumulate(&value, adding: made.high, times: 0 &- (2 << UInt64(shift)))
                    kernels.accumulate(&value, adding: made.low, times: 0 &- 2)
                    return value
                }
            )
        }
        return shifted[shift]!
    }

    /// Writes down what a wire truncated by `shift` reads of r, before r itself: with the transfers of its bits, which don't stay.
    package func prepare(shiftedBy shift: Int) {
        _ = shifted(by: shift)
        _ = top(modulo: shift)
    }

    /// Shares of Σ_j≥shift 2^(j − shift)·r_0j·r_1j, modulo 2^63, and of the sum of the lower ones; those only where r isn't known yet.
    private func sums(shift: Int) -> Later<(high: RingTensor, low: RingTensor)> {
        let (bits, count) = (bits, count)
        let planes = shifted[0] == nil ? Array(0..<64) : Array(shift..<64)
        let choices = pair.chooseTogether(chooser, by: bits)
        // Of bit j as many bits as count: those of 2·2^(j − shift)·r_0j·r_1j modulo 2^64.
        func width(_ plane: Int) -> Int { max(1, 63 - (plane >= shift ? plane - shift : plane)) }
        return pair.weigh(
            by: choices,
            planes.map { plane in
                plane >= shift
                    ? WeighedWord(plane: plane, width: width(plane), shift: plane - shift, sum: 0)
                    : WeighedWord(plane: plane, width: width(plane), shift: plane, sum: 1)
            },
            after: bits.moment,
            words: { .ones(try bits.part.value()[planes[$0]]) },
            into: { [RingTensor(zeros: [count]), RingTensor(zeros: [count])] }
        ).map { (high: $0[0], low: $0[1]) }
    }

    /// Bit 63 as a number modulo 2^bits.
    package func top(modulo bits: Int) -> PairWords {
        if let known = tops[bits] { return known }
        let number = pair.number(of: self.bits, plane: 63, width: bits, chooser: chooser)
        tops[bits] = number
        return number
    }

    /// ⌊r·factor / 2^62⌋, or one unit beside: of the quotient's rounding each party makes its own half.
    ///
    /// r·factor = factor·(r_0 + r_1 − 2·Σ_j 2^j·r_0j·r_1j) modulo 2^126, of which either party takes the high bits of its share. What is lost is the
    /// carry of the low ones, half a unit in the mean, which is added before.
    package func quotient(factor: UInt64) -> PairWords {
        let (kernels, bits, count, party) = (pair.kernels, bits, count, pair.party)
        let choices = pair.chooseTogether(chooser, by: bits)
        let zeros = WideWords(low: RingTensor(zeros: [count]), high: RingTensor(zeros: [count]))
        let products = pair.weighWide(
            by: choices,
            (0..<64).map { ($0, max(65, 125 - $0)) },
            after: bits.moment,
            words: {
                WideWords(
                    low: kernels.words(of: try bits.part.value()[$0], shape: [count]),
                    high: RingTensor(zeros: [count])
                )
            },
            into: { zeros }
        ) { sum, plane, share in
            sum.add(share, shiftedLeft: plane)
        }
        return PairWords(
            count: count,
            part: products.with(seeds) { products, seeds in
                products.combined(with: seeds) { product, seed in
                    let share = UInt128(factor) &* (UInt128(seed) &- product &* 2) &+ (party == 0 ? 1 << 61 : 0)
                    return UInt64(truncatingIfNeeded: (share & (1 << 126 - 1)) >> 62)
                }
            }
        )
    }

    /// d = λ − r, which both parties learn; of one λ, once.
    package func difference(from mask: PairWords) -> Later<RingTensor> {
        if let difference { return difference }
        let kernels = pair.kernels
        let opened = pair.open(mask.with(shifted(by: 0)) { kernels.subtract($0, $1) })
        difference = opened
        return opened
    }
}
