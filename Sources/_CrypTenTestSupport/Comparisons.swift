/// Comparisons of words with what they should look like: each the probability that uniform words look so odd, or more.
///
/// A test has one rate of false alarms. It is divided by the number of comparisons that were made, so that all together
/// raise a false alarm no more often. Where one comparison is the oddest of several, its probability is multiplied by
/// their number.
///
/// Counts of bits are bounded exactly, by Hoeffding's inequality. Pearson's statistic is taken for a chi-square variable,
/// and only where a cell expects 32 samples or more: there its skewness is less than 2 % above that of the chi-square
/// distribution, which at a probability of 10^-12 makes a factor of less than 1.3.
package struct Comparisons: Sendable {
    package struct Comparison: Sendable, CustomStringConvertible {
        package var name: String
        /// How often uniform words look so odd.
        package var probability: Double

        package var description: String {
            "\(name): \(probability)"
        }
    }

    package private(set) var all: [Comparison] = []

    package init() {}

    package mutating func add(_ name: String, _ probability: Double) {
        all.append(Comparison(name: name, probability: probability))
    }

    package mutating func add(_ other: Comparisons, prefix: String) {
        all += other.all.map { Comparison(name: "\(prefix), \($0.name)", probability: $0.probability) }
    }

    /// What looks too odd at this rate of false alarms.
    package func failures(falseAlarm: Double) -> [Comparison] {
        all.filter { $0.probability < falseAlarm / Double(all.count) }
    }
}

extension Comparisons {
    /// Lags of the serial correlation of words, and of bits.
    private static let wordLags = Array(1...64) + [128]
    private static let bitLags = Array(1...63)

    /// One stream of words: bytes, every position's bits, words that are there twice, and serial correlation of words and
    /// of bits.
    ///
    /// Hypothesis: the words are independent and uniform.
    package mutating func addStream(_ name: String, _ words: [UInt64]) {
        guard !words.isEmpty else { return }
        addCells("\(name): chi-square", words)
        addPositions("\(name): bits of a position", words)
        addEqual("\(name): a word again", words.count - Set(words).count, of: words.count * (words.count - 1) / 2)
        let lags = Comparisons.wordLags.filter { $0 < words.count }
        let lowest = words.withUnsafeBufferPointer { words in
            lags.reduce(1.0) { lowest, lag in
                var ones = 0
                for index in lag..<words.count { ones += (words[index] ^ words[index - lag]).nonzeroBitCount }
                return min(lowest, fairBitsTail(ones: ones, of: 64 * (words.count - lag)))
            }
        }
        if !lags.isEmpty { add("\(name): serial correlation of words", min(1, lowest * Double(lags.count))) }
        guard words.count > 1 else { return }
        let lowestOfBits = words.withUnsafeBufferPointer { words in
            Comparisons.bitLags.reduce(1.0) { lowest, lag in
                let (low, high) = (UInt64(lag), UInt64(64 - lag))
                var ones = 0
                for index in 1..<words.count {
                    let shifted = words[index - 1] &>> low | words[index] &<< high
                    ones += (words[index - 1] ^ shifted).nonzeroBitCount
                }
                return min(lowest, fairBitsTail(ones: ones, of: 64 * (words.count - 1)))
            }
        }
        add("\(name): serial correlation of bits", min(1, lowestOfBits * Double(Comparisons.bitLags.count)))
    }

    /// Two runs of words that should have nothing to do with each other: their differences, and the bits that are equal.
    ///
    /// Hypothesis: given one, the other is uniform; then both their difference modulo 2^64 and their XOR are.
    package mutating func addPair(_ name: String, _ a: [UInt64], _ b: [UInt64]) {
        let count = min(a.count, b.count)
        guard count > 0 else { return }
        addCells("\(name): chi-square of differences", zip(a, b).map { $0 &- $1 })
        var ones = 0
        for index in 0..<count { ones += (a[index] ^ b[index]).nonzeroBitCount }
        add("\(name): bits in common", fairBitsTail(ones: ones, of: 64 * count))
        addEqual("\(name): equal words", (0..<count).reduce(0) { $0 + (a[$1] == b[$1] ? 1 : 0) }, of: count)
    }

