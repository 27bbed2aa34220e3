import CrypTenGates
import CrypTenRing

/// Products, powers and sines, element by element: in slots as far as these take less, else by transfers.
extension PairRun {
    /// Shares of x·y, element by element.
    package func product(_ x: PairWords, _ y: PairWords) throws -> PairWords {
        let terms = Pair.crossTerms(x, y)
        return try elementwise(x.count, .product(crossTerms: terms.count)) { [pair, slots] range in
            let (x, y) = (x.flat(range), y.flat(range))
            // Who encrypts may choose what: of a single term the factor that is known first, else in turns.
            let holder =
                terms.count == 1 && x.moment != y.moment
                ? (x.moment < y.moment ? terms[0] : 1 - terms[0]) : pair.nextChooser()
            let products = terms.map { left in
                let (held, others) = left == holder ? (x, y) : (y, x)
                let encrypted = slots.encrypt(held.part.map { [$0] }, in: .words, count: range.count, holder: holder)
                return (encrypted, others.part.map { [$0] })
            }
            return [pair.product(x, y, [slots.sum(products).map { $0[0] }])]
        } transfers: { [pair] range in
            [pair.product(x.flat(range), y.flat(range))]
        }[0]
    }

    /// Shares of x², …, x^degree, element by element.
    ///
    /// In slots one party's powers are encrypted, and the sums of the products with the other's, Σ_m C(d, m)·x_0^(d − m)·x_1^m, are answered each.
    package func powers(_ x: PairWords, degree: Int) throws -> [PairWords] {
        guard degree >= 2, x.knownTo == nil else { return pair.powers(x, degree: degree) }
        let kernels = pair.kernels
        return try elementwise(x.count, .powers(degree: degree)) { [pair, slots] range in
            let own = pair.ownPowers(x.flat(range), degree: degree)
            let holder = pair.nextChooser()
            let encrypted = own.dropLast().map { power in
                slots.encrypt(power.map { [$0] }, in: .words, count: range.count, holder: holder)
            }
            return (2...degree).map { d in
                let mixed = slots.sum(
                    (1..<d).map { m in
                        let factor = UInt64(Pair.binomial(d, m))
                        return (encrypted[d - m - 1], own[m - 1].map { [kernels.multiply($0, scalar: factor)] })
                    }
                )
                return PairWords(count: range.count, part: own[d - 1].with(mixed) { kernels.add($0, $1[0]) })
            }
        } transfers: { [pair] range in
            pair.powers(x.flat(range), degree: degree)
        }
    }

    /// Shares of the cosine and the sine of number·x at scale 2^30, where 2^64 is a whole turn.
    ///
    /// e^(i(a + b)) = e^(ia)·e^(ib), exactly: where a + b wraps, a whole turn has passed. In slots one party's e^(ia) is encrypted, and multiplied by the other's.
    ///
    /// - Note: Within a unit of 2^-30 of the product of what each party computes of its part, each within 7 units of its cosine and sine: below 21 units in
    ///   all. By transfers, as few or left over elements are made, below 28 units more than that of the parties' own.
    package func harmonics(_ x: PairWords, number: Int) throws -> [PairWords] {
        guard x.knownTo == nil else { return pair.harmonics(x, number: number) }
        return try elementwise(x.count, .harmonic) { [pair, slots] range in
            let waves = pair.ownWaves(x.flat(range), number: number)
            let encrypted = slots.encrypt(waves, in: .complex, count: range.count, holder: pair.nextChooser())
            let product = slots.sum([(encrypted, waves)])
            return [0, 1].map { part in PairWords(count: range.count, part: product.map { $0[part] }) }
        } transfers: { [pair] range in
            pair.harmonics(x.flat(range), number: number)
        }
    }

    /// Some elements at a time, so that no more of them waits than may.
    private func elementwise(
        _ count: Int,
        _ work: ElementwiseWork,
        slots: (Range<Int>) throws -> [PairWords],
        transfers: (Range<Int>) throws -> [PairWords]
    ) throws -> [PairWords] {
        let inSlots = work.inSlots(of: count)
        var pieces: [[PairWords]] = []
        func make(_ range: Range<Int>, _ body: (Range<Int>) throws -> [PairWords]) throws {
            if !pieces.isEmpty { try exchangeIfFull() }
            pieces.append(try body(range))
        }
        for range in work.pieces(inSlots: inSlots) { try make(range, slots) }
        for range in slabs.of(count - inSlots) {
            try make(inSlots + range.lowerBound..<inSlots + range.upperBound, transfers)
        }
        guard let first = pieces.first else { return try transfers(0..<0) }
        return first.indices.map { index in PairWords.joining(pieces.map { $0[index] }, pair.kernels) }
    }
}
