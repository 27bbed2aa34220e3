import CrypTenBase
import CrypTenTransport
import Dispatch
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import Testing
import _CrypTenTestSupport

extension Connected {
    /// What only a wire can do.
    @Suite struct TCPTests {
        private let zero = Role.party(PartyID(0))
        private let one = Role.party(PartyID(1))

        /// Party 0 of 2, connected to a peer of the test's making; `body` gets both.
        private func withRawPeer(
            silenceLimit: Duration = .seconds(10),
            _ body: @escaping @Sendable (TransportEndpoint, RawPeer) throws -> Void
        ) async throws {
            var members = try localSession(parties: 2) { _, configuration in
                configuration.silenceLimit = silenceLimit
                configuration.closeLimit = .milliseconds(300)
            }
            members.remove(at: 1).listener.close()
            let (party, dealer) = (members[0], members[1])
            let results = await onThreads(
                {
                    let peer = Unchecked(try RawPeer(party.listener.address))
                    let introduction = DispatchSemaphore(value: 0)
                    Thread.detachNewThread {
                        _ = try? peer.value.introduce()
                        introduction.signal()
                    }
                    let transport = try TCPTransport.connect(
                        role: party.role,
                        configuration: party.configuration,
                        listener: party.listener,
                        deadline: .soon
                    )
                    introduction.wait()
                    defer {
                        transport.abort(CrypTenError(.cancelled, "the test is over"))
                        transport.close()
                    }
                    defer { peer.value.hangUp() }
                    try body(transport, peer.value)
                },
                {
                    // Party 1 never calls the dealer, who is told when the test is over.
                    _ = try? TCPTransport.connect(
                        role: dealer.role,
                        configuration: dealer.configuration,
                        listener: dealer.listener,
                        deadline: .soon
                    )
                }
            )
            for result in results { try result.get() }
        }

        @Test("frames of a peer that knows the protocol arrive") func rawPeer() async throws {
            try await withRawPeer { transport, peer in
                peer.say(Frame(.opening, payload: bytes("abc")))
                let frame = try transport.receive([.opening], from: .party(PartyID(1)), deadline: .soon)
                #expect(frame.payload == bytes("abc"))
            }
        }

        @Test(
            "corrupted, oversized, replayed and reordered frames, and bytes that are none, fail by name",
            arguments: 0..<6
        )
        func hostile(attack: Int) async throws {
            try await withRawPeer { transport, peer in
                switch attack {
                case 0:
                    var frame = peer.encode(Frame(.opening, payload: bytes("abc")))
                    frame.setInteger(UInt8(0x40), at: 65)
                    peer.write(frame)
                case 1: peer.say(Frame(.opening)) { $0.length = UInt32.max }
                case 2:
                    let frame = peer.encode(Frame(.control))
                    peer.write(frame)
                    peer.write(frame)
                case 3: peer.say(Frame(.opening)) { $0.sequence = 3 }
                case 4: peer.write(ByteBuffer(repeating: 0x20, count: 100))
                default: peer.say(Frame(.opening)) { $0.kind = 77 }
                }
                let result = Result {
                    _ = try transport.receive([.opening], from: .party(PartyID(1)), deadline: .soon)
                }
                #expect(result.errorCode == .malformedFrame)
                var last: FrameAssembler.RawFrame?
                while last?.header.kind != Frame.Kind.abort.rawValue, let frame = try peer.hear() { last = frame }
                #expect(last?.header.kind == Frame.Kind.abort.rawValue)
                // Nobody but the peer reads why.
                #expect(last?.payload.readableBytes == AbortMessage.size)
            }
        }

        @Test("a peer that hangs up in a frame is lost at once, also for who waits for someone else") func hangsUp()
            async throws
        {
            try await withRawPeer { transport, peer in
                let frame = peer.encode(Frame(.opening, payload: ByteBuffer(repeating: 1, count: 1000)))
                peer.write(frame.getSlice(at: 0, length: 500)!)
                Thread.detachNewThread { [peer = Unchecked(peer)] in
                    Thread.sleep(forTimeInterval: 0.1)
                    peer.value.hangUp()
                }
                let result = Result { _ = try transport.receive([.correction], from: .dealer, deadline: .soon) }
                #expect(result.errorCode == .peerLost)
                #expect(result.errorText.hasPrefix("the connection to party 1 at 127.0.0.1:"))
                #expect(result.errorText.contains(" ended in the middle of a frame: "))
            }
        }

