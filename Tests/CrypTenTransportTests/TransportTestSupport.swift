import CrypTenBase
import CrypTenIdentity
import CrypTenTransport
import Foundation
import NIOCore
import Testing

/// All suites that use threads or sockets, one test at a time: the last of them counts both.
@Suite(.serialized) enum Connected {}

/// Runs a call that blocks for each element, each on a thread of its own, without blocking Swift's threads.
func onThreads<Element: Sendable, Value: Sendable>(
    _ elements: [Element],
    _ body: @escaping @Sendable (Int, Element) throws -> Value
) async -> [Result<Value, any Error>] {
    await withTaskGroup(of: (Int, Result<Value, any Error>).self) { group in
        for (index, element) in elements.enumerated() {
            group.addTask {
                await withCheckedContinuation { continuation in
                    Thread.detachNewThread {
                        continuation.resume(returning: (index, Result { try body(index, element) }))
                    }
                }
            }
        }
        var results: [Int: Result<Value, any Error>] = [:]
        for await (index, result) in group { results[index] = result }
        return elements.indices.compactMap { results[$0] }
    }
}

/// Runs calls that block, each on a thread of its own.
func onThreads(_ bodies: @Sendable () throws -> Void...) async -> [Result<Void, any Error>] {
    await onThreads(bodies) { _, body in try body() }
}

func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await onThreads([body]) { _, body in try body() }[0].get()
}

extension Deadline {
    /// Long enough for what should happen at once, on a busy machine.
    static var soon: Deadline { .after(.seconds(20)) }
}

extension Result {
    var errorCode: CrypTenError.Code? {
        guard case .failure(let error) = self else { return nil }
        return (error as? CrypTenError)?.code
    }

    var errorText: String {
        guard case .failure(let error) = self else { return "" }
        return "\(error)"
    }
}

/// The code of the error that `body` throws; nil if it throws none, or another error.
func code(_ body: () throws -> Void) -> CrypTenError.Code? {
    Result(catching: body).errorCode
}

func bytes(_ text: String) -> ByteBuffer {
    ByteBuffer(string: text)
}

/// Listeners on ports that the system chose, and the configuration of each member; the dealer is last.
func localSession(
    parties: Int,
    change: (Role, inout TCPConfiguration) -> Void = { _, _ in }
) throws -> [(role: Role, listener: TCPListener, configuration: TCPConfiguration)] {
    let roles = Role.all(partyCount: parties)
    let listeners = try roles.map { _ in try TCPListener.bind(TCPAddress(host: "127.0.0.1", port: 0)) }
    let addresses = Dictionary(uniqueKeysWithValues: zip(roles, listeners.map(\.address)))
    return zip(roles, listeners).map { role, listener in
        var configuration = TCPConfiguration(session: "test", partyCount: parties, peers: addresses)
        change(role, &configuration)
        return (role, listener, configuration)
    }
}

/// Connects all members of a session over TCP on this machine.
func connectAll(
    parties: Int,
    deadline: Duration = .seconds(20),
    change: (Role, inout TCPConfiguration) -> Void = { _, _ in }
) async throws -> [Result<TransportEndpoint, any Error>] {
    let members = try localSession(parties: parties, change: change)
    return await onThreads(members) { _, member in
        try TCPTransport.connect(
            role: member.role,
            configuration: member.configuration,
            listener: member.listener,
            deadline: .after(deadline)
        )
    }
}

/// Closes all members as their engines would: each on its own thread.
func closeAll(_ transports: [any Transport]) async {
    _ = await onThreads(transports) { _, transport in transport.close() }
}

/// The members of a session over one or the other wire, the dealer last.
enum Wire: String, CaseIterable, CustomTestStringConvertible {
    case memory, tcp, tls

    var testDescription: String { rawValue }

    func connect(parties: Int) async throws -> [any Transport] {
        switch self {
        case .memory:
            let mesh = try MemoryTransport.mesh(parties: parties, session: "test")
            return mesh.parties + [mesh.dealer]
        case .tcp:
            return try await connectAll(parties: parties).map { try $0.get() }
        case .tls:
            let identities = try TestIdentities(parties: parties)
            return try await connectAll(parties: parties) { role, configuration in
                configuration.membership = identities.membership(of: role)
            }.map { try $0.get() }
        }
    }
}

/// Parties whose queues hold a mebibyte: who sends more waits, and two that both send aren't stuck.
func expectBackPressure(_ members: [TransportEndpoint]) async throws {
    let frame = Frame(.opening, payload: ByteBuffer(repeating: 1, count: 1 << 20))
    let stuck = await onThreads({
        for _ in 0..<100 {
            try members[0].send(frame, to: .party(PartyID(1)), deadline: .after(.milliseconds(300)))
        }
    })
    #expect(stuck[0].errorCode == .timedOut)
    let sent = Int(members[0].statistics.sent(.online, to: .party(PartyID(1))).frames)
    #expect(sent < 60)
    let results = await onThreads(
        {
            for _ in sent..<100 { try members[0].send(frame, to: .party(PartyID(1)), deadline: .soon) }
            for _ in 0..<100 {
                _ = try members[0].receive([.opening], from: .party(PartyID(1)), deadline: .soon)
            }
        },
        {
            for _ in 0..<100 { try members[1].send(frame, to: .party(PartyID(0)), deadline: .soon) }
            for _ in 0..<100 {
                _ = try members[1].receive([.opening], from: .party(PartyID(0)), deadline: .soon)
            }
        }
    )
    for result in results { try result.get() }
}
