private import CCrypTenKernels

/// Words that are overwritten when nobody has them any more: keys of trees, what is prepared of them, and Δ.
///
/// Safety of `@unchecked Sendable`: written by whoever makes it, or by the one owner that moves its keys forward, and read alone when it
/// is shared.
package final class SecretWords: @unchecked Sendable {
    package let count: Int
    let words: UnsafeMutablePointer<UInt64>

    /// Zeros, at a multiple of 64 bytes.
    package init(_ count: Int) {
        self.count = count
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 8, alignment: 64)
        words = bytes.bindMemory(to: UInt64.self, capacity: max(count, 1))
        words.initialize(repeating: 0, count: max(count, 1))
    }

    package convenience init(_ elements: [UInt64]) {
        self.init(elements.count)
        for (i, element) in elements.enumerated() { words[i] = element }
    }

    /// Words of the system's generator.
    package static func drawn(_ count: Int) -> SecretWords {
        let drawn = SecretWords(count)
        var system = SystemRandomNumberGenerator()
        for i in 0..<count { drawn.words[i] = system.next() }
        return drawn
    }

    package subscript(i: Int) -> UInt64 {
        get {
            precondition(i >= 0 && i < count, "word \(i) of \(count)")
            return words[i]
        }
        set {
            precondition(i >= 0 && i < count, "word \(i) of \(count)")
            words[i] = newValue
        }
    }

    /// The words as an array, for tests.
    package var elements: [UInt64] {
        Array(UnsafeBufferPointer(start: words, count: count))
    }

    package func wipe() {
        cct_wipe(words, count * 8)
    }

    deinit {
        wipe()
        UnsafeMutableRawPointer(words).deallocate()
    }
}
