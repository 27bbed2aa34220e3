import CrypTenRing

/// Products of shared words, element by element, and powers of them.
extension Pair {
    /// Shares of x·y of words that one party has and of words that the other has.
    ///
    /// y = Σ_j 2^j·y_j, and its bits are choices that weigh x.
    /// - Complexity: 64 transfers, and 64 + 63 + … + 1 bits of message an element.
    /// > Gilboa, "Two party RSA key generation", CRYPTO '99.
    func cross(_ x: Later<RingTensor>, _ choices: PairChoices, count: Int) -> Later<RingTensor> {
        weigh(
            by: choices,
            (0..<64).map { WeighedWord(plane: $0, width: 64 - $0, shift: $0) },
            after: x.moment,
            words: { _ in .words(try x.value()) },
            into: { [RingTensor(zeros: [count])] }
        ).map { $0[0] }
    }

    /// By party: whose part of x meets the other's part of y, where neither is zeros.
    static func crossTerms(_ x: PairWords, _ y: PairWords) -> [Int] {
        (0..<2).filter { (x.knownTo ?? $0) == $0 && (y.knownTo ?? 1 - $0) == 1 - $0 }
    }

    /// Shares of x·y: own products, and a cross term for each party whose part of y isn't zeros where the other's of x isn't.
    ///
    /// The bits of y choose: what is known first.
    package func product(_ x: PairWords, _ y: PairWords) -> PairWords {
        let kernels = kernels
        let terms = Pair.crossTerms(x, y).map { left in
            let choices = choices(of: 1 - left, planes: 64, count: x.count, after: y.moment) {
                kernels.planes(of: try y.part.value(), from: 0, count: 64)
            }
            return cross(x.part, choices, count: x.count)
        }
        return product(x, y, terms)
    }

    /// Own products, and shares of all cross terms.
    func product(_ x: PairWords, _ y: PairWords, _ terms: [Later<RingTensor>]) -> PairWords {
        let kernels = kernels
        let (count, party) = (x.count, party)
        let isLocal = (x.knownTo ?? party) == party && (y.knownTo ?? party) == party
        return PairWords(
            count: count,
            part: Later(at: (terms.map(\.moment) + [x.moment, y.moment]).max()!) {
                var sum =
                    isLocal
                    ? kernels.multiply(
                        try x.part.value().reshaped(to: [count]),
                        try y.part.value().reshaped(to: [count])
                    )
                    : RingTensor(zeros: [count])
                for term in terms { kernels.accumulate(&sum, adding: try term.value()) }
                return sum
            },
            knownTo: terms.isEmpty ? x.knownTo ?? y.knownTo : nil
        )
    }

    /// This party's part's x, …, x^degree.
    func ownPowers(_ x: PairWords, degree: Int) -> [Later<RingTensor>] {
        let kernels = kernels
        return (1...degree).map { d in
            x.part.map { x in (1..<d).reduce(x) { power, _ in kernels.multiply(power, x) } }
        }
    }

    /// Shares of x², …, x^degree.
    ///
    /// (x_0 + x_1)^d = Σ_m C(d, m)·x_0^(d − m)·x_1^m: the bits of one party's powers weigh the other's.
    /// - Complexity: 64·(degree − 1) transfers an element.
    package func powers(_ x: PairWords, degree: Int) -> [PairWords] {
        guard degree >= 2 else { return [] }
        let kernels = kernels
        let count = x.count
        let own = ownPowers(x, degree: degree)
        guard x.knownTo == nil else {
            return own.dropFirst().map { PairWords(count: count, part: $0, knownTo: x.knownTo) }
        }
        let chooser = nextChooser()
        // mixed[m][j]: shares of x_words^j · x_chooser^m
        var mixed: [Int: Later<[RingTensor]>] = [:]
        for m in 1..<degree {
            let choices = choices(of: chooser, planes: 64, count: count, after: x.moment) {
                kernels.planes(of: try own[m - 1].value(), from: 0, count: 64)
            }
            let exponents = degree - m
            mixed[m] = weigh(
                by: choices,
                (0..<64).flatMap { plane in
                    (0..<exponents).map { WeighedWord(plane: plane, width: 64 - plane, shift: plane, sum: $0) }
                },
                after: x.moment,
                words: { .words(try own[$0 % exponents].value()) },
                into: { (0..<exponents).map { _ in RingTensor(zeros: [count]) } }
            )
        }
        let moment = mixed.values.map(\.moment).max()!
        return (2...degree).map { d in
            PairWords(
                count: count,
                part: Later(at: moment) {
                    var power = try own[d - 1].value()
                    for m in 1..<d {
                        kernels.accumulate(
                            &power,
                            adding: try mixed[m]!.value()[d - m - 1],
                            times: UInt64(Pair.binomial(d, m))
                        )
                    }
                    return power
                }
            )
        }
    }

    static func binomial(_ n: Int, _ k: Int) -> Int {
        (0..<k).reduce(1) { $0 * (n - $1) / ($1 + 1) }
    }
}