        @Test("a silent peer times out, a computing one doesn't") func silence() async throws {
            let start = ContinuousClock.now
            try await withRawPeer(silenceLimit: .milliseconds(400)) { transport, _ in
                let result = Result { _ = try transport.receive([.opening], from: .party(PartyID(1)), deadline: .soon) }
                #expect(result.errorCode == .timedOut)
                #expect(result.errorText.contains("silent"))
            }
            #expect(ContinuousClock.now - start < .seconds(10))
            let members = try await connectAll(parties: 2) { $1.silenceLimit = .milliseconds(400) }.map { try $0.get() }
            let results = await onThreads(
                { _ = try members[0].receive([.opening], from: .party(PartyID(1)), deadline: .soon) },
                {
                    Thread.sleep(forTimeInterval: 1.5)
                    try members[1].send(Frame(.opening), to: .party(PartyID(0)), deadline: .soon)
                }
            )
            for result in results { try result.get() }
            // Four heartbeats in each span of the limit, and hello.
            #expect(members[1].statistics.sent(.control, to: zero).frames > 9)
            await closeAll(members)
        }

        @Test("heartbeats don't feed a frame that never ends") func endlessFrame() async throws {
            let start = ContinuousClock.now
            try await withRawPeer(silenceLimit: .milliseconds(500)) { transport, peer in
                let isOver = NIOLockedValueBox(false)
                defer { isOver.withLockedValue { $0 = true } }
                peer.say(Frame(.opening, payload: bytes("abc"))) { $0.length = 1 << 20 }
                Thread.detachNewThread { [peer = Unchecked(peer)] in
                    for _ in 0..<200 where !isOver.withLockedValue({ $0 }) {
                        peer.value.say(Frame(.heartbeat))
                        Thread.sleep(forTimeInterval: 0.1)
                    }
                }
                let result = Result { _ = try transport.receive([.opening], from: .party(PartyID(1)), deadline: .soon) }
                #expect(result.errorCode == .timedOut)
                #expect(result.errorText.contains("silent"))
            }
            #expect(ContinuousClock.now - start < .seconds(10))
        }

