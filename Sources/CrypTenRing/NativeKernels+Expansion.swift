internal import CCrypTenKernels

extension NativeKernels {
    package func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor {
        var out = RingTensor(uninitialized: shape)
        out.withMutableWords { combine($0, $0, CCT_STORE, key, number: number, words: start..<start + shape.count) }
        return out
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
