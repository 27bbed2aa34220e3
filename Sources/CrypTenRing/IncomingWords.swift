/// Words that come piece by piece, as frames bring them, on their way to where they will be computed with.
package protocol IncomingWords: AnyObject {
    /// Takes the next ones; whoever has the bytes may change them when this returns.
    func append(_ bytes: UnsafeRawBufferPointer)
    /// All of them, once: after the last one has come.
    func finish() -> RingTensor
}

/// Words on their way to the host's memory.
package final class IncomingHostWords: IncomingWords {
    private var words: RingTensor
    private var filled = 0

    /// - Parameter count: How many words will come.
    package init(_ count: Int) {
        words = RingTensor(uninitialized: [count])
    }

    package func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count % 8 == 0 && filled + bytes.count / 8 <= words.count, "whole words, as many as are due")
        guard let from = bytes.baseAddress else { return }
        words.withMutableWords { words in
            UnsafeMutableRawPointer(words + filled).copyMemory(from: from, byteCount: bytes.count)
        }
        filled += bytes.count / 8
    }

    package func finish() -> RingTensor {
        precondition(filled == words.count, "\(filled) of \(words.count) words have come")
        defer { words = RingTensor(zeros: [0]) }
        return words
    }
}
