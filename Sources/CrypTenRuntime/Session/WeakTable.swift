/// Objects by number, for as long as someone else holds them.
struct WeakTable<Value: AnyObject> {
    private struct Entry {
        weak var value: Value?
    }

    private var entries: [Int: Entry] = [:]
    /// How many entries there may be before those of objects that are gone are forgotten.
    private var limit = least

    private static var least: Int { 64 }

    /// Entries, those of objects that are gone among them: at most twice the objects that there were at some moment, or 64.
    var count: Int {
        entries.count
    }

    subscript(number: Int) -> Value? {
        get { entries[number]?.value }
        set {
            entries[number] = newValue.map { Entry(value: $0) }
            guard entries.count > limit else { return }
            entries = entries.filter { $0.value.value != nil }
            limit = max(WeakTable.least, 2 * entries.count)
        }
    }
}
