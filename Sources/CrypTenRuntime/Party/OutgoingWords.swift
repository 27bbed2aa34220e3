import CrypTenRing
import NIOCore

/// Words on their way into frames, in order: those that a device still copies to the host hold up those behind them, and nobody else.
///
/// - Parameter Place: Where they go.
struct OutgoingWords<Place> {
    private struct Piece {
        let words: RingTensor
        let transfer: any DeviceTransfer
        let place: Place
    }

    private var waiting: CircularBuffer<Piece> = []

    /// So many copies are under way before somebody waits for the first one.
    private let inFlight = 16
    /// What is more goes in pieces of so many words, so that what is under way takes 128 MiB of the host's memory at most.
    private let pieceWords = 1 << 20

    /// Writes words, or, where a device has them, begins to copy them to the host; the oldest ones are waited for where there are many.
    ///
    /// - Throws: `.deviceFailed`, and whatever `write` throws.
    mutating func append(
        _ words: RingTensor,
        to place: Place,
        _ write: (UnsafePointer<UInt64>, _ count: Int, Place) throws -> Void
    ) throws {
        guard !words.storage.isOnHost else {
            try drain(leaving: 0, write)
            return try words.withWords { try write($0, words.count, place) }
        }
        let words = words.reshaped(to: [words.count])
        for start in stride(from: 0, to: words.count, by: pieceWords) {
            let piece = words.flat(start..<min(words.count, start + pieceWords))
            if let transfer = try piece.beginDownload() {
                waiting.append(Piece(words: piece, transfer: transfer, place: place))
                try drain(leaving: inFlight, write)
            } else {
                // Somebody else has looked at them meanwhile.
                try drain(leaving: 0, write)
                try piece.withWords { try write($0, piece.count, place) }
            }
        }
    }

    /// Waits for all but the last words, in order, and writes them.
    mutating func drain(
        leaving count: Int,
        _ write: (UnsafePointer<UInt64>, _ count: Int, Place) throws -> Void
    ) throws {
        while waiting.count > count, let piece = waiting.popFirst() {
            let bytes = try piece.transfer.wait()
            try write(bytes.baseAddress!.assumingMemoryBound(to: UInt64.self), piece.words.count, piece.place)
        }
    }
}
