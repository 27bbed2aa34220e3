import CrypTenBase
import CrypTenTransport
import Crypto
import NIOCore
import Testing

extension Connected {
    /// What both wires must do alike.
    @Suite struct ExchangeTests {
        @Test("everyone hears everyone, in order, and the counters agree", arguments: Wire.allCases, [2, 3, 5])
        func allToAll(wire: Wire, parties: Int) async throws {
            let members = try await wire.connect(parties: parties)
            let before = members.map(\.statistics)
            let sizes = [0, 8, 1000, 300_000]
            let results = await onThreads(members) { _, member in
                let peers = Role.all(partyCount: parties).filter { $0 != member.role }
                for (round, size) in sizes.enumerated() {
                    let payload = ByteBuffer(repeating: UInt8(round), count: size)
                    for peer in peers {
                        let kind: Frame.Kind = member.role == .dealer ? .correction : .opening
                        let frame = Frame(kind, binding: 5, run: 2, round: UInt32(round), payload: payload)
                        try member.send(frame, to: peer, deadline: .soon)
                    }
                    for peer in peers {
                        let frame = try member.receive([.opening, .correction], from: peer, deadline: .soon)
                        #expect(frame.round == UInt32(round) && frame.binding == 5 && frame.run == 2)
                        #expect(frame.payload == payload)
                    }
                }
            }
            for result in results { try result.get() }
            let total = UInt64(sizes.reduce(0, +) + sizes.count * FrameHeader.size)
            for (member, before) in zip(members, before) {
                let difference = member.statistics - before
                let (meter, other) =
                    member.role == .dealer
                    ? (Frame.Meter.correction, Frame.Meter.online) : (.online, .correction)
                #expect(
                    difference.sent(meter)
                        == .init(bytes: total * UInt64(parties), frames: UInt64(sizes.count * parties))
                )
                #expect(difference.sent(other).frames == 0 && difference.sent(.setup).frames == 0)
                let toParties = UInt64(member.role == .dealer ? parties : parties - 1)
                #expect(difference.bytesToParties(meter) == total * toParties)
                for peer in Role.all(partyCount: parties) where peer != member.role {
                    #expect(difference.sent(meter, to: peer).bytes == total)
                    #expect(difference.received(from: peer).bytes >= total)  // heartbeats come on top
                }
            }
            if wire == .tcp {
                for case let member as TransportEndpoint in members { expectKernelAgrees(member) }
            }
            await closeAll(members)
        }

        /// Compares counters until no heartbeat falls between the two looks.
        private func expectKernelAgrees(_ member: TransportEndpoint) {
            #if os(Linux)
            for attempt in 0..<50 {
                let counted = member.statistics
                let kernel = member.kernelBytesSent()
                let isEqual =
                    kernel.count == member.partyCount && kernel.allSatisfy { $1 == counted.sent(to: $0).bytes }
                if isEqual { return }
                if attempt == 49 { Issue.record("\(member.role): the kernel counted \(kernel), we counted \(counted)") }
            }
            #endif
        }

        @Test("handshakes cost the same bytes on both wires") func handshakeBytes() async throws {
            let memory = try await Wire.memory.connect(parties: 2)
            let tcp = try await Wire.tcp.connect(parties: 2)
            for (left, right) in zip(memory, tcp) {
                for peer in Role.all(partyCount: 2) where peer != left.role {
                    #expect(left.statistics.sent(.control, to: peer).bytes == 64 + 136)
                    #expect(right.statistics.sent(.control, to: peer).bytes == 64 + 136)
                }
            }
            await closeAll(memory + tcp)
        }

        @Test("each pair has its own secrets, each of them once", arguments: Wire.allCases) func secrets(
            wire: Wire
        ) async throws {
            let members = try await wire.connect(parties: 3)
            var seen: Set<[UInt8]> = []
            for (index, member) in members.enumerated() {
                for other in members[(index + 1)...] {
                    for _ in 0..<3 {
                        let secret = try member.nextSecret(with: other.role).withUnsafeBytes { Array($0) }
                        #expect(try secret == other.nextSecret(with: member.role).withUnsafeBytes { Array($0) })
                        #expect(secret.count == 32)
                        seen.insert(secret)
                    }
                }
            }
            #expect(seen.count == 18)
            await closeAll(members)
        }

        @Test("kinds are told apart, and keep their order", arguments: Wire.allCases) func kinds(
            wire: Wire
        ) async throws {
            let members = try await wire.connect(parties: 2)
            let (zero, one) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
            for (kind, text) in [(Frame.Kind.opening, "a"), (.control, "b"), (.opening, "c"), (.plan, "d")] {
                try members[0].send(Frame(kind, payload: bytes(text)), to: one, deadline: .soon)
            }
            let texts = try await onThread {
                try [[Frame.Kind.control], [.plan, .opening], [.opening, .plan], [.plan]].map { kinds in
                    String(buffer: try members[1].receive(Set(kinds), from: zero, deadline: .soon).payload)
                }
            }
            #expect(texts == ["b", "a", "c", "d"])
            await closeAll(members)
        }

