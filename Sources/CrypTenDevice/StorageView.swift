import CrypTenRing

/// Words in a storage, from one of them on: what a promise reads.
struct StorageView {
    var storage: Storage
    var firstWord: Int

    init(_ words: some StoredWords) {
        (storage, firstWord) = (words.storage, words.firstWord)
    }
}
