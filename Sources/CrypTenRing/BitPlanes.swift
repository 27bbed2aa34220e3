/// Planes of bits, packed 64 to a word: plane `j` holds one bit of each of `count` elements.
///
/// Element `i` of a plane is bit `i % 64` of its word `i / 64`. Bits beyond `count` in a plane's last word are zero.
package struct BitPlanes: Sendable, StoredWords {
    package private(set) var storage: Storage
    package private(set) var firstWord: Int
    /// The number of planes.
    package let planes: Int
    /// The number of elements, each of which has one bit in every plane.
    package let count: Int

    /// Words that one plane takes.
    package var wordsPerPlane: Int {
        BitPlanes.words(for: count)
    }

    /// The words of all planes, one plane after the other; bits beyond `count` in a plane's last one must stay zero.
    package var wordCount: Int {
        planes * wordsPerPlane
    }

    package mutating func ownsStorage() -> Bool {
        isKnownUniquelyReferenced(&storage)
    }

    package mutating func look(into storage: Storage) {
        self.storage = storage
        firstWord = 0
    }

    package static func words(for count: Int) -> Int {
        (count + 63) / 64
    }

    /// Planes whose words must all be written, through `withMutableWords`, before any is read.
    package init(uninitialized planes: Int, count: Int) {
        storage = Storage(uninitialized: planes * BitPlanes.words(for: count))
        firstWord = 0
        self.planes = planes
        self.count = count
    }

    /// Planes of zeros, which take no memory until somebody reads them.
    package init(zeros planes: Int, count: Int) {
        let words = planes * BitPlanes.words(for: count)
        self.init(storage: Storage(.repeating(0), count: words), firstWord: 0, planes: planes, count: count)
    }

    package init(storage: Storage, firstWord: Int, planes: Int, count: Int) {
        self.storage = storage
        self.firstWord = firstWord
        self.planes = planes
        self.count = count
    }

    /// One plane, looking into the same storage.
    package subscript(plane: Int) -> BitPlanes {
        self[plane..<plane + 1]
    }

    /// Some of the planes, looking into the same storage.
    package subscript(range: Range<Int>) -> BitPlanes {
        precondition(range.lowerBound >= 0 && range.upperBound <= planes, "\(range) lies outside \(planes) planes")
        return BitPlanes(
            storage: storage,
            firstWord: firstWord + range.lowerBound * wordsPerPlane,
            planes: range.count,
            count: count
        )
    }

    /// The bits of one plane, for tests.
    package func bits(ofPlane plane: Int) -> [Bool] {
        self[plane].withWords { words in (0..<count).map { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 } }
    }
}

extension BitPlanes {
    /// Planes out of words that lie one plane after the other, as expanded, opened or dealt; tail bits are cleared.
    ///
    /// Looks into the words' storage, unless there are tail bits to clear in a storage that others look into, too.
    package init(_ words: RingTensor, planes: Int, count: Int) {
        let perPlane = BitPlanes.words(for: count)
        precondition(words.count == planes * perPlane, "\(words.count) words aren't \(planes) planes of \(count) bits")
        self.init(storage: words.storage, firstWord: words.firstWord, planes: planes, count: count)
        clearTails()
    }

    /// The words of all planes, one plane after the other, looking into the same storage.
    package var asWords: RingTensor {
        RingTensor(storage: storage, firstWord: firstWord, shape: [planes * wordsPerPlane])
    }

    /// Sets the bits beyond `count` in every plane's last word to zero.
    package mutating func clearTails() {
        guard count % 64 != 0 else { return }
        let (planes, perPlane, tail) = (planes, wordsPerPlane, lowBitsMask(count % 64))
        withMutableWords { words in
            for plane in 0..<planes { words[plane * perPlane + perPlane - 1] &= tail }
        }
    }

    /// Does the same to a copy of words `range` of planes like these.
    package func clearTails(ofWords range: Range<Int>, at words: UnsafeMutablePointer<UInt64>) {
        guard count % 64 != 0 else { return }
        let tail = lowBitsMask(count % 64)
        // The last word of the plane that the range begins in, and of those that follow.
        let first = range.lowerBound / wordsPerPlane * wordsPerPlane + wordsPerPlane - 1
        for last in stride(from: first, to: range.upperBound, by: wordsPerPlane) {
            words[last - range.lowerBound] &= tail
        }
    }
}