        @Test("a wait ends at its deadline", arguments: Wire.allCases) func deadline(wire: Wire) async throws {
            let members = try await wire.connect(parties: 2)
            let start = ContinuousClock.now
            let results = await onThreads({
                _ = try members[0].receive([.opening], from: .party(PartyID(1)), deadline: .after(.milliseconds(100)))
            })
            #expect(results[0].errorCode == .timedOut)
            #expect((.milliseconds(100) ..< .seconds(5)).contains(ContinuousClock.now - start))
            await closeAll(members)
        }

        @Test("an abort reaches everyone with its message", arguments: Wire.allCases, [2, 3])
        func abort(wire: Wire, parties: Int) async throws {
            let members = try await wire.connect(parties: parties)
            let results = await onThreads(members) { index, member in
                if index == 0 {
                    member.abort(CrypTenError(.outOfRange, "weights of layer 3 are infinite"))
                }
                // The dealer waits for a party that doesn't fail.
                _ = try member.receive([.opening], from: .party(PartyID(index == 1 ? 0 : 1)), deadline: .soon)
            }
            #expect(results[0].errorCode == .outOfRange)
            for result in results.dropFirst() {
                #expect(result.errorCode == .partyFailed)
                #expect(result.errorText.contains("party 0 gave up: a number doesn't fit the fixed point"))
            }
            #expect(code { try members[1].send(Frame(.opening), to: .dealer, deadline: .soon) } == .partyFailed)
            await closeAll(members)
        }

        @Test("what was sent before a goodbye can be received after it", arguments: Wire.allCases)
        func goodbye(wire: Wire) async throws {
            let members = try await wire.connect(parties: 2)
            let (zero, one) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
            let payload = ByteBuffer(repeating: 3, count: 5_000_000)
            try members[0].send(Frame(.plan, payload: payload), to: one, deadline: .soon)
            await closeAll([members[0]])
            let received = try await onThread { try members[1].receive([.plan], from: zero, deadline: .soon).payload }
            #expect(received == payload)
            let after = await onThreads({ _ = try members[1].receive([.plan], from: zero, deadline: .soon) })
            #expect(after[0].errorCode == .sessionClosed)
            #expect(code { try members[1].send(Frame(.opening), to: zero, deadline: .soon) } == .sessionClosed)
            // Others are still there.
            try members[1].send(Frame(.credit), to: .dealer, deadline: .soon)
            _ = try await onThread { try members[2].receive([.credit], from: one, deadline: .soon).kind }
            members[0].close()
            #expect(code { try members[0].send(Frame(.opening), to: one, deadline: .soon) } == .sessionClosed)
            await closeAll(members)
        }

        @Test("what can't be sent is refused") func refused() async throws {
            let members = try await Wire.memory.connect(parties: 2)
            let one = Role.party(PartyID(1))
            #expect(code { try members[0].send(Frame(.goodbye), to: one, deadline: .soon) } == .invalidArgument)
            #expect(
                code { try members[0].send(Frame(.opening), to: members[0].role, deadline: .soon) } == .invalidArgument
            )
            let large = ByteBuffer(repeating: 0, count: Frame.maximumPayload + 1)
            #expect(
                code { try members[0].send(Frame(.opening, payload: large), to: one, deadline: .soon) }
                    == .invalidArgument
            )
            #expect(code { _ = try MemoryTransport.mesh(parties: 1, session: "test") } == .invalidArgument)
            await closeAll(members)
        }

        @Test("a sender waits while its peer computes, and goes on when the peer waits") func memoryBackPressure()
            async throws
        {
            let mesh = try MemoryTransport.mesh(parties: 2, session: "test", queueLimit: 1000)
            let (zero, one) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
            let frame = Frame(.opening, payload: ByteBuffer(repeating: 1, count: 1000))
            try mesh.parties[0].send(frame, to: one, deadline: .soon)
            let blocked = await onThreads({
                try mesh.parties[0].send(frame, to: one, deadline: .after(.milliseconds(50)))
            })
            #expect(blocked[0].errorCode == .timedOut)
            let results = await onThreads(
                { for _ in 0..<100 { try mesh.parties[0].send(frame, to: one, deadline: .soon) } },
                { for _ in 0..<101 { _ = try mesh.parties[1].receive([.opening], from: zero, deadline: .soon) } }
            )
            for result in results { try result.get() }
            await closeAll(mesh.parties + [mesh.dealer])
        }
    }
}
