import CrypTenBase
import CrypTenRuntime
import CrypTenTransport
import NIOConcurrencyHelpers

/// Where the members of a cell of threads find each other: when all have come, each gets its transport of a new session.
final class Meeting: Sendable {
    private struct State {
        var waiting: [Role: (ticket: Int, continuation: CheckedContinuation<any Transport, any Error>)] = [:]
        /// Tickets that were given up before anybody waited with them.
        var returned: Set<Int> = []
        var tickets = 0
    }

    let parties: Int
    private let configuration: SessionConfiguration
    private let state = NIOLockedValueBox(State())

    init(parties: Int, configuration: SessionConfiguration) {
        (self.parties, self.configuration) = (parties, configuration)
    }

    /// Waits for all others.
    ///
    /// - Throws: `.cancelled` for a member that is gone before they have come.
    func join(_ role: Role) async throws -> any Transport {
        let ticket = state.withLockedValue { state in
            state.tickets += 1
            return state.tickets
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                wait(role, ticket, continuation)
            }
        } onCancel: {
            leave(role, ticket)
        }
    }

    private func wait(_ role: Role, _ ticket: Int, _ continuation: CheckedContinuation<any Transport, any Error>) {
        let gone = CrypTenError(.cancelled, "a member has gone before the others came")
        let all = Role.all(partyCount: parties, hasDealer: configuration.correlations == .dealer)
        let (left, met) = state.withLockedValue { state in
            if state.returned.remove(ticket) != nil { return ([continuation], [Role: Meeting.Place]()) }
            let earlier = state.waiting.updateValue((ticket, continuation), forKey: role)
            guard state.waiting.count == all.count else { return (earlier.map { [$0.continuation] } ?? [], [:]) }
            defer { state.waiting = [:] }
            return ([], state.waiting.mapValues(\.continuation))
        }
        for left in left { left.resume(throwing: gone) }
        guard !met.isEmpty else { return }
        do {
            for (role, transport) in zip(all, try transports()) { met[role]?.resume(returning: transport) }
        } catch {
            for place in met.values { place.resume(throwing: error) }
        }
    }

    private func transports() throws -> [any Transport] {
        guard configuration.correlations == .dealer else {
            return try MemoryTransport.meshWithoutDealer(
                parties: parties,
                session: "cell",
                parameters: configuration.agreement
            )
        }
        let mesh = try MemoryTransport.mesh(parties: parties, session: "cell", parameters: configuration.agreement)
        return mesh.parties + [mesh.dealer]
    }

    private typealias Place = CheckedContinuation<any Transport, any Error>

    private func leave(_ role: Role, _ ticket: Int) {
        let place = state.withLockedValue { state -> Place? in
            guard state.waiting[role]?.ticket == ticket else {
                state.returned.insert(ticket)
                return nil
            }
            return state.waiting.removeValue(forKey: role)?.continuation
        }
        place?.resume(throwing: CrypTenError(.cancelled, "a member has gone before the others came"))
    }
}
