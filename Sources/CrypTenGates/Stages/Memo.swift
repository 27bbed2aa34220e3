import Synchronization

/// Values that follow from small keys and are asked for again and again: each is made once in a process.
///
/// Tables of a comparison depend on a few numbers of its gate, which is a value without room for them; a run with many short
/// stages would spend more on making them than on its elements. Keys come from plans, so that their number is bounded:
/// where it is reached, all are forgotten.
final class Memo<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let values = Mutex<[Key: Value]>([:])
    private let limit: Int

    init(limit: Int = 1 << 8) {
        self.limit = limit
    }

    /// The value that belongs to a key; `make` must give the same for equal keys.
    func value(_ key: Key, _ make: (Key) -> Value) -> Value {
        if let known = values.withLock({ $0[key] }) { return known }
        let value = make(key)
        values.withLock { values in
            if values.count >= limit { values = [:] }
            values[key] = value
        }
        return value
    }
}
