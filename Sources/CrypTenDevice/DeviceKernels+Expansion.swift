package import CrypTenRing

/// `expand`: words of the generator, stored, added, subtracted or xored.
///
/// What is expanded has no memory until somebody reads it.
extension DeviceKernels {
    package func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor {
        precondition(start >= 0, "words of a stream are counted from 0")
        let words = Storage(.expansion(.init(key, number: number, from: start)), count: shape.count)
        if shape.count > 0 { expansions.append(words) }
        return RingTensor(storage: words, firstWord: 0, shape: shape)
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
    func expand(
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        count: Int,
        to: DeviceAddress,
        _ combination: Combination
    ) throws {
        precondition(start >= 0, "words of a stream are counted from 0")
        try expand([ExpansionOnDevice(key, number: number, start: start, count: count, to: to, combination)])
    }

    /// Makes what waits, in storages of which nobody has read a word.
    func expand(_ waiting: [(Storage, WordSource.Expansion)]) throws {
        let made = try waiting.map { try newWords($0.0.count) }
        try expand(
            zip(waiting, made).map { waiting, made in
                let (storage, words) = waiting
                return ExpansionOnDevice(
                    words.key,
                    number: words.number,
                    start: words.start,
                    count: storage.count,
                    to: made.block.address,
                    .store
                )
            }
        )
        for ((storage, _), words) in zip(waiting, made) { storage.computed(words) }
    }

    /// Queues as few kernels as have room for all parts and their keys.
    private func expand(_ all: [ExpansionOnDevice]) throws {
        var rest = all.filter { $0.count > 0 }[...]
        while !rest.isEmpty {
            var keys: [ExpansionKey] = []
            var parts: [ExpandPart] = []
            var groups = 0
            while let next = rest.first, parts.count < ExpandArguments.mostParts {
                let known = keys.firstIndex { $0 === next.key }
                guard known != nil || keys.count < ExpandArguments.mostKeys else { break }
                if known == nil { keys.append(next.key) }
                parts.append(next.part(key: known ?? keys.count - 1, groupsBefore: groups))
                groups += next.groups
                rest.removeFirst()
            }
            try launch(
                "expand",
                groups: DeviceGroups(groups),
                threads: ExpansionOnDevice.threads,
                bytes: ExpandArguments.bytes
            ) { buffer in
                for (index, part) in parts.enumerated() {
                    buffer.storeBytes(
                        of: part,
                        toByteOffset: index * MemoryLayout<ExpandPart>.stride,
                        as: ExpandPart.self
                    )
                }
                for (index, key) in keys.enumerated() {
                    let place = ExpandArguments.keys + index * MemoryLayout<RoundKeys>.stride
                    buffer.storeBytes(of: RoundKeys(key), toByteOffset: place, as: RoundKeys.self)
                }
                buffer.storeBytes(of: UInt32(parts.count), toByteOffset: ExpandArguments.count, as: UInt32.self)
            }
        }
    }
}

/// Words of a stream, and what becomes of them on the device.
private struct ExpansionOnDevice {
    static let threads = 128
    /// What a group makes begins at a multiple of it.
    private static let unit = 512

    let key: ExpansionKey
    let number: UInt64
    let start, count: Int
    let to: DeviceAddress
    let combination: Combination

    init(
        _ key: ExpansionKey,
        number: UInt64,
        start: Int,
        count: Int,
        to: DeviceAddress,
        _ combination: Combination
    ) {
        (self.key, self.number, self.start, self.count) = (key, number, start, count)
        (self.to, self.combination) = (to, combination)
    }

    var groups: Int {
        (start % Self.unit + count + ExpandArguments.wordsOfGroup - 1) / ExpandArguments.wordsOfGroup
    }

    func part(key: Int, groupsBefore: Int) -> ExpandPart {
        ExpandPart(
            to: to,
            count: UInt64(count),
            number: number,
            first: UInt64(start),
            combination: combination.rawValue,
            key: UInt32(key),
            groups: UInt32(groupsBefore)
        )
    }
}