        #if os(Linux)
        @Test("a connection that fails ends the others, though no engine calls") func idleEngines() async throws {
            var relay: FrameRelay?
            let members = try await connectAll(parties: 2) { role, configuration in
                guard role == one, let called = configuration.peers[zero] else { return }
                relay = try? FrameRelay(to: called.description) { _, _, _ in .pass }
                if let relay { configuration.peers[zero] = try? TCPAddress(relay.address) }
            }.map { try $0.get() }
            let cut = try #require(relay)
            // Each is connected to both others, and nobody waits but the dealer.
            let start = ContinuousClock.now
            cut.close()
            let dealer = await onThreads({ _ = try members[2].receive([.plan], from: one, deadline: .soon) })
            #expect(dealer[0].errorCode == .partyFailed)
            #expect(dealer[0].errorText.contains("gave up: the connection to party"))
            #expect(ContinuousClock.now - start < .seconds(5))
            let ends = await onThreads(Array(members[..<2])) { index, member in
                _ = try member.receive([.control], from: index == 0 ? one : zero, deadline: .soon)
            }
            #expect(ends.contains { $0.errorCode == .peerLost })
            for end in ends { #expect([.peerLost, .partyFailed].contains(end.errorCode)) }
            await closeAll(members)
        }
        #endif

        @Test("who gives up before a call has got through tells the one that was to be called") func earlyFailure()
            async throws
        {
            var members = try localSession(parties: 2) { $1.closeLimit = .seconds(2) }
            let address = members[2].listener.address
            members[2].listener.close()
            members[2].configuration.listen = address
            let interruption = Interruption()
            let start = ContinuousClock.now
            let results = await onThreads([1, 2]) { [members] _, index in
                if index == 2 {
                    // The dealer starts when party 1 has given up.
                    Thread.sleep(forTimeInterval: 0.2)
                    interruption.interrupt(CrypTenError(.cancelled, "enough"))
                    Thread.sleep(forTimeInterval: 0.2)
                }
                _ = try TCPTransport.connect(
                    role: members[index].role,
                    configuration: members[index].configuration,
                    listener: index == 2 ? nil : members[index].listener,
                    deadline: .soon,
                    interruption: index == 2 ? Interruption() : interruption
                )
            }
            members[0].listener.close()
            #expect(results[0].errorCode == .cancelled)
            #expect(results[1].errorCode == .partyFailed)
            #expect(results[1].errorText == "party 1 gave up: cancelled by its caller (cancelled)")
            #expect(ContinuousClock.now - start < .seconds(10))
        }

        @Test("members that don't fit one another both say why") func misfits() async throws {
            let sessions = try await connectAll(parties: 2) { role, configuration in
                if role == .party(PartyID(1)) { configuration.session = "other" }
            }
            // Whom another told first says so.
            for session in sessions { #expect([.wrongSession, .partyFailed].contains(session.errorCode)) }
            #expect(sessions.contains { $0.errorCode == .wrongSession })
            #expect(sessions.contains { $0.errorText.contains("different sessions") })
            let parameters = try await connectAll(parties: 2) { role, configuration in
                configuration.parameters = role == .dealer ? "16 bits" : "20 bits"
            }
            for result in parameters {
                #expect(result.errorCode == .diverged || result.errorCode == .partyFailed)
            }
            // Who notices says what it has itself; the other may be told first, and then knows a fixed sentence.
            let texts = parameters.map(\.errorText)
            #expect(texts.contains { $0.contains("\"20 bits\"") || $0.contains("\"16 bits\"") })
            #expect(texts.allSatisfy { $0.contains("fraction bits") || $0.contains(" bits\"") })
        }

        @Test("another version and a wrong address are named at both ends") func rawMisfits() async throws {
            let cases: [(CrypTenError.Code, @Sendable (inout FrameHeader) -> Void)] = [
                (.diverged, { $0.version += 1 }), (.wrongSession, { $0.sender = 0 }),
                (.wrongSession, { $0.recipient = 1 }),
                (.wrongSession, { $0.sender = 9 }), (.wrongSession, { $0.sender = 65535 }),
            ]
            for (expected, change) in cases {
                let members = try localSession(parties: 2) { $1.closeLimit = .milliseconds(300) }
                let party = members[0]
                members[1].listener.close()
                let results = await onThreads(
                    {
                        _ = try TCPTransport.connect(
                            role: party.role,
                            configuration: party.configuration,
                            listener: party.listener,
                            deadline: .soon
                        )
                    },
                    {
                        guard case .fail(let error, _) = try RawPeer(party.listener.address).introduce(change: change)
                        else {
                            throw CrypTenError(.diverged, "the misfit was let in")
                        }
                        throw error
                    }
                )
                members[2].listener.close()
                #expect(results[0].errorCode == expected)
                #expect(results[1].errorCode == expected)
            }
        }

        @Test("a number is given once; a late caller is told, and the session goes on") func twice() async throws {
            let listening = try localSession(parties: 2)
            let members = try await onThreads(listening) { _, member in
                try TCPTransport.connect(
                    role: member.role,
                    configuration: member.configuration,
                    listener: member.listener,
                    deadline: .soon
                )
            }.map { try $0.get() }
            let address = listening[0].listener.address
            let late = try await onThread { () throws -> CrypTenError? in
                guard case .fail(let error, _) = try RawPeer(address).introduce() else { return nil }
                return error
            }
            #expect(late?.code == .wrongSession)
            #expect(late?.message.contains("another member has the same number") == true)
            let stranger = try RawPeer(address)
            stranger.write(bytes(String(repeating: "GET / HTTP/1.1\r\n", count: 9)))
            #expect(try stranger.hear()?.header.kind == Frame.Kind.abort.rawValue)
            stranger.hangUp()
            try members[1].send(Frame(.opening), to: zero, deadline: .soon)
            _ = try await onThread {
                try members[0].receive([.opening], from: .party(PartyID(1)), deadline: .soon).kind
            }
            await closeAll(members)
        }

        @Test("who doesn't come is named") func missing() async throws {
            let members = try localSession(parties: 2)
            members[1].listener.close()
            members[2].listener.close()
            let results = await onThreads({
                _ = try TCPTransport.connect(
                    role: members[0].role,
                    configuration: members[0].configuration,
                    listener: members[0].listener,
                    deadline: .after(.milliseconds(300))
                )
            })
            #expect(results[0].errorCode == .timedOut)
            #expect(results[0].errorText.contains("party 1, which calls here"))
            #expect(results[0].errorText.contains("the dealer at 127.0.0.1:"))
        }

        @Test("a dealer that waits hears of a session that was given up, however early, and takes the next one")
        func givenUp()
            throws
        {
            func hello(_ session: String) throws -> Hello {
                let role = Role.party(PartyID(1))
                return Handshake(try SessionIdentity(role: role, partyCount: 2, session: session, parameters: "")).hello
            }
            let (first, second) = (try hello("first"), try hello("second"))
            let (callers, calls) = ([NSObject(), NSObject()].map(ObjectIdentifier.init), WaitingCalls())
            calls.said(first, callers[0])
            calls.said(second, callers[1])
            calls.remove(callers[0])
            #expect(try calls.firstHello(.soon) == second, "who is still there has its session")
            calls.remove(callers[1])
            let nobody = Result { _ = try calls.firstHello(.soon) }
            #expect(nobody.errorCode == .peerLost)
            #expect(nobody.errorText.contains("hung up before the session began"))
            let quiet = WaitingCalls()
            quiet.remove(callers[0])
            #expect(try quiet.firstHello(.after(.milliseconds(1))) == nil, "who has said nothing began no session")
        }

        @Test("members may start in any order") func lateStart() async throws {
            var members = try localSession(parties: 2)
            let address = members[2].listener.address
            members[2].listener.close()
            members[2].configuration.listen = address
            let results = await onThreads(members) { index, member in
                if member.role == .dealer { Thread.sleep(forTimeInterval: 0.4) }
                let transport = try TCPTransport.connect(
                    role: member.role,
                    configuration: member.configuration,
                    listener: member.role == .dealer ? nil : member.listener,
                    deadline: .soon
                )
                transport.close()
            }
            for result in results { try result.get() }
        }

        @Test("a port in use, other machines' addresses and nonsense are refused with advice") func addresses()
            async throws
        {
            let listener = try TCPListener.bind(TCPAddress(host: "127.0.0.1", port: 0))
            #expect(code { _ = try TCPListener.bind(listener.address) } == .addressInUse)
            listener.close()
            let everywhere = Result { _ = try TCPListener.bind(TCPAddress(host: "0.0.0.0", port: 0)) }
            #expect(everywhere.errorCode == .insecureTransport)
            #expect(everywhere.errorText.contains("--insecure-no-tls"))
            try TCPListener.bind(TCPAddress(host: "0.0.0.0", port: 0), insecurePlaintext: true).close()
            var configuration = TCPConfiguration(session: "test", partyCount: 2, peers: [:])
            configuration.peers = [.dealer: TCPAddress(host: "192.0.2.1", port: 1)]
            configuration.listen = TCPAddress(host: "127.0.0.1", port: 0)
            let results = await onThreads({ [configuration] in
                _ = try TCPTransport.connect(role: .party(PartyID(0)), configuration: configuration, deadline: .soon)
            })
            #expect(results[0].errorCode == .insecureTransport)
            #expect(try TCPAddress("[::1]:80") == TCPAddress(host: "::1", port: 80))
            for text in ["", "localhost", ":80", "a:b", "a:70000", "::1:80"] {
                #expect(code { _ = try TCPAddress(text) } == .invalidArgument, "\(text)")
            }
        }

        @Test("a sender waits while more than the limit is queued, whoever computes; two that both send aren't stuck")
        func backPressure() async throws {
            let members = try await connectAll(parties: 2) { _, configuration in
                configuration.sendQueueLimit = 1 << 20
                configuration.receiveQueueLimit = 1 << 20
            }.map { try $0.get() }
            try await expectBackPressure(members)
            await closeAll(members)
        }

        #if os(Linux)
        @Test("a closed session leaves no thread and no descriptor") func leaks() async throws {
            // The test runner's own threads come and go; sockets, pipes, event queues and event-loop threads are ours alone.
            func counts() -> [Int] {
                let files = FileManager.default
                let descriptors = (try? files.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
                let threads = (try? files.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
                return [
                    descriptors.count { name in
                        let target = try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
                        return ["socket:", "pipe:", "anon_inode:"].contains { target?.hasPrefix($0) == true }
                    },
                    threads.count { name in
                        let title = try? String(contentsOfFile: "/proc/self/task/\(name)/comm", encoding: .utf8)
                        return title?.hasPrefix("NIO-ELT") == true
                    },
                ]
            }
            let warmUp = try await connectAll(parties: 3).map { try $0.get() }
            await closeAll(warmUp)
            let before = counts()
            for index in 0..<6 {
                let members = try await connectAll(parties: 3).map { try $0.get() }
                if index % 2 == 1 { members[index / 2].abort(CrypTenError(.cancelled, "enough")) }
                await closeAll(members)
                // And where one doesn't fit.
                for result in try await connectAll(parties: 2, change: { if $0 == .dealer { $1.parameters = "other" } })
                {
                    #expect(result.errorCode != nil)
                }
            }
            let deadline = Deadline.after(.seconds(5))
            var after = counts()
            while !zip(after, before).allSatisfy({ $0 <= $1 }), !deadline.hasPassed {
                try await Task.sleep(for: .milliseconds(20))
                after = counts()
            }
            #expect(zip(after, before).allSatisfy { $0 <= $1 }, "\(before) before, \(after) after")
        }
        #endif
    }
}

/// Carries a value to another thread where the test knows that only one uses it at a time.
struct Unchecked<Value>: @unchecked Sendable {
    // Sendable: the tests hand the value over and don't touch it meanwhile.
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
