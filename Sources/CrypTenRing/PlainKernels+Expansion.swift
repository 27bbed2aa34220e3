extension PlainKernels {
    package func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor {
        var out = RingTensor(uninitialized: shape)
        out.withMutableWords { out in
            PlainAES(key).forEachWord(number: number, in: start..<start + shape.count) { out[$0] = $1 }
        }
        return out
    }

    package func accumulateExpansion(
        _ sum: inout RingTensor,
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        subtracting: Bool
    ) {
        let words = expand(key, number: number, from: start, shape: sum.shape)
        subtracting ? accumulate(&sum, subtracting: words) : accumulate(&sum, adding: words)
    }

    package func expandBits(
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int,
        planes: Int,
        count: Int
    ) -> BitPlanes {
        var out = BitPlanes(uninitialized: planes, count: count)
        let first = start * out.wordsPerPlane
        let words = planes * out.wordsPerPlane
        out.withMutableWords { out in
            PlainAES(key).forEachWord(number: number, in: first..<first + words) { out[$0] = $1 }
        }
        out.clearTails()
        return out
    }

    package func accumulateBitExpansion(
        _ sum: inout BitPlanes,
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int
    ) {
        accumulate(
            &sum,
            xor: expandBits(key, number: number, fromPlane: start, planes: sum.planes, count: sum.count)
        )
    }
}
