package import CrypTenBase
import CrypTenTransport

/// A network played on this machine: a relay between every two members of a session, which delays and paces what they send.
///
/// Members listen where they would anyway; each is told other addresses for those that it calls.
package final class EmulatedNetwork: Sendable {
    private let parties: [String]
    private let dealer: String?
    /// By caller and callee.
    private let relays: [Role: [Role: Relay]]
    private let worker: Relay.Worker

    private init(parties: [String], dealer: String?, relays: [Role: [Role: Relay]], worker: Relay.Worker) {
        self.parties = parties
        self.dealer = dealer
        self.relays = relays
        self.worker = worker
    }

    /// Starts the relays.
    ///
    /// - Parameters:
    ///   - parties: Where the parties listen, in order: `host:port`, on loopback.
    ///   - dealer: Where the dealer listens; nil: there is none.
    ///   - network: What joins them.
    /// - Throws: `.invalidArgument` or `.insecureTransport` for what is no address of this machine's loopback,
    ///   `.addressInUse` where the system has no port left.
    package static func start(
        parties: [String],
        dealer: String?,
        network: NetworkProfile
    ) async throws -> EmulatedNetwork {
        let worker = Relay.Worker()
        let pace = Relay.Pace(
            delay: .seconds(network.roundTrip / 2),
            bytesPerSecond: network.bitsPerSecond / 8
        )
        let members = Role.all(partyCount: parties.count, hasDealer: dealer != nil)
        var relays: [Role: [Role: Relay]] = [:]
        do {
            for caller in members {
                for (callee, address) in zip(members, parties + [dealer].compactMap { $0 })
                where caller.calls(callee) {
                    relays[caller, default: [:]][callee] = try await Relay.start(
                        to: TCPAddress(address),
                        pace: pace,
                        on: worker
                    )
                }
            }
        } catch {
            for relay in relays.values.flatMap(\.values) { await relay.close() }
            await worker.shutDown()
            throw error
        }
        return EmulatedNetwork(parties: parties, dealer: dealer, relays: relays, worker: worker)
    }

    /// The addresses that a party must be told so that what it sends crosses the network.
    package func addresses(for party: PartyID) -> (parties: [String], dealer: String?) {
        let calls = relays[.party(party)] ?? [:]
        return (
            parties.enumerated().map { calls[.party(PartyID($0))]?.address.description ?? $1 },
            calls[.dealer]?.address.description ?? dealer
        )
    }

    /// Ends the relays; what is on its way is lost.
    package func close() async {
        for relay in relays.values.flatMap(\.values) { await relay.close() }
        await worker.shutDown()
    }
}
