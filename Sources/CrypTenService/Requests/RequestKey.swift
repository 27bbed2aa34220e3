import CrypTenSharing

/// By what the parties of a cell know a request: who asks, as each of them has found out for itself, and the id, in the epoch that it was drawn for.
///
/// Two clients' requests have different keys whatever ids they choose, so nobody's share is joined with another's.
struct RequestKey: Hashable, Sendable {
    var client: String
    var epoch: Epoch
    var id: RequestID
}
