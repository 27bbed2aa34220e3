import CrypTenRuntime
import Testing

/// Runs of two parties and a dealer that are simple enough to time by hand. Figures are exact up to rounding.
@Suite("The timeline adds the network to the work")
struct TimelineTests {
    static let free = FrameCosts(secondsPerFrame: 0, secondsPerByte: 0, latency: 0)
    static let dealer = 2

    /// Members on machines of their own, frames that cost no work.
    static func setting(
        _ network: NetworkProfile,
        costs: FrameCosts = free,
        shared cores: Int? = nil
    ) -> Timeline.Setting {
        Timeline.Setting(network: network, costs: costs, cores: cores ?? 2, isShared: cores != nil)
    }

    /// Both parties compute, send and wait, as often as asked.
    static func exchanges(_ rounds: Int, bytes: Int, seconds: Double) -> [MemberTrace] {
        let parties = [1, 0].map { other in
            MemberTrace(
                (0..<rounds).flatMap { round -> [MemberTrace.Event] in
                    [
                        .init(seconds: seconds, .send(to: other, bytes: bytes)),
                        .init(seconds: 0, .receive(from: other)),
                        .init(seconds: 0, .finish(step: round % 2)),
                    ]
                }
            )
        }
        return parties + [MemberTrace()]
    }

    static func near(_ value: Double, _ expected: Double) -> Bool {
        abs(value - expected) <= 1e-9 * max(1, expected)
    }

    @Test("a round takes half a round trip, its bytes' time on the link, and the work", arguments: NetworkProfile.all)
    func rounds(network: NetworkProfile) {
        let outcome = Timeline.play(Self.exchanges(10, bytes: 1000, seconds: 0.001), Self.setting(network))
        let link = 10 * 8000 / network.bitsPerSecond
        #expect(Self.near(outcome.seconds, 10 * (0.001 + network.roundTrip / 2) + link))
        #expect(Self.near(outcome.parts.computing, 0.01))
        #expect(Self.near(outcome.parts.latency, 10 * network.roundTrip / 2))
        #expect(Self.near(outcome.parts.bandwidth, link))
        #expect(outcome.parts.dealer == 0)
        #expect(Self.near(outcome.secondsByStep[0] ?? 0, outcome.seconds / 2), "five rounds of each step")
        #expect(Self.near(outcome.secondsByStep.values.reduce(0, +), outcome.seconds))
    }

    @Test("frames of one link queue, both directions run at once, and work hides behind them")
    func queue() {
        let network = NetworkProfile(name: "slow", bitsPerSecond: 8e6, roundTrip: 0.2)  // a byte a microsecond
        let party: (Int) -> MemberTrace = { other in
            MemberTrace([
                .init(seconds: 0, .send(to: other, bytes: 100_000)),
                .init(seconds: 0, .send(to: other, bytes: 200_000)),
                .init(seconds: 0.25, .receive(from: other)), .init(seconds: 0, .receive(from: other)),
                .init(seconds: 0.05, .finish(step: 0)),
            ])
        }
        let outcome = Timeline.play([party(1), party(0), MemberTrace()], Self.setting(network))
        #expect(Self.near(outcome.seconds, 0.3 + 0.1 + 0.05), "0.3 s on the link, 0.1 s on the way, then the work")
    }

    @Test("the last party waits for the dealer's work and for its link")
    func corrections() {
        let network = NetworkProfile(name: "slow", bitsPerSecond: 8e6, roundTrip: 0.2)
        let last = MemberTrace([.init(seconds: 0, .receive(from: Self.dealer)), .init(seconds: 0.01, .finish(step: 3))])
        let dealer = MemberTrace([.init(seconds: 0.5, .send(to: 1, bytes: 100_000))])
        let outcome = Timeline.play([MemberTrace(), last, dealer], Self.setting(network))
        #expect(Self.near(outcome.seconds, 0.5 + 0.1 + 0.1 + 0.01))
        #expect(Self.near(outcome.parts.dealer, 0.7))
        #expect(Self.near(outcome.parts.computing, 0.01))
    }

    @Test("members that share a machine share its processors", arguments: [1, 2, 3])
    func sharing(cores: Int) {
        let traces = (0..<3).map { _ in MemberTrace([.init(seconds: 1, .finish(step: 0))]) }
        let outcome = Timeline.play(traces, Self.setting(.loop, shared: cores))
        #expect(Self.near(outcome.seconds, 3 / Double(cores)))
    }

    @Test("frames cost work at both ends, and a long one's sender goes on meanwhile")
    func handling() {
        let costs = FrameCosts(secondsPerFrame: 0.01, secondsPerByte: 1e-6, latency: 0.002)
        let first = MemberTrace([
            .init(seconds: 0, .send(to: 1, bytes: 100_000)), .init(seconds: 0.3, .finish(step: 0)),
        ])
        let second = MemberTrace([.init(seconds: 0, .receive(from: 0)), .init(seconds: 0, .finish(step: 0))])
        let outcome = Timeline.play([first, second, MemberTrace()], Self.setting(.loop, costs: costs))
        #expect(Self.near(outcome.seconds, 0.3), "the sender isn't held up")
        let short = Self.exchanges(1, bytes: 0, seconds: 0)
        #expect(Self.near(Timeline.play(short, Self.setting(.loop, costs: costs)).seconds, 0.022))
        var relayed = Self.setting(.loop, costs: costs, shared: 4)
        relayed.isRelayed = true
        let both = 2 * 1.5 * 0.01  // one relay passes both parties' frames on
        #expect(Self.near(Timeline.play(short, relayed).seconds, 0.02 + both + 3 * 0.002))
    }

    @Test("of several measurements each stretch has its median, in proportion, and the whole the median of the wholes")
    func median() {
        let traces = [[1.0, 9], [2, 2], [8, 3]].map { times in
            MemberTrace(times.map { .init(seconds: $0, .finish(step: 0)) })
        }
        let median = MemberTrace(medianOf: traces)
        #expect(Self.near(median.seconds, 10), "of 10, 4 and 11")
        #expect(Self.near(median.events[0].seconds, 4), "2 of 2 + 3")
    }
}