    /// Very many words of which each should be uniform and independent of the others: bits and bytes at every position.
    ///
    /// What is added up over runs shows a bias that is too small for one of them.
    package mutating func addPool(_ name: String, _ words: [UInt64]) {
        guard words.count >= 256 * 32 else { return }
        addPositions("\(name): bits of a position", words)
        var lowest = 1.0
        for place in 0..<8 {
            var counts = [Double](repeating: 0, count: 256)
            for word in words { counts[Int(truncatingIfNeeded: word >> UInt64(8 * place) & 255)] += 1 }
            let expected = Double(words.count) / 256
            let statistic = counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
            lowest = min(lowest, chiSquareTail(statistic, degrees: 255))
        }
        add("\(name): bytes of a position", min(1, lowest * 8))
    }

    /// Pairs of words that are equal, of so many that each are with probability 2^-64: one is as odd as their number says.
    private mutating func addEqual(_ name: String, _ equal: Int, of pairs: Int) {
        add(name, equal == 0 ? 1 : Double(pairs) * 0x1p-64)
    }

    /// All pairs of planes of bits, or of one's and another's: how many bits they have in common.
    package mutating func addPlanes(_ name: String, _ planes: [[UInt64]], against others: [[UInt64]]? = nil) {
        var (lowest, pairs, worst) = (1.0, 0, "")
        for i in planes.indices {
            for j in others?.indices ?? planes.indices where others != nil || j > i {
                let (a, b) = (planes[i], others?[j] ?? planes[j])
                var ones = 0
                for index in 0..<min(a.count, b.count) { ones += (a[index] ^ b[index]).nonzeroBitCount }
                let tail = fairBitsTail(ones: ones, of: 64 * min(a.count, b.count))
                pairs += 1
                if tail < lowest { (lowest, worst) = (tail, "\(i) and \(j)") }
            }
        }
        if pairs > 0 { add("\(name): planes \(worst)", min(1, lowest * Double(pairs))) }
    }

    /// Two samples of one distribution, whatever that is: their bytes.
    package mutating func addSamples(_ name: String, _ a: [UInt64], _ b: [UInt64]) {
        guard min(a.count, b.count) * 8 >= 256 * 32 else { return }
        add("\(name): chi-square between samples", chiSquareTail(chiSquareOfBytes(a, against: b), degrees: 255))
    }

    /// Bits that should be 1 with a given probability.
    package mutating func addRate(_ name: String, ones: Int, of count: Int, probability: Double) {
        add(name, bitsTail(ones: ones, of: count, probability: probability))
    }

    /// Pearson's statistic of bytes, of half bytes where there are few, and of none where there are fewer.
    private mutating func addCells(_ name: String, _ words: [UInt64]) {
        if words.count * 8 >= 256 * 32 {
            add(name, chiSquareTail(chiSquareOfBytes(words), degrees: 255))
        } else if words.count * 16 >= 16 * 32 {
            var counts = [Double](repeating: 0, count: 16)
            for word in words {
                for place in 0..<16 { counts[Int(truncatingIfNeeded: word >> UInt64(4 * place) & 15)] += 1 }
            }
            let expected = Double(words.count)
            add(
                name,
                chiSquareTail(counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }, degrees: 15)
            )
        }
    }

    private mutating func addPositions(_ name: String, _ words: [UInt64]) {
        var counts = [Int](repeating: 0, count: 64)
        for word in words {
            for position in 0..<64 { counts[position] += Int(truncatingIfNeeded: word >> UInt64(position) & 1) }
        }
        let lowest = counts.map { fairBitsTail(ones: $0, of: words.count) }.min() ?? 1
        add(name, min(1, lowest * 64))
    }
}
