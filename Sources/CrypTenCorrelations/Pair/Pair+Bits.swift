import CrypTenRing

/// Numbers, products and selections of shared bits.
extension Pair {
    /// A bit as a number modulo 2^width: b_0 + b_1 − 2·b_0·b_1, of which one party's bit weighs the other's.
    ///
    /// - Complexity: a transfer and `width − 1` bits of message an element.
    package func number(of bits: PairBits, plane: Int, width: Int, chooser: Int? = nil) -> PairWords {
        let kernels = kernels
        let count = bits.count
        let own = bits.part.map { kernels.words(of: $0[plane], shape: [count]) }
        guard width > 1 else { return PairWords(count: count, part: own) }
        let chooser = chooser ?? nextChooser()
        choose(chooser, by: bits, planes: [plane])
        let place = bits.choice(plane, to: chooser)!
        let product = weigh(
            by: place.choices,
            [WeighedWord(plane: place.plane, width: width - 1)],
            after: bits.moment,
            words: { _ in .ones(try bits.part.value()[plane]) },
            into: { [RingTensor(zeros: [count])] }
        )
        return PairWords(
            count: count,
            part: own.with(product) { own, product in
                var number = own
                kernels.accumulate(&number, adding: product[0], times: 0 &- 2)
                return width == 64 ? number : kernels.lowBits(number, width)
            }
        )
    }

    /// A word where a bit is 1, else 0, modulo 2^width: of several words at once.
    ///
    /// With b = b_0 ⊕ b_1 and x = x_0 + x_1, party i's part is weighed by both bits: b·x_i = b_i·x_i + b_j·(1 − 2·b_i)·x_i, the first of which
    /// it computes, and the second are words that the other's bit weighs.
    ///
    /// - Complexity: two transfers, and 2·width bits of message for each word.
    package func select(_ bits: PairBits, plane: Int, _ words: [PairWords], width: Int = 64) -> [PairWords] {
        let kernels = kernels
        let (count, part) = (bits.count, bits.part)
        let moment = words.map(\.moment).max() ?? 0
        func own(_ word: RingTensor) throws -> RingTensor { kernels.keep(word, where: try part.value()[plane]) }
        let weighed = (0..<2).map { chooser -> Later<[RingTensor]> in
            // What only the chooser knows of isn't weighed by its bit.
            let sent = words.indices.filter { words[$0].knownTo != chooser }
            choose(chooser, by: bits, planes: [plane])
            let place = bits.choice(plane, to: chooser)!
            return weigh(
                by: place.choices,
                sent.map { WeighedWord(plane: place.plane, width: width, sum: $0) },
                after: max(moment, bits.moment),
                words: { .words(kernels.negate(try words[sent[$0]].part.value(), where: try part.value()[plane])) },
                into: { words.map { _ in RingTensor(zeros: [count]) } }
            )
        }
        return words.indices.map { index in
            PairWords(
                count: count,
                part: Later(at: max(weighed[0].moment, weighed[1].moment)) {
                    var sum = try own(try words[index].part.value())
                    for share in weighed { kernels.accumulate(&sum, adding: try share.value()[index]) }
                    return width == 64 ? sum : kernels.lowBits(sum, width)
                }
            )
        }
    }

    /// A number uniform in 0 ..< 2^bits, of random bits that lie in as many planes.
    ///
    /// - Complexity: `bits` transfers, and 63 + 62 + … bits of message an element.
    package func number(ofRandom bits: PairBits) -> PairWords {
        let kernels = kernels
        let (count, planes) = (bits.count, bits.planes)
        let chooser = nextChooser()
        choose(chooser, by: bits, planes: Array(0..<planes))
        let place = bits.choice(0, to: chooser)!
        let products = weigh(
            by: place.choices,
            (0..<planes).map { WeighedWord(plane: $0, width: max(1, 63 - $0), shift: $0) },
            after: bits.moment,
            words: { .ones(try bits.part.value()[$0]) },
            into: { [RingTensor(zeros: [count])] }
        )
        return PairWords(
            count: count,
            part: bits.part.with(products) { part, products in
                var number = kernels.words(of: part, shape: [count])
                kernels.accumulate(&number, adding: products[0], times: 0 &- 2)
                return number
            }
        )
    }

    /// A number of two words where a bit is 1, or where it is 0, modulo 2^width.
    func selectWide(
        _ bits: PairBits,
        plane: Int,
        negated: Bool,
        _ words: Later<WideWords>,
        width: Int
    ) -> Later<WideWords> {
        let (count, party) = (bits.count, party)
        // This party's part of the bit that selects: its first party's is turned round.
        let own = bits.part.map { [kernels] in
            let plane = $0[plane]
            return kernels.words(of: negated && party == 0 ? kernels.not(plane) : plane, shape: [count])
        }
        let moment = max(words.moment, bits.moment)
        let weighed = (0..<2).map { chooser -> Later<WideWords> in
            let kernels = kernels
            let choices = choices(of: chooser, planes: 1, count: count, after: bits.moment) {
                kernels.planes(of: try own.value(), from: 0, count: 1)
            }
            return weighWide(
                by: choices,
                [(0, width)],
                after: moment,
                words: { _ in
                    let (words, own) = (try words.value(), try own.value())
                    var signed = words
                    let bit = WideWords(own) { UInt128($0) }
                    signed.combine(with: bit) { word, bit in word &* (1 &- 2 &* bit) }
                    return signed
                },
                into: { WideWords(zeros: count) }
            ) { sum, _, share in
                sum = share
            }
        }
        return Later(at: max(weighed[0].moment, weighed[1].moment)) {
            var sum = try words.value()
            sum.combine(with: WideWords(try own.value()) { UInt128($0) }) { $0 &* $1 }
            for share in weighed { sum.add(try share.value()) }
            return sum
        }
    }
}
