package import CrypTenSharing

/// By what the parties of a cell know a request: who asks, as each of them has found out for itself, and the id, in the epoch that it was drawn for.
///
/// Two clients' requests have different keys whatever ids they choose, so nobody's share is joined with another's.
package struct RequestKey: Hashable, Sendable {
    package var client: String
    package var epoch: Epoch
    package var id: RequestID

    package init(client: String, epoch: Epoch, id: RequestID) {
        (self.client, self.epoch, self.id) = (client, epoch, id)
    }
}
