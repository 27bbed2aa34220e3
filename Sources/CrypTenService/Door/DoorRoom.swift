import CrypTenSharing
import NIOConcurrencyHelpers

/// How much memory all requests at a door may take together, from their first byte to their answer.
package final class DoorRoom: Sendable {
    private let limits: DoorLimits
    private let taken = NIOLockedValueBox(0)

    package init(_ limits: DoorLimits) {
        self.limits = limits
    }

    /// Takes room for a request.
    ///
    /// - Returns: How much, to be given back.
    /// - Throws: ``DoorRefusal`` `.busy` where there is none.
    package func take(_ bytes: Int) throws -> Int {
        let limit = limits.room
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

    package func give(_ bytes: Int) {
        taken.withLockedValue { $0 -= bytes }
    }
}
