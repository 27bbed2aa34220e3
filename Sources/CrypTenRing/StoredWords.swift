/// What looks into a storage: a tensor, or planes of bits.
package protocol StoredWords {
    var storage: Storage { get }
    /// Where in the storage its words begin.
    var firstWord: Int { get }
    var wordCount: Int { get }

    /// Whether nobody else looks into the storage.
    mutating func ownsStorage() -> Bool
    /// From now on looks into another storage, from its first word on.
    mutating func look(into storage: Storage)
}

extension StoredWords {
    /// The words on the host, to read: see `Storage.words`.
    @inlinable
    package func withWords<Result>(_ body: (UnsafePointer<UInt64>) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(storage) { try body(UnsafePointer(storage.words + firstWord)) }
    }

    /// The words on the host, to write; a storage that others look into is copied first.
    @inlinable
    package mutating func withMutableWords<Result>(
        _ body: (UnsafeMutablePointer<UInt64>) throws -> Result
    ) rethrows -> Result {
        if !ownsStorage() { look(into: Storage(copying: storage, from: firstWord, count: wordCount)) }
        return try body(storage.mutableWords + firstWord)
    }

    /// The words on the host, all of them to be written, and what they are: in the same place, or, where others look into the storage, in
    /// theirs, so that nothing is copied first.
    @inlinable
    package mutating func withUpdatedWords<Result>(
        _ body: (_ new: UnsafeMutablePointer<UInt64>, _ old: UnsafePointer<UInt64>) throws -> Result
    ) rethrows -> Result {
        if ownsStorage() {
            let words = storage.mutableWords + firstWord
            return try body(words, UnsafePointer(words))
        }
        let (old, first) = (storage, firstWord)
        look(into: Storage(uninitialized: wordCount))
        return try withExtendedLifetime(old) { try body(storage.mutableWords, UnsafePointer(old.words + first)) }
    }

    /// Begins to copy the words to the host, where they are in a device's memory alone; nil where the host has them.
    ///
    /// - Throws: `.deviceFailed`.
    package func beginDownload() throws -> (any DeviceTransfer)? {
        guard wordCount > 0, let device = try storage.onlyDevice() else { return nil }
        return try device.beginDownload(firstWord..<firstWord + wordCount)
    }

    /// Overwrites the words, and what else lies in their storage, with zeros; one that others look into stays as it is.
    package mutating func wipe() {
        if ownsStorage() { storage.wipe() }
    }
}
