import CrypTenRing
private import Synchronization

/// Expansions that nobody has read yet: who reads one on the device has all made that wait, as one grid.
final class WaitingExpansions: Sendable {
    /// Safety of `@unchecked Sendable`: references under the lock.
    private struct Waiting: @unchecked Sendable {
        weak var storage: Storage?
    }

    private let waiting = Mutex<[Waiting]>([])

    /// So many wait at most; what is older is made when somebody asks for it.
    private static let most = 64

    func append(_ storage: Storage) {
        waiting.withLock { waiting in
            if waiting.count >= Self.most { waiting.removeFirst() }
            waiting.append(Waiting(storage: storage))
        }
    }

    /// What is to be made: `storage`, and all that has waited and has an owner still.
    func takeWaiting(with storage: Storage) -> [(Storage, WordSource.Expansion)] {
        let all = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting.compactMap(\.storage)
        }
        let others = all.filter { $0 !== storage }
        return ([storage] + others).compactMap { storage in
            guard case .expansion(let words)? = storage.unread else { return nil }
            return (storage, words)
        }
    }
}
