import CrypTenBase
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Crypto
import Foundation
import NIOConcurrencyHelpers
import NIOCore

/// Members of a session whose secrets are the same each time, so that whatever they send is, too.
struct FixedMembers<Result: Sendable>: Sendable {
    /// What each party's program returned.
    var results: [Result]
    /// What went over each link: SHA-256 of all frames but grants of credit, which follow the clock, with kinds, runs and rounds.
    var transcript: [String: String]
    /// How many frames they were.
    var frames: Int
}

/// Runs one program as several parties and a dealer, each on kernels of its own.
///
/// - Parameter kernels: The parties', and the dealer's behind them.
func withFixedMembers<Result: Sendable>(
    _ kernels: [any Kernels],
    slabBits: Int = SessionConfiguration().slabBits,
    _ body: @escaping @Sendable (Session) async throws -> Result
) async throws -> FixedMembers<Result> {
    let parties = kernels.count - 1
    var configuration = SessionConfiguration()
    configuration.insecureSalt = [UInt8](repeating: 7, count: 32)
    configuration.slabBits = slabBits
    let agreed = configuration
    let mesh = try MemoryTransport.mesh(parties: parties, session: "fixed", parameters: configuration.agreement)
    let transports = (mesh.parties + [mesh.dealer]).map { FixedTransport($0) }
    let dealer = Task.detached {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                continuation.resume(
                    with: Swift.Result {
                        let transport = transports[parties]
                        try Dealer(transport: transport, kernels: kernels[parties], configuration: agreed).serve()
                    }
                )
            }
        }
    }
    let results = try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        for party in 0..<parties {
            group.addTask {
                let session = try Session(
                    transport: transports[party],
                    kernels: kernels[party],
                    configuration: agreed
                )
                do {
                    let result = try await body(session)
                    await session.close()
                    return (party, result)
                } catch {
                    session.abort(CrypTenError(failure: error, of: .party(session.party)))
                    await session.close()
                    throw error
                }
            }
        }
        return try await group.reduce(into: [(Int, Result)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    try await dealer.value
    return FixedMembers(
        results: results,
        transcript: transports.reduce(into: [:]) { $0.merge($1.transcript) { first, _ in first } },
        frames: transports.reduce(0) { $0 + $1.frames }
    )
}

/// A transport whose secrets follow from who shares them, and how often they did: the words of a session that is run again are the same.
final class FixedTransport: Transport {
    private let base: any Transport
    private let state = NIOLockedValueBox(State())

    private struct State {
        var secrets: [String: Int] = [:]
        var links: [String: SHA256] = [:]
        var frames = 0
    }

    init(_ base: any Transport) {
        self.base = base
    }

    /// Of what this member has sent, by link.
    var transcript: [String: String] {
        state.withLockedValue { state in
            state.links.mapValues { $0.finalize().map { String($0, radix: 16) }.joined(separator: " ") }
        }
    }

    var frames: Int { state.withLockedValue(\.frames) }
    var role: Role { base.role }
    var partyCount: Int { base.partyCount }
    var statistics: TransportStatistics { base.statistics }

    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        if frame.kind != .credit {
            state.withLockedValue { state in
                let head = "\(frame.kind) \(frame.run) \(frame.round) \(frame.binding) \(frame.payload.readableBytes)"
                state.links["\(role) to \(peer)", default: SHA256()].update(data: Array(head.utf8))
                state.links["\(role) to \(peer)"]?.update(data: Array(frame.payload.readableBytesView))
                state.frames += 1
            }
        }
        try base.send(frame, to: peer, deadline: deadline)
    }

    func nextSecret(with peer: Role) throws -> SymmetricKey {
        let pair = ["\(role)", "\(peer)"].sorted().joined(separator: " and ")
        let number = state.withLockedValue { state in
            state.secrets[pair, default: 0] += 1
            return state.secrets[pair] ?? 0
        }
        return SymmetricKey(data: SHA256.hash(data: Array("\(pair) \(number)".utf8)))
    }

    func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        try base.receive(kinds, from: peer, deadline: deadline)
    }

    func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival? {
        try base.receive(kinds, fromAnyOf: peers, deadline: deadline)
    }

    func moveForward() {
        base.moveForward()
    }

    func abort(_ error: CrypTenError) {
        base.abort(error)
    }

    func close() {
        base.close()
    }
}
