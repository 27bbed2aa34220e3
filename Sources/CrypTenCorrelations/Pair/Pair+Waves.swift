import CrypTenRing

/// Sines and cosines of shared angles, where 2^64 is a whole turn.
extension Pair {
    /// Bits of a sine that choose.
    private static let choiceBits = 27

    /// The cosine and the sine of number·x of this party's part alone, at scale 2^30.
    func ownWaves(_ x: PairWords, number: Int) -> Later<[RingTensor]> {
        let (kernels, quarter) = (kernels, UInt64(1) << 62)
        return x.part.map { x in
            [quarter, 0].map { kernels.sine(x, times: UInt64(number), plus: $0) }
        }
    }

    /// Shares of the cosine and the sine of number·x at scale 2^30, by transfers.
    ///
    /// By the addition theorems cos(a + b) = cos a·cos b − sin a·sin b and sin(a + b) = sin a·cos b + cos a·sin b, exactly: where a + b wraps, a whole
    /// turn has passed. The chooser takes its own cosine and sine in 28 bits; for the bit of weight 2^(j − 27) the other party puts in its own,
    /// *rounded* to what the bit weighs: so the sum is at the result's scale, and nothing is truncated in shares.
    ///
    /// - Complexity: 56 transfers, two words each.
    /// - Note: The error is below 28 units of 2^-30, from what the roundings add up to.
    package func harmonics(_ x: PairWords, number: Int) -> [PairWords] {
        let kernels = kernels
        let (count, bits) = (x.count, Pair.choiceBits)
        let own = ownWaves(x, number: number).map { (cosine: $0[0], sine: $0[1]) }
        if let known = x.knownTo {
            // The other's part is zeros, whose cosine isn't.
            let party = party
            return [0, 1].map { index in
                PairWords(
                    count: count,
                    part: own.map { own in
                        known == party ? (index == 0 ? own.cosine : own.sine) : RingTensor(zeros: [count])
                    },
                    knownTo: known
                )
            }
        }
        let chooser = nextChooser()
        // Rounded to 2^-27, 2^27 more so that there is no sign, and below 2^28: one turn of the circle has 2^28 itself.
        let choices = choices(of: chooser, planes: 2 * (bits + 1), count: count, after: x.moment) {
            let own = try own.value()
            return kernels.stack(
                [own.cosine, own.sine].map { wave in
                    var number = kernels.shiftRight(kernels.add(wave, scalar: 1 << 40 + 4), by: 3)
                    number = kernels.add(number, scalar: 1 << 27 &- (1 << 37))
                    kernels.accumulate(&number, subtracting: kernels.shiftRight(number, by: 28))
                    return kernels.planes(of: number, from: 0, count: bits + 1)
                }
            )
        }
        // Of each choice a word for the cosine of the sum, and one for its sine.
        let items = (0..<2 * (bits + 1)).flatMap { plane in
            (0..<2).map { WeighedWord(plane: plane, width: 64, sum: $0) }
        }
        func rounded(_ wave: RingTensor, by shift: Int) -> RingTensor {
            guard shift > 0 else { return wave }
            let moved = kernels.add(wave, scalar: 1 << 40 + 1 << UInt64(shift - 1))
            return kernels.add(kernels.shiftRight(moved, by: shift), scalar: 0 &- (1 << UInt64(40 - shift)))
        }
        let sums = weigh(
            by: choices,
            items,
            after: x.moment,
            words: { item in
                let own = try own.value()
                let (plane, part) = (item / 2, item % 2)
                let shift = bits - plane % (bits + 1)
                // The chooser's cosine weighs (cos a, sin a), its sine (−sin a, cos a).
                switch (plane <= bits, part) {
                case (true, 0), (false, 1): return .words(rounded(own.cosine, by: shift))
                case (true, _): return .words(rounded(own.sine, by: shift))
                case (false, _): return .words(rounded(kernels.negate(own.sine), by: shift))
                }
            },
            into: { [party] in
                // What the 2^27 more weighs is taken off again.
                guard party != chooser else { return [RingTensor(zeros: [count]), RingTensor(zeros: [count])] }
                let own = try own.value()
                return [
                    kernels.subtract(own.sine, own.cosine), kernels.negate(kernels.add(own.sine, own.cosine)),
                ]
            }
        )
        return [0, 1].map { index in PairWords(count: count, part: sums.map { $0[index] }) }
    }
}
