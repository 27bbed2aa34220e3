package import CrypTenRing
import Foundation

/// What one role has expanded, in as many sessions as it is handed to: each stream by its key and number, and which words.
///
/// Safety of `@unchecked Sendable`: everything that changes is touched only while `lock` is held.
package final class ExpansionAudit: @unchecked Sendable {
    /// A stream of words.
    package struct Stream: Hashable, Sendable {
        package var low: UInt64
        package var high: UInt64
        package var number: UInt64

        package init(low: UInt64, high: UInt64, number: UInt64) {
            self.low = low
            self.high = high
            self.number = number
        }

        package var key: ExpansionKey {
            ExpansionKey(low: low, high: high)
        }
    }

    private let lock = NSLock()
    private var expanded: [Stream: [Range<Int>]] = [:]
    private var twice: Set<Stream> = []

    package init() {}

    func record(_ stream: Stream, _ words: Range<Int>) {
        lock.withLock {
            let before = expanded[stream, default: []]
            if before.contains(where: { $0.overlaps(words) }) { twice.insert(stream) }
            expanded[stream] = before + [words]
        }
    }

    /// How many streams were expanded.
    package var count: Int {
        lock.withLock { expanded.count }
    }

    /// The streams of which a word was expanded more than once.
    package var repeated: Set<Stream> {
        lock.withLock { twice }
    }

    /// All streams of which a word was expanded.
    package var streams: Set<Stream> {
        lock.withLock { Set(expanded.filter { $0.value.contains { !$0.isEmpty } }.keys) }
    }

    /// The keys that were used.
    package var keys: Set<[UInt64]> {
        lock.withLock { Set(expanded.keys.map { [$0.low, $0.high] }) }
    }
}
