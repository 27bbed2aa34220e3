import CrypTenBase
import CrypTenTransport
import NIOCore
import Testing

extension Connected {
    /// Waiting for whichever peer comes first, and ending what another thread waits in.
    @Suite struct ArrivalTests {
        private let zero = Role.party(PartyID(0))
        private let one = Role.party(PartyID(1))

        private func text(_ arrival: Arrival?) -> String {
            switch arrival {
            case .frame(let frame, let role): "\(role): \(String(buffer: frame.payload))"
            case .goodbye(let role): "\(role): goodbye"
            case nil: "nothing"
            }
        }

        @Test("what came first comes first, and a goodbye after everything that was sent", arguments: Wire.allCases)
        func order(wire: Wire) async throws {
            let members = try await wire.connect(parties: 2)
            for (party, kind, payload) in [
                (1, Frame.Kind.plan, "a"), (0, .credit, "b"), (0, .plan, "c"), (1, .control, "d"), (1, .credit, "e"),
            ] {
                let payload = bytes(payload)
                let sent = members[2].statistics.received(from: party == 0 ? zero : one).frames
                try members[party].send(Frame(kind, payload: payload), to: .dealer, deadline: .soon)
                // Frames of two connections have no order but that in which they arrive.
                while members[2].statistics.received(from: party == 0 ? zero : one).frames == sent {
                    await Task.yield()
                }
            }
            await closeAll([members[1]])
            let dealer = members[2]
            func next(_ roles: [Role], _ wait: Duration = .seconds(20)) async throws -> String {
                text(
                    try await onThread {
                        try dealer.receive([.plan, .credit], fromAnyOf: roles, deadline: .after(wait))
                    }
                )
            }
            #expect(try await next([zero]) == "party 0: b")
            #expect(try await next([zero, one]) == "party 1: a")
            #expect(try await next([zero, one]) == "party 0: c")
            #expect(try await next([zero, one]) == "party 1: e")
            #expect(try await next([zero, one]) == "party 1: goodbye")
            #expect(try await next([zero], .milliseconds(20)) == "nothing")
            #expect(try await next([], .milliseconds(20)) == "nothing")
            await closeAll(members)
        }

        @Test("a wait for any is ended by any", arguments: Wire.allCases)
        func woken(wire: Wire) async throws {
            let members = try await wire.connect(parties: 2)
            let results = await onThreads(
                {
                    let arrival = try members[2].receive([.plan], fromAnyOf: [zero, one], deadline: .soon)
                    #expect(text(arrival) == "party 1: x")
                    _ = try members[2].receive([.plan], fromAnyOf: [zero, one], deadline: .soon)
                },
                {
                    try members[1].send(Frame(.plan, payload: bytes("x")), to: .dealer, deadline: .soon)
                    _ = try members[1].receive([.control], from: .dealer, deadline: .after(.milliseconds(100)))
                },
                {
                    _ = try? members[0].receive([.control], from: one, deadline: .after(.milliseconds(200)))
                    members[0].abort(CrypTenError(.outOfRange, "enough"))
                }
            )
            #expect(results[0].errorText.contains("party 0 gave up: a number doesn't fit the fixed point"))
            await closeAll(members)
        }

        @Test("who has aborted or closed has no secrets any more", arguments: Wire.allCases)
        func secrets(wire: Wire) async throws {
            let members = try await wire.connect(parties: 2)
            _ = try members[0].nextSecret(with: one)
            members[0].abort(CrypTenError(.cancelled, "enough"))
            #expect(code { _ = try members[0].nextSecret(with: one) } == .cancelled)
            await closeAll([members[1]])
            #expect(code { _ = try members[1].nextSecret(with: zero) } != nil)
            await closeAll(members)
        }

        @Test("an interruption happens once, and ends what waits before it or after it")
        func interruption() async throws {
            let interruption = Interruption()
            try interruption.check()
            let members = try await connectAll(parties: 2).map { try $0.get() }
            interruption.onInterrupt { members[0].abort($0) }
            let results = await onThreads(
                { _ = try members[0].receive([.opening], from: one, deadline: .soon) },
                {
                    interruption.interrupt(CrypTenError(.cancelled, "first"))
                    interruption.interrupt(CrypTenError(.timedOut, "second"))
                }
            )
            #expect(results[0].errorText == "first")
            #expect(code { try interruption.check() } == .cancelled)
            let later = try TCPListener.bind(TCPAddress(host: "127.0.0.1", port: 0))
            let hello = await onThreads({ _ = try later.firstHello(deadline: .soon, interruption: interruption) })
            #expect(hello[0].errorText == "first")
            _ = await onThreads({ later.close() })
            await closeAll(members)
        }
    }
}
