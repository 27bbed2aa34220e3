/// Things that happen at known times, the earliest first; of equal times, the one that was added first.
struct EventQueue {
    private struct Entry {
        var time: Double
        var order: Int
        var event: Int

        static func < (left: Entry, right: Entry) -> Bool {
            (left.time, left.order) < (right.time, right.order)
        }
    }

    /// A binary heap.
    private var entries: [Entry] = []
    private var added = 0

    /// When the next thing happens; infinite where nothing does.
    var nextTime: Double {
        entries.first?.time ?? .infinity
    }

    mutating func add(_ event: Int, at time: Double) {
        entries.append(Entry(time: time, order: added, event: event))
        added += 1
        var child = entries.count - 1
        while child > 0, entries[child] < entries[(child - 1) / 2] {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> Int {
        entries.swapAt(0, entries.count - 1)
        let first = entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child] < entries[least] {
                least = child
            }
            if least == parent { return first.event }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
