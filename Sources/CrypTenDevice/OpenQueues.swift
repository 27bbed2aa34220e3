import CrypTenBase
import CrypTenRing
private import Synchronization

/// The queues that a process has open: one for each device, as long as somebody uses it.
enum OpenQueues {
    private struct Entry {
        weak var queue: (any DeviceQueue)?
    }

    private static let entries = Mutex<[DeviceChoice: Entry]>([:])

    /// The device's queue, made where there is none that works; others wait meanwhile, for they may want the same.
    static func queue(_ device: DeviceChoice, make: () throws -> any DeviceQueue) throws -> any DeviceQueue {
        try entries.withLock { entries in
            if let queue = entries[device]?.queue, (try? queue.check()) != nil { return queue }
            do {
                let queue = try make()
                entries[device] = Entry(queue: queue)
                return queue
            } catch let error as CrypTenError {
                throw CrypTenError(error.code, "\(device) can't be used: \(error.message); or choose cpu")
            }
        }
    }
}
