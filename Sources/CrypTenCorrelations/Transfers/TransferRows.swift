import CrypTenRing

/// Where the rows of a plane's transfers are: two words each, and as many as a multiple of 64 has.
enum TransferRows {
    case kept(UnsafePointer<UInt64>)
    /// They are made when they are used, a few slabs at a time: that takes less than writing them to memory, reading them and overwriting them.
    case made(RowOrigin)
}

/// What rows are made of once more, any number of times.
struct RowOrigin {
    let schedules: SecretWords
    let height: TreeHeight
    /// The first one of their extension.
    let slab: Int
    /// Where they begin, in words of its choices: an even number.
    let first: Int
    let side: Side

    enum Side {
        case choosing
        /// The chooser's message for as many words of choices.
        case sending(message: UnsafePointer<UInt64>, words: Int, delta: SecretWords)
    }
}
