/// The words of one run that was dealt or made ahead, where they wait.
enum StoredRun {
    /// Corrections of a dealer's, at the last party.
    case dealt(any CorrectionStore, run: UInt64)
    /// What the parties have made, at each.
    case made(any CorrectionStore, run: UInt64)
    case madeInMemory(MadeInMemory)

    /// Hands the words out, once.
    ///
    /// - Throws: as `CorrectionStore.consume(_:)`.
    func take() throws -> RunWords {
        switch self {
        case .dealt(let store, let run): .dealt(try store.consume(run))
        case .made(let store, let run): .made(try store.consume(run))
        case .madeInMemory(let words): .madeInMemory(try words.take())
        }
    }

    func discard() {
        switch self {
        case .dealt(let store, let run), .made(let store, let run): store.discard(run)
        case .madeInMemory(let words): words.discard()
        }
    }
}

/// The words of the run that is used now.
enum RunWords {
    /// Corrections of a dealer's, as they come or as they were put away.
    case dealt(any CorrectionChunks)
    /// What the parties have made, in records.
    case made(any CorrectionChunks)
    case madeInMemory(any MadeWords)
}
