import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import _CrypTenTestSupport

/// Two parties who make their correlations themselves, in this process.
struct PairedMembers: Sendable {
    var sessions: [Session]
    var transports: [any Transport]
    /// What both makers have done.
    let log = InsecureMaker.Log()

    /// - Parameters:
    ///   - isInsecure: Whether they make correlations by the tests' own maker; else by the protocol.
    ///   - bulk: Words that each sends beside what is needed, for each run.
    ///   - queueLimit: How much may wait at a member, and how much is queued for it, before the other waits.
    ///   - recording: Puts something between a member and its transport.
    ///   - change: What one party's configuration says otherwise.
    ///   - beforeExchange: Called at a party before an exchange of a run, which are counted from 1 on; 0 is the session's.
    init(
        _ wire: Wire = .memory,
        isInsecure: Bool = true,
        bulk: Int = 0,
        queueLimit: Int = 64 << 20,
        recording: (any Transport) -> any Transport = { $0 },
        changing change: @Sendable (inout SessionConfiguration, _ party: Int) -> Void = { _, _ in },
        beforeExchange: @escaping @Sendable (_ party: Int, _ exchange: Int) throws -> Void = { _, _ in }
    ) async throws {
        let log = log
        var configurations = (0..<2).map { _ in SessionConfiguration() }
        for party in 0..<2 {
            configurations[party].threads = 1
            configurations[party].correlations = .parties
            if isInsecure {
                configurations[party].insecureMaker = { party, _ in
                    InsecureMaker(party: party, log: log, bulk: bulk, beforeExchange: beforeExchange)
                }
            }
            change(&configurations[party], party)
        }
        transports =
            switch wire {
            case .memory:
                try MemoryTransport.meshWithoutDealer(
                    parties: 2,
                    session: "pair",
                    parameters: configurations[0].agreement,
                    queueLimit: queueLimit
                )
            case .tcp, .tls:
                try await PairedMembers.connect(configurations, queueLimit: queueLimit)
            }
        transports = transports.map(recording)
        sessions = try zip(transports, configurations).map {
            try Session(transport: $0, kernels: NativeKernels(threads: 1), configuration: $1)
        }
    }

    private static func connect(
        _ configurations: [SessionConfiguration],
        queueLimit: Int
    ) async throws -> [any Transport] {
        let listeners = try await onThread {
            Result { try (0..<2).map { _ in try TCPListener.bind(TCPAddress(host: "127.0.0.1", port: 0)) } }
        }.get()
        return try await withThrowingTaskGroup(of: (Int, any Transport).self) { group in
            for party in 0..<2 {
                var tcp = TCPConfiguration(
                    session: "pair",
                    partyCount: 2,
                    peers: [.party(PartyID(1 - party)): listeners[1 - party].address]
                )
                tcp.hasDealer = false
                tcp.parameters = configurations[party].agreement
                tcp.sendQueueLimit = queueLimit
                tcp.receiveQueueLimit = queueLimit
                let own = tcp
                group.addTask {
                    let connected = await onThread {
                        Result {
                            try TCPTransport.connect(
                                role: .party(PartyID(party)),
                                configuration: own,
                                listener: listeners[party],
                                deadline: .after(.seconds(20))
                            )
                        }
                    }
                    return (party, try connected.get())
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Runs a program at both parties at once; returns what came of it, by party.
    func both<Value: Sendable>(
        _ body: @escaping @Sendable (Session) async throws -> Value
    ) async -> [Result<Value, any Error>] {
        await withTaskGroup(of: (Int, Result<Value, any Error>).self) { group in
            for session in sessions {
                group.addTask {
                    let result = await outcome { try await body(session) }
                    if case .failure(let error) = result {
                        session.abort(CrypTenError(failure: error, of: .party(session.party)))
                    }
                    return (session.party.index, result)
                }
            }
            return await group.reduce(into: [(Int, Result<Value, any Error>)]()) { $0.append($1) }
                .sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// The same; what one throws is thrown.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Session) async throws -> Value) async throws -> [Value] {
        let results = await both(body)
        await close()
        // Who failed first is told by the error that doesn't speak of the other.
        if let first = results.first(where: { $0.crypTenError.map { $0.code != .partyFailed } ?? false }) {
            _ = try first.get()
        }
        return try results.map { try $0.get() }
    }

    func close() async {
        for session in sessions { await session.close() }
    }
}
