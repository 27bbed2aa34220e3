/// Values by key, at most so many of them: what wasn't used for longest goes first.
///
/// Two of the same capacity that are used in the same way hold the same keys: so party 0 knows which plans the dealer has.
struct RecentlyUsed<Key: Hashable, Value> {
    private struct Entry {
        var value: Value
        var lastUse: UInt64
    }

    let capacity: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0

    /// Nothing; never more than `capacity` values.
    init(capacity: Int) {
        precondition(capacity > 0, "who uses a value has it")
        self.capacity = capacity
    }

    var count: Int {
        entries.count
    }

    /// The value of a key, which is then the one that was used last.
    mutating func use(_ key: Key) -> Value? {
        uses += 1
        entries[key]?.lastUse = uses
        return entries[key]?.value
    }

    /// Adds a value, which is then the one that was used last; the oldest makes room.
    ///
    /// - Complexity: O(`capacity`) where one has to.
    mutating func insert(_ value: Value, for key: Key) {
        uses += 1
        if entries[key] == nil, entries.count == capacity,
            let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
        {
            entries[oldest] = nil
        }
        entries[key] = Entry(value: value, lastUse: uses)
    }
}

/// How many plans a session keeps: at each party, to plan each form of expression once, and at the dealer, to be sent each
/// once.
///
/// A session that runs more forms than this in turn plans, and sends, some again; nothing else changes. All members must have
/// the same number.
enum PlanCache {
    static let capacity = 64
}
