import CrypTenRing

/// The bus, and the generator.
extension DeviceComparison {
    /// What is uploaded comes back, by either way, in pieces or at once.
    mutating func compareCopies() throws {
        var numbers = EdgeWords(1)
        let queue = device.queue
        let large = isShort ? [40_000] : [32_768, 524_288, 524_289, 3_000_001]
        for count in [1, 2, 511, 4097] + large {
            let words = numbers.tensor([count]).elements
            let block = try queue.allocate(bytes: count * 8)
            defer { queue.free(block) }
            try words.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                try queue.upload(base, bytes: bytes.count, to: block.address)
            }
            let transfer = try queue.beginDownload(block.address, bytes: count * 8)
            var back = [UInt64](repeating: 0, count: count)
            try back.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                try queue.download(block.address, bytes: bytes.count, to: base)
            }
            compare(back, with: words, "\(count) words, waited for")
            let copied = try transfer.wait()
            compare(Array(copied.bindMemory(to: UInt64.self)), with: words, "\(count) words, begun before")
            try queue.wipe(block.address, bytes: count * 8)
            try back.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                try queue.download(block.address, bytes: bytes.count, to: base)
            }
            compare(back, with: [UInt64](repeating: 0, count: count), "\(count) words, overwritten")
        }
    }

    private static let key = ExpansionKey(low: 0x5EED_0000_0000_0001, high: 0x0123_4567_89AB_CDEF)
    private static let other = ExpansionKey(low: .max, high: 1 << 63)
    /// Even and odd, at the edges of a group's words, and where a word's or a block's number takes more than 32 bits.
    private static let starts = [
        0, 1, 127, 255, 511, 512, 2047, 12_345, (1 << 32) - 1, 1 << 33, (1 << 33) + 1, (1 << 40) + 7,
    ]

    private var lengths: [Int] {
        isShort ? [1, 513, 2049] : [1, 2, 31, 65, 511, 513, 1536, 1537, 2048, 2049, 4097, 1_000_003]
    }

    mutating func compareExpansions() {
        for (index, start) in Self.starts.enumerated() {
            for count in lengths where count < 1_000_000 || index % 5 == 1 {
                let number = UInt64(index) << (index % 2 == 0 ? 0 : 40)
                equal("\(count) words from \(start)") {
                    $0.expand(Self.key, number: number, from: start, shape: [count]).elements
                }
            }
            equal("planes from plane \(start % 5)") {
                $0.expandBits(Self.other, number: .max, fromPlane: start % 5, planes: 3, count: 100 + index).elements
            }
        }
        equal("many that wait, under several keys") { kernels in
            let all = (0..<25).map { index in
                let key = ExpansionKey(low: UInt64(index % 4), high: 5)
                return kernels.expand(key, number: UInt64(index), from: 3 * index, shape: [40 * index + 1])
            }
            return kernels.concatenate(all, axis: 0).elements
        }
    }

    mutating func compareSumsOfExpansions() {
        var numbers = EdgeWords(2)
        for (index, start) in Self.starts.enumerated() {
            for count in lengths where count < 1_000_000 || index % 5 == 1 {
                let base = numbers.tensor([count])
                for subtracting in [false, true] {
                    equal("\(count) words from \(start)\(subtracting ? ", subtracted" : "")") {
                        var sum = base
                        $0.accumulateExpansion(&sum, Self.key, number: 3, from: start, subtracting: subtracting)
                        return sum.elements
                    }
                }
            }
            let (count, bits) = (130 + 64 * index, numbers.planes(5, count: 130 + 64 * index))
            equal("planes of \(count) from plane \(start % 7)") {
                var sum = bits
                $0.accumulateBitExpansion(&sum, Self.other, number: 9, fromPlane: start % 7)
                return sum.elements
            }
        }
        for count in counts {
            let (secret, planes) = (numbers.tensor([count]), numbers.planes(3, count: count))
            for range in [0..<count, count / 3..<count, count / 2..<count / 2] {
                equal("words \(range) less two streams'") { kernels in
                    Self.differences(range) {
                        kernels.writeDifference(of: secret, [Self.key, Self.other], number: 4, words: range, to: $0)
                    }
                }
            }
            let range = 1..<planes.wordCount
            equal("words \(range) of planes of \(count) less two streams'") { kernels in
                Self.differences(range) {
                    kernels.writeDifference(of: planes, [Self.key, Self.other], number: 4, words: range, to: $0)
                }
            }
        }
    }

    private static func differences(_ range: Range<Int>, _ write: (UnsafeMutablePointer<UInt64>) -> Void) -> [UInt64] {
        // Memory of its own also where there is nothing to write.
        var words = [UInt64](repeating: 0, count: range.count + 1)
        words.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { write(base) } }
        return Array(words.dropLast())
    }
}
