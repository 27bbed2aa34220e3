import CrypTenBase
import CrypTenTransport
import Foundation
import NIOCore
import Testing

extension Connected {
    @Suite("A relay delays and paces bytes, and changes nothing")
    struct RelayTests {
        static let frames = 40

        /// A session of two parties in which party 1 reaches party 0 through a relay; closed after `body`.
        static func relayed<Value: Sendable>(
            _ pace: Relay.Pace,
            _ body: @escaping @Sendable (Role, any Transport) throws -> Value
        ) async throws -> [Value] {
            let members = try localSession(parties: 2)
            let worker = Relay.Worker()
            let relay = try await Relay.start(to: members[0].listener.address, pace: pace, on: worker)
            let results = await onThreads(members) { _, member in
                var configuration = member.configuration
                configuration.peers[.party(PartyID(0))] = relay.address
                let transport = try TCPTransport.connect(
                    role: member.role,
                    configuration: configuration,
                    listener: member.listener,
                    deadline: .soon
                )
                defer { transport.close() }
                return try body(member.role, transport)
            }
            await relay.close()
            await worker.shutDown()
            return try results.map { try $0.get() }
        }

        static func payload(_ index: Int) -> ByteBuffer {
            ByteBuffer(bytes: (0..<(index * 7919 % 300_000)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) })
        }

        @Test(
            "frames of all sizes arrive whole and in order, both ways at once",
            arguments: [
                Relay.Pace(delay: .zero, bytesPerSecond: .infinity),
                Relay.Pace(delay: .milliseconds(3), bytesPerSecond: 50e6),
            ]
        )
        func integrity(pace: Relay.Pace) async throws {
            let received = try await Self.relayed(pace) { role, transport -> Int in
                guard case .party(let party) = role else { return Self.frames }
                let other = Role.party(PartyID(1 - party.index))
                for index in 0..<Self.frames {
                    let frame = Frame(.opening, round: UInt32(index), payload: Self.payload(index))
                    try transport.send(frame, to: other, deadline: .soon)
                }
                return try (0..<Self.frames).count { index in
                    let frame = try transport.receive([.opening], from: other, deadline: .soon)
                    return frame.round == UInt32(index) && frame.payload == Self.payload(index)
                }
            }
            #expect(received == [Self.frames, Self.frames, Self.frames])
        }

        @Test("an answer takes two delays at least, and bytes their time on the link")
        func delay() async throws {
            let pace = Relay.Pace(delay: .milliseconds(20), bytesPerSecond: 10e6)
            let size = 500_000
            let times = try await Self.relayed(pace) { role, transport -> Duration in
                guard case .party(let party) = role else { return .zero }
                let other = Role.party(PartyID(1 - party.index))
                let start = ContinuousClock.now
                if party.index == 1 {
                    let payload = ByteBuffer(repeating: 7, count: size)
                    try transport.send(Frame(.opening, payload: payload), to: other, deadline: .soon)
                    _ = try transport.receive([.control], from: other, deadline: .soon)
                } else {
                    _ = try transport.receive([.opening], from: other, deadline: .soon)
                    try transport.send(Frame(.control), to: other, deadline: .soon)
                    _ = try? transport.receive([.control], from: other, deadline: .soon)
                }
                return ContinuousClock.now - start
            }
            #expect(times[1] >= .milliseconds(40 + 50))
        }

        @Test("a relay leads to this machine alone")
        func loopbackOnly() async throws {
            let worker = Relay.Worker()
            await #expect(throws: CrypTenError.self) {
                _ = try await Relay.start(
                    to: TCPAddress(host: "192.0.2.1", port: 9000),
                    pace: Relay.Pace(delay: .zero, bytesPerSecond: .infinity),
                    on: worker
                )
            }
            await worker.shutDown()
        }
    }
}
