import CrypTenBase
import CrypTenCorrelations
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import Testing
import _CrypTenTestSupport

@Suite("Checked runs of parties that make their correlations themselves")
struct PairCheckTests {
    private static func configuration(isInsecure: Bool = false) -> SessionConfiguration {
        var configuration = SessionConfiguration()
        configuration.threads = 1
        configuration.correlations = .parties
        configuration.slabBits = 12
        if isInsecure { configuration.insecureMaker = { party, _ in InsecureMaker(party: party) } }
        return configuration
    }

    /// All that rounds, compares, draws or moves, on a value that was kept and one that goes in.
    private static func results(_ x: CrypTensor, _ w: CrypTensor) -> [CrypTensor] {
        let hidden = relu(x.matmul(w))
        return [
            PairProgram.network(x, w), hidden.mean(axis: 0), (x * 0.3).floor(), x.polynomial([0.5, -1, 0.25, 2]),
            `where`(x .< 0.25, x * x, x / 3), x.argmax(axis: 1), sin(x) + exp(x), (w .> 0).toReal().sum(axis: 0),
            x.reciprocal(), w * 0.1,
        ]
    }

    @Test(
        "every step comes out as its operands say, in runs that follow each other and in prepared ones; errors are those with a dealer",
        arguments: [true, false]
    )
    func follows(isInsecure: Bool) async throws {
        let body: @Sendable (Session) async throws -> [CheckReport] = { session in
            let w = try await PairProgram.held(session)
            let coming = try await session.placeholder(from: .party(0), shape: [4, 8])
            var reports: [CheckReport] = []
            for turn in 0..<3 {
                if turn == 1 { try await session.prepare(Self.results(coming, w), revealingTo: .all, runs: 1) }
                let x = try await session.input(from: .party(0), shape: [4, 8]) {
                    Tensor(PairProgram.images.map { $0 + 0.0625 }, shape: [4, 8])
                }
                reports.append(try await session.check(Self.results(x, w)))
            }
            let noise = try await session.uniform([6, 2])
            reports.append(try await session.check(noise * 0.3, try await session.bernoulli(0.25, [9]).toReal()))
            return reports
        }
        let made = try await withInsecureCheckedParties(
            2,
            configuration: Self.configuration(isInsecure: isInsecure),
            body
        )
        let dealt = try await withInsecureCheckedParties(2, body)
        for (own, usual) in zip(made.joined(), dealt.joined()) {
            #expect(own.violations.isEmpty && own.violation == nil, "\(own.violations)")
            #expect(own.layers.map(\.name) == usual.layers.map(\.name))
            for (layer, other) in zip(own.layers, usual.layers) {
                #expect(abs(layer.largestError - other.largestError) < 1e-4, "\(layer) \(other)")
            }
        }
        #expect(made[0].map(\.values) == made[1].map(\.values))
    }

    @Test("truncations that span slabs round by what each slab's reading subtracts", arguments: [true, false])
    func slabs(isInsecure: Bool) async throws {
        let count = 2 * 4096 + 100
        let numbers = (0..<count).map { Double($0 * 37 % 4001 - 2000) / 256 }
        let reports = try await withInsecureCheckedParties(2, configuration: Self.configuration(isInsecure: isInsecure))
        {
            session in
            let x = try await session.input(from: .party(0)) { Tensor(numbers, shape: [count]) }
            let y = try await session.input(from: .party(1)) { Tensor(numbers.reversed(), shape: [count]) }
            return try await session.check([relu(x * y), x * y, x * y * x])
        }
        for report in reports {
            #expect(report.violation == nil && report.violations.isEmpty)
            let values = try #require(report.values?.first).doubles
            for (place, value) in values.enumerated() {
                #expect(abs(value - max(0, numbers[place] * numbers[count - 1 - place])) < 1e-3)
            }
        }
    }

    @Test("what leaves its range is named as with a dealer")
    func outside() async throws {
        let message = { (configuration: SessionConfiguration) async throws -> String? in
            try await withInsecureCheckedParties(2, configuration: configuration) { session in
                let x = try await session.input(from: .party(0)) { Tensor([3, 0x1p15, 1], shape: [3]) }
                let y = try await session.input(from: .party(1)) { Tensor([2, 0x1p15 + 1, 1], shape: [3]) }
                return try await session.check(x * y).violation?.message
            }[1]
        }
        let made = try await message(Self.configuration())
        #expect(made?.contains("multiply: 1073774592 at [1]") == true, "\(made ?? "nothing")")
        #expect(made == (try await message(SessionConfiguration())))
    }

    @Test(
        "a difference that one party has otherwise is a defect that the check sees, and so is one that both have wrong",
        arguments: [
            ([0], "reads bits of masks that differ between parties"),
            ([0, 1], "has come out otherwise than its operands say"),
        ]
    )
    func mutants(parties: [Int], words: String) async throws {
        var configuration = Self.configuration()
        configuration.insecureMaker = { party, _ in
            let maker = InsecureMaker(party: party)
            return parties.contains(party) ? AlteringMaker(maker) : maker
        }
        let error = await outcome { [configuration] in
            try await withInsecureCheckedParties(2, configuration: configuration) { session in
                let x = try await session.input(from: .party(0)) { Tensor([3, -2, 0.5], shape: [3]) }
                _ = try await session.check(x * x)
            }
        }
        #expect(error.crypTenError?.code == .diverged)
        #expect(error.crypTenError?.message.contains(words) == true, "\(error)")
    }
}

/// Makes what another maker makes, with all differences of masks wrong in one bit.
private final class AlteringMaker: CorrelationMaker {
    private let maker: any CorrelationMaker

    init(_ maker: any CorrelationMaker) {
        self.maker = maker
    }

    var transfers: Int { maker.transfers }
    var waitingLimit: Int {
        get { maker.waitingLimit }
        set { maker.waitingLimit = newValue }
    }

    func connect(over channel: any PairChannel) throws {
        try maker.connect(over: channel)
    }

    func make(
        _ plan: Plan,
        _ schedule: Schedule,
        keys: RunKeys,
        seeds: ExpansionKey,
        binding: [UInt8],
        kept: [any KeptMask],
        over channel: any PairChannel,
        into sink: any PairSink
    ) throws -> [any KeptMask] {
        try maker.make(
            plan,
            schedule,
            keys: keys,
            seeds: seeds,
            binding: binding,
            kept: kept,
            over: channel,
            into: AlteringSink(sink)
        )
    }
}

private final class AlteringSink: PairSink {
    private let sink: any PairSink

    init(_ sink: any PairSink) {
        self.sink = sink
    }

    func correlation(_ words: RingTensor) throws {
        try sink.correlation(words)
    }

    func difference(_ words: RingTensor?) throws {
        try sink.difference(words.map { RingTensor($0.elements.map { $0 &+ 1 << 40 }, shape: $0.shape) })
    }
}
