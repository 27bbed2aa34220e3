package import CrypTenRing

/// `expand`: words of the generator, stored, added, subtracted or xored.
///
/// What is expanded has no memory until somebody reads it.
extension DeviceKernels {
    package func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor {
        precondition(start >= 0, "words of a stream are counted from 0")
        let words = WordSource.Expansion(key, number: number, from: start)
        return RingTensor(storage: Storage(.expansion(words), count: shape.count), firstWord: 0, shape: shape)
    }

    package func accumulateExpansion(
        _ sum: inout RingTensor,
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        subtracting: Bool
    ) {
        if staysOnHost(sum) {
            return host.accumulateExpansion(&sum, key, number: number, from: start, subtracting: subtracting)
        }
        let count = sum.count
        onDevice(()) { call in
            try call.update(&sum) {
                try call.expand(key, number: number, from: start, count: count, to: $0, subtracting ? .subtract : .add)
            }
        }
    }

    package func expandBits(
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int,
        planes: Int,
        count: Int
    ) -> BitPlanes {
        let step = BitPlanes.words(for: count)
        let words = expand(key, number: number, from: start * step, shape: [planes * step])
        return self.planes(words, planes: planes, count: count)
    }

    package func accumulateBitExpansion(
        _ sum: inout BitPlanes,
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int
    ) {
        if staysOnHost(sum) {
            return host.accumulateBitExpansion(&sum, key, number: number, fromPlane: start)
        }
        let (planes, step, count) = (sum.planes, sum.wordsPerPlane, sum.count)
        onDevice(()) { call in
            try call.update(&sum) { to in
                try call.expand(key, number: number, from: start * step, count: planes * step, to: to, .xor)
                try call.clearTails(to, planes: planes, of: count)
            }
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
        guard !range.isEmpty else { return }
        onDevice(out.update(repeating: 0, count: range.count)) { call in
            let to = try call.room(range.count)
            let walk = DeviceWalk([range.count], to: [1], from: [1])
            try call.copy(walk, to: to, from: try call.place(of: secret).advanced(words: range.lowerBound))
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

    func expand(
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
