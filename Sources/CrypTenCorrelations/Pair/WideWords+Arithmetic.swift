import CrypTenRing

/// Arithmetic modulo 2^128, element by element.
extension WideWords {
    init(zeros count: Int) {
        self.init(low: RingTensor(zeros: [count]), high: RingTensor(zeros: [count]))
    }

    /// Elements that a function makes of the elements of words.
    init(_ words: RingTensor, _ body: (UInt64) -> UInt128) {
        let count = words.count
        var (low, high) = (RingTensor(uninitialized: [count]), RingTensor(uninitialized: [count]))
        words.withWords { words in
            low.withMutableWords { low in
                high.withMutableWords { high in
                    for i in 0..<count {
                        let value = body(words[i])
                        low[i] = UInt64(truncatingIfNeeded: value)
                        high[i] = UInt64(truncatingIfNeeded: value >> 64)
                    }
                }
            }
        }
        self.init(low: low, high: high)
    }

    /// `self += other · 2^bits`
    mutating func add(_ other: WideWords, shiftedLeft bits: Int = 0) {
        combine(with: other) { $0 &+ $1 << UInt128(bits) }
    }

    /// Replaces each element by what a function makes of it and of another's.
    mutating func combine(with other: WideWords, _ body: (UInt128, UInt128) -> UInt128) {
        let count = low.count
        other.low.withWords { otherLow in
            other.high.withWords { otherHigh in
                low.withMutableWords { low in
                    high.withMutableWords { high in
                        for i in 0..<count {
                            let own = UInt128(high[i]) << 64 | UInt128(low[i])
                            let others = UInt128(otherHigh[i]) << 64 | UInt128(otherLow[i])
                            let value = body(own, others)
                            low[i] = UInt64(truncatingIfNeeded: value)
                            high[i] = UInt64(truncatingIfNeeded: value >> 64)
                        }
                    }
                }
            }
        }
    }

    /// What a function makes of each element.
    func map(_ body: (UInt128) -> UInt128) -> WideWords {
        var copy = self
        copy.combine(with: self) { own, _ in body(own) }
        return copy
    }

    /// Words that a function makes of each element and of a word beside it.
    func combined(with words: RingTensor, _ body: (UInt128, UInt64) -> UInt64) -> RingTensor {
        var out = RingTensor(uninitialized: words.shape)
        let count = words.count
        words.withWords { words in
            low.withWords { low in
                high.withWords { high in
                    out.withMutableWords { out in
                        for i in 0..<count { out[i] = body(UInt128(high[i]) << 64 | UInt128(low[i]), words[i]) }
                    }
                }
            }
        }
        return out
    }

    /// Words that a function makes of each element.
    func words(_ body: (UInt128) -> UInt64) -> RingTensor {
        combined(with: low) { value, _ in body(value) }
    }
}
