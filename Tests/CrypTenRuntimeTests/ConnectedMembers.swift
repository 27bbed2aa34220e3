import CrypTenBase
import CrypTenIdentity
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation

/// How the members of a session reach each other.
enum Wire: String, CaseIterable, Sendable {
    case memory, tcp, tls
}

/// The parties of a session, and the task of its dealer, which ends as the session does.
struct ConnectedMembers: Sendable {
    var sessions: [Session]
    var dealer: Task<Void, any Error>

    /// Connects all of them in this process.
    init(_ wire: Wire, parties: Int) async throws {
        var configuration = SessionConfiguration()
        configuration.threads = 1
        let common = configuration
        switch wire {
        case .memory:
            let mesh = try MemoryTransport.mesh(parties: parties, session: "test", parameters: common.agreement)
            let kernels = NativeKernels(threads: 1)
            dealer = Task.detached {
                try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                    Thread.detachNewThread {
                        let dealer = Dealer(transport: mesh.dealer, kernels: kernels, configuration: common)
                        continuation.resume(with: Result { try dealer.serve() })
                    }
                }
            }
            sessions = try mesh.parties.map {
                try Session(transport: $0, kernels: kernels, configuration: common)
            }
        case .tcp, .tls:
            let memberships = try wire == .tls ? ConnectedMembers.memberships(parties) : []
            let service = try await DealerService.listen(
                at: "127.0.0.1:0",
                parties: parties,
                membership: memberships.last
            )
            dealer = Task.detached { _ = try await service.serve(configuration: common) }
            var listeners: [SessionListener] = []
            for _ in 0..<parties { listeners.append(try await SessionListener.listen(at: "127.0.0.1:0")) }
            let addresses = listeners.map(\.address)
            sessions = try await withThrowingTaskGroup(of: Session.self) { group in
                for (index, listener) in listeners.enumerated() {
                    var own = common
                    own.membership = memberships.isEmpty ? nil : memberships[index]
                    group.addTask { [own] in
                        try await listener.connect(
                            party: .party(index),
                            parties: addresses,
                            dealer: service.address,
                            session: "test",
                            configuration: own
                        )
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.party < $1.party }
            }
        }
    }

    /// Who each member is, and by what it knows the others; the dealer last.
    private static func memberships(_ parties: Int) throws -> [Membership] {
        let identities = try (0...parties).map { try MemberIdentity.create(name: "member-\($0)") }
        let trusts = identities.map { PeerTrust(fingerprints: [$0.certificate.fingerprint]) }
        return try identities.enumerated().map { index, identity in
            let others = trusts[..<parties].enumerated().filter { $0.offset != index }
            return try Membership(
                identities: [identity],
                parties: Dictionary(uniqueKeysWithValues: others.map { (PartyID($0.offset), $0.element) }),
                dealer: index == parties ? nil : trusts[parties]
            )
        }
    }

    /// Runs a program at every party at once; returns what came of it, by party.
    func all<Value: Sendable>(
        _ body: @escaping @Sendable (Session) async throws -> Value
    ) async -> [Result<Value, any Error>] {
        await withTaskGroup(of: (Int, Result<Value, any Error>).self) { group in
            for session in sessions {
                group.addTask { (session.party.index, await outcome { try await body(session) }) }
            }
            return await group.reduce(into: [(Int, Result<Value, any Error>)]()) { $0.append($1) }
                .sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Ends what is left of it.
    func close() async {
        for session in sessions { await session.close() }
        _ = await dealer.result
    }
}

/// What a body returns or throws.
func outcome<Value: Sendable>(_ body: () async throws -> Value) async -> Result<Value, any Error> {
    do {
        return .success(try await body())
    } catch {
        return .failure(error)
    }
}

extension Result {
    /// The error, if it is one of this package's.
    var crypTenError: CrypTenError? {
        guard case .failure(let error) = self else { return nil }
        return error as? CrypTenError
    }
}
