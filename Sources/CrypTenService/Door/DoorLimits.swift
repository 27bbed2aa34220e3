import HummingbirdCore
import NIOConcurrencyHelpers

/// What requests and connections at a door may take, as the cluster file says now.
package final class DoorLimits: Sendable {
    private let limits: NIOLockedValueBox<ClusterFile.Limits>

    package init(_ limits: ClusterFile.Limits) {
        self.limits = NIOLockedValueBox(limits)
    }

    /// Takes over others: for requests and connections that come from now on.
    package func replace(_ limits: ClusterFile.Limits) {
        self.limits.withLockedValue { $0 = limits }
    }

    package var now: ClusterFile.Limits { limits.withLockedValue { $0 } }

    /// What all requests may take of memory together, where the file says nothing.
    private static let usualRoom = 1 << 30

    /// What all requests may take of memory together: half of what the process may fill.
    package var room: Int { now.memory.map { $0 / 2 } ?? DoorLimits.usualRoom }
}

/// Lets connections come while there are fewer than the limit that holds at the time.
struct DoorConnections: AvailableConnectionsDelegate {
    private let limits: DoorLimits
    private var count = 0

    init(_ limits: DoorLimits) {
        self.limits = limits
    }

    mutating func connectionOpened() { count += 1 }
    mutating func connectionClosed() { count -= 1 }
    func isAcceptingNewConnections() -> Bool { count < limits.now.connections }
}
