import CrypTenSharing
import NIOConcurrencyHelpers

/// How much memory all requests at a door may take together, from their first byte to their answer.
final class DoorRoom: Sendable {
    /// Where the cluster file says nothing.
    static let usual = 1 << 30

    private let limit: Int
    private let taken = NIOLockedValueBox(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes room for a request.
    ///
    /// - Returns: How much, to be given back.
    /// - Throws: ``DoorRefusal`` `.busy` where there is none.
    func take(_ bytes: Int) throws -> Int {
        let hasRoom = taken.withLockedValue { taken in
            guard taken + bytes <= limit else { return false }
            taken += bytes
            return true
        }
        guard hasRoom else {
            throw DoorRefusal(.busy, "the requests that wait take all the memory there is for them: ask again later")
        }
        return bytes
    }

    func give(_ bytes: Int) {
        taken.withLockedValue { $0 -= bytes }
    }
}
