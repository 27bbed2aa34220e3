internal import CCrypTenKernels

extension NativeKernels {
    package func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor {
        var out = RingTensor(uninitialized: shape)
        out.withMutableWords { combine($0, $0, CCT_STORE, key, number: number, words: start..<start + shape.count) }
        return out
    }

    /// Writes words of a stream to memory that holds nothing yet.
    package func write(
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        count: Int,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        combine(out, out, CCT_STORE, key, number: number, words: start..<start + count)
    }

    package func accumulateExpansion(
        _ sum: inout RingTensor,
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        subtracting: Bool
    ) {
        let count = sum.count
        sum.withUpdatedWords {
            combine($0, $1, subtracting ? CCT_SUBTRACT : CCT_ADD, key, number: number, words: start..<start + count)
        }
    }

    package func expandBits(
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int,
        planes: Int,
        count: Int
    ) -> BitPlanes {
        var out = BitPlanes(uninitialized: planes, count: count)
        combine(&out, CCT_STORE, key, number: number, fromPlane: start)
        return out
    }

    package func accumulateBitExpansion(
        _ sum: inout BitPlanes,
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int
    ) {
        combine(&sum, CCT_XOR, key, number: number, fromPlane: start)
    }

    package func writeDifference(
        of secret: RingTensor,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        precondition(range.upperBound <= secret.count, "words \(range) of \(secret.count)")
        secret.withWords { write(out, $0 + range.lowerBound, CCT_SUBTRACT, keys, number: number, words: range) }
    }

    package func writeDifference(
        of secret: BitPlanes,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        precondition(
            range.upperBound <= secret.planes * secret.wordsPerPlane,
            "words \(range) of \(secret.planes) planes"
        )
        secret.withWords { write(out, $0 + range.lowerBound, CCT_XOR, keys, number: number, words: range) }
        secret.clearTails(ofWords: range, at: out)
    }

    /// What comes of `old` and the streams of all keys; the first one brings `old` along.
    private func write(
        _ out: MutableWords,
        _ old: Words,
        _ combination: cct_combination,
        _ keys: [ExpansionKey],
        number: UInt64,
        words: Range<Int>
    ) {
        guard let first = keys.first else { return out.update(from: old, count: words.count) }
        combine(out, old, combination, first, number: number, words: words)
        for key in keys.dropFirst() { combine(out, out, combination, key, number: number, words: words) }
    }

    private func combine(
        _ planes: inout BitPlanes,
        _ combination: cct_combination,
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int
    ) {
        let words = planes.wordsPerPlane * start..<planes.wordsPerPlane * (start + planes.planes)
        planes.withUpdatedWords { combine($0, $1, combination, key, number: number, words: words) }
        planes.clearTails()
    }

    private func combine(
        _ out: MutableWords,
        _ old: Words,
        _ combination: cct_combination,
        _ key: ExpansionKey,
        number: UInt64,
        words: Range<Int>
    ) {
        precondition(words.lowerBound >= 0, "words of a stream are counted from 0")
        // Threads begin at whole groups of blocks of every cipher where the start does.
        split(words.count, work: 2, unit: 128) { range in
            cct_expand(
                cipher.value,
                combination,
                out + range.lowerBound,
                old + range.lowerBound,
                range.count,
                key.low,
                key.high,
                number,
                UInt64(words.lowerBound + range.lowerBound)
            )
        }
    }
}
