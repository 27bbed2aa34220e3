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

    /// Writes words, or, where a device has them, begins to copy them to the host; the oldest ones are waited for where there are many.
    ///
    /// - Throws: `.deviceFailed`, and whatever `write` throws.
    mutating func append(
        _ words: RingTensor,
        to place: Place,
        _ write: (UnsafePointer<UInt64>, _ count: Int, Place) throws -> Void
    ) throws {
        if let transfer = try words.beginDownload() {
            waiting.append(Piece(words: words, transfer: transfer, place: place))
            try drain(leaving: inFlight, write)
        } else {
            try drain(leaving: 0, write)
            try words.withWords { try write($0, words.count, place) }
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
