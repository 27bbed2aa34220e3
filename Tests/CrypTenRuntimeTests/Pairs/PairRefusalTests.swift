import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Testing
import _CrypTenTestSupport

@Suite("Who can do without a dealer")
struct PairRefusalTests {
    private static var configuration: SessionConfiguration {
        var configuration = SessionConfiguration()
        configuration.threads = 1
        configuration.correlations = .parties
        configuration.insecureMaker = { party, _ in InsecureMaker(party: party) }
        return configuration
    }

    private func check(_ error: CrypTenError?, _ words: String) {
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing was thrown")")
    }

    @Test("a third party is refused before anything is sent, by a sentence that says what to do")
    func third() async throws {
        let sentence =
            "3 parties without a dealer: two parties can make their correlations themselves, more can't yet; take two parties, or start a"
        let local = await outcome { try await withLocalParties(3, configuration: Self.configuration) { _ in } }
        check(local.crypTenError, sentence)
        let addresses = (0..<3).map { "127.0.0.1:\(9000 + $0)" }
        let connecting = await outcome {
            try await Session.connect(
                party: .party(1),
                parties: addresses,
                session: "test",
                configuration: Self.configuration
            )
        }
        check(connecting.crypTenError, sentence)
        let listener = try await SessionListener.listen(at: "127.0.0.1:0")
        let listening = await outcome {
            try await listener.connect(
                party: .party(1),
                parties: addresses,
                session: "test",
                configuration: Self.configuration
            )
        }
        check(listening.crypTenError, sentence)
        let mesh = try MemoryTransport.meshWithoutDealer(parties: 3, session: "test")
        let given = await outcome {
            try Session(transport: mesh[0], kernels: NativeKernels(threads: 1), configuration: Self.configuration)
        }
        check(given.crypTenError, sentence)
        #expect(mesh[0].statistics.sent(.control, to: .party(PartyID(1))).frames <= 1, "the handshake's")
    }

    @Test("a dealer that isn't to be, and one that is missing, are named")
    func dealer() async throws {
        let addresses = ["127.0.0.1:9000", "127.0.0.1:9001"]
        let given = await outcome {
            try await Session.connect(
                party: .party(0),
                parties: addresses,
                dealer: "127.0.0.1:9002",
                session: "test",
                configuration: Self.configuration
            )
        }
        check(
            given.crypTenError,
            "a dealer at 127.0.0.1:9002 is given to parties that make the correlations themselves: leave it out"
        )
        let missing = await outcome { try await Session.connect(party: .party(0), parties: addresses, session: "test") }
        check(
            missing.crypTenError,
            "no dealer's address is given: give it, or let two parties make the correlations themselves"
        )
        let service = try await DealerService.listen(at: "127.0.0.1:0", parties: 2)
        let served = await outcome { _ = try await service.serve(configuration: Self.configuration) }
        check(served.crypTenError, "a dealer has no place in sessions whose parties make the correlations themselves")
    }

    @Test("a party that has a dealer and one that has none don't meet: both are told what differs")
    func differing() async throws {
        let service = try await DealerService.listen(at: "127.0.0.1:0", parties: 2)
        var usual = SessionConfiguration()
        usual.threads = 1
        let serving = Task.detached { [usual] in _ = try await service.serve(configuration: usual) }
        var listeners: [SessionListener] = []
        for _ in 0..<2 { listeners.append(try await SessionListener.listen(at: "127.0.0.1:0")) }
        let addresses = listeners.map(\.address)
        let (first, second) = (listeners[0], listeners[1])
        async let one = outcome { [usual] in
            try await first.connect(
                party: .party(0),
                parties: addresses,
                dealer: service.address,
                session: "test",
                configuration: usual,
                timeout: .seconds(5)
            )
        }
        async let two = outcome {
            try await second.connect(
                party: .party(1),
                parties: addresses,
                session: "test",
                configuration: Self.configuration,
                timeout: .seconds(5)
            )
        }
        let errors = [await one.crypTenError, await two.crypTenError]
        #expect(errors.contains { $0?.code == .diverged })
        for error in errors {
            #expect(
                error?.code == .diverged || error?.code == .partyFailed,
                "\(error?.message ?? "nothing was thrown")"
            )
        }
        #expect(errors.contains { $0?.message.contains("dealer") == true }, "\(errors.map { $0?.message })")
        service.abort(CrypTenError(.cancelled, "the test is over"))
        _ = await serving.result
    }
}
