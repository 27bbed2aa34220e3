/// What was used last, up to a number of things and a sum of their sizes; when there is no more room, what wasn't used for
/// longest is forgotten.
///
/// It depends on nothing but what was used, in which order: two members that use the same in the same order forget the same.
package struct RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        var value: Value
        var size: Int
        var lastUse: UInt64
    }

    private let capacity: Int
    private let sizeLimit: Int
    private var entries: [Key: Entry] = [:]
    private var size = 0
    private var uses: UInt64 = 0

    /// - Parameters:
    ///   - capacity: How many things there are at most, one or more.
    ///   - sizeLimit: What their sizes add up to at most; one that is larger is alone.
    package init(capacity: Int, sizeLimit: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.sizeLimit = sizeLimit
    }

    /// How many things there are.
    package var count: Int {
        entries.count
    }

    /// What is kept under a key, without using it.
    package func peek(_ key: Key) -> Value? {
        entries[key]?.value
    }

    /// Uses what is kept under a key; nil if nothing is.
    package mutating func use(_ key: Key) -> Value? {
        uses += 1
        guard let place = entries.index(forKey: key) else { return nil }
        entries.values[place].lastUse = uses
        return entries.values[place].value
    }

    /// Keeps a value, and uses it.
    ///
    /// - Returns: The keys that had to go.
    /// - Complexity: O(1), and O(`count`) for each key that goes.
    package mutating func insert(_ value: Value, for key: Key, size newSize: Int) -> [Key] {
        uses += 1
        size += newSize - (entries[key]?.size ?? 0)
        entries[key] = Entry(value: value, size: newSize, lastUse: uses)
        var gone: [Key] = []
        while entries.count > capacity || size > sizeLimit, entries.count > 1,
            let (oldest, entry) = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            entries[oldest] = nil
            size -= entry.size
            gone.append(oldest)
        }
        return gone
    }

    /// Forgets everything.
    package mutating func removeAll() {
        entries = [:]
        size = 0
    }
}

/// The plans that the dealer has: party 0 keeps the same list, without the plans, and so knows which to send.
///
/// A program whose expressions have ever new forms needs a new plan for each, and the dealer's memory must not grow with
/// them. When the list is full the plan that wasn't run for longest is forgotten at both ends, and party 0 sends it again when
/// it is to run.
extension RecentlyUsed {
    /// An empty list, of the size that both ends agree on.
    static var dealerPlans: RecentlyUsed {
        RecentlyUsed(capacity: 256, sizeLimit: 256 << 20)
    }
}
