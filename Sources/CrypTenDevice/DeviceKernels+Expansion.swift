package import CrypTenRing

/// `expand`: words of the generator, stored, added, subtracted or xored.
extension DeviceKernels {
    package func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor {
        onDevice { call in
            let to = try call.room(shape.count)
            try call.expand(key, number: number, from: start, count: shape.count, to: to, .store)
            return try call.download(to, shape: shape)
        }
    }

    package func accumulateExpansion(
        _ sum: inout RingTensor,
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        subtracting: Bool
    ) {
        onDevice { call in
            let to = try call.upload(sum)
            let combination: Combination = subtracting ? .subtract : .add
            try call.expand(key, number: number, from: start, count: sum.count, to: to, combination)
            try call.download(to, into: &sum)
        }
    }

    package func expandBits(
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int,
        planes: Int,
        count: Int
    ) -> BitPlanes {
        onDevice { call in
            let step = BitPlanes.words(for: count)
            let to = try call.room(planes * step)
            try call.expand(key, number: number, from: start * step, count: planes * step, to: to, .store)
            try call.clearTails(to, planes: planes, of: count)
            return try call.download(to, planes: planes, count: count)
        }
    }

    package func accumulateBitExpansion(
        _ sum: inout BitPlanes,
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int
    ) {
        onDevice { call in
            let step = sum.wordsPerPlane
            let to = try call.upload(sum)
            try call.expand(key, number: number, from: start * step, count: sum.planes * step, to: to, .xor)
            try call.clearTails(to, planes: sum.planes, of: sum.count)
            try call.download(to, into: &sum)
        }
    }

    package func writeDifference(
        of secret: RingTensor,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        writeDifference(of: secret, keys, number: number, words: range, to: out, .subtract)
    }

    package func writeDifference(
        of secret: BitPlanes,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        writeDifference(of: secret.asWords, keys, number: number, words: range, to: out, .xor)
        secret.clearTails(ofWords: range, at: out)
    }

    private func writeDifference(
        of secret: RingTensor,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>,
        _ combination: Combination
    ) {
        onDevice { call in
            let to = try call.upload(secret.flat(range))
            for key in keys {
                try call.expand(key, number: number, from: range.lowerBound, count: range.count, to: to, combination)
            }
            try call.download(to, words: range.count, to: out)
        }
    }
}

extension DeviceCall {
    /// Work-items of a group of the generator, and the words that it makes, from a multiple of the last number on.
    private static let expansion = (threads: 128, words: 2048, unit: 512)

    fileprivate func expand(
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        count: Int,
        to: DeviceAddress,
        _ combination: Combination
    ) throws {
        precondition(start >= 0, "words of a stream are counted from 0")
        guard count > 0 else { return }
        let (threads, words, unit) = Self.expansion
        try launch(
            "expand",
            groups: DeviceGroups(for: start % unit + count, threads: words),
            threads: threads,
            ExpandArguments(
                to: to,
                count: UInt64(count),
                number: number,
                first: UInt64(start),
                combination: combination.rawValue,
                keys: RoundKeys(key)
            )
        )
    }
}
