import CrypTenBase
import CrypTenCorrelations
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Testing
import _CrypTenTestSupport

@Suite("The height of the trees that transfers are extended by")
struct TreeHeightTests {
    private static let heights = TreeHeight.allCases.map(\.rawValue)

    /// What a party has, and has counted.
    private struct Outcome: Sendable {
        var values: [Double]
        var online: SessionStatistics
        var connecting: SessionStatistics
        var making: SessionStatistics
    }

    /// One run whose correlations follow the session's first exchanges, and one whose correlations alone are made.
    private static func members(_ height: Int) async throws -> [Outcome] {
        let members = try await PairedMembers(
            isInsecure: false,
            changing: { configuration, _ in configuration.transferTreeHeight = height }
        )
        return try await members.run { session in
            let x = try await session.input(from: .party(0), shape: [30]) {
                Tensor((0..<30).map { Double($0) / 4 - 3 }, shape: [30])
            }
            let y = relu(x) * x
            let start = try await session.statistics
            let values = try await session.reveal(y, to: .all)?.doubles ?? []
            let first = try await session.statistics
            try await session.prepare([y], revealingTo: .all, runs: 1)
            let last = try await session.statistics
            return Outcome(values: values, online: first - start, connecting: first, making: last - first)
        }
    }

    @Test(
        "leaves results, rounds and online bytes as they are; what is made takes what was planned, the session's first exchanges included"
    )
    func sessions() async throws {
        var usual: [Outcome]?
        for height in Self.heights {
            let outcomes = try await Self.members(height)
            var rehearsal = try Rehearsal(
                parties: 2,
                fractionBits: 16,
                correlations: .parties,
                transferTreeHeight: height
            )
            let x = rehearsal.input(from: .party(0), shape: [30])
            let cost = try rehearsal.offlineCost(of: [relu(x) * x])
            #expect(cost.transferTreeHeight == height && cost.transfers > 0)
            for (party, outcome) in outcomes.enumerated() {
                for (value, number) in zip(outcome.values, 0..<30) {
                    let input = Double(number) / 4 - 3
                    #expect(abs(value - max(0, input) * input) < 1e-3)
                }
                #expect(outcome.values.count == 30)
                #expect(outcome.making.offlineBytes == cost.bytesPerParty[party], "\(height)")
                #expect(outcome.making.offlineExchanges == cost.exchanges && outcome.making.transfers == cost.transfers)
                #expect(outcome.connecting.offlineBytes == cost.bytesPerParty[party] + OfflineCost.connectionBytes)
                #expect(outcome.connecting.offlineExchanges == cost.exchanges + OfflineCost.connectionExchanges)
            }
            for (outcome, usual) in zip(outcomes, usual ?? outcomes) {
                #expect(outcome.online.rounds == usual.online.rounds)
                #expect(outcome.online.onlineBytes == usual.online.onlineBytes)
                #expect(outcome.making.transfers == usual.making.transfers)
            }
            usual = usual ?? outcomes
        }
    }

    @Test(
        "that differs between the parties is refused at both, with what each has and what to do, before anything is made",
        arguments: [Wire.memory, .tcp],
        [(2, 4), (4, 8), (8, 2)]
    )
    func differing(wire: Wire, heights: (Int, Int)) async throws {
        let each = [heights.0, heights.1]
        let members = try await PairedMembers(
            wire,
            isInsecure: false,
            changing: { configuration, party in configuration.transferTreeHeight = each[party] }
        )
        let start = ContinuousClock.now
        let results = await members.both { session in
            let x = try await session.input(from: .party(0), shape: [3]) { Tensor([1, -2, 3], shape: [3]) }
            _ = try await session.reveal(relu(x), to: .all)
        }
        for (party, result) in results.enumerated() {
            let (error, other) = (result.crypTenError, 1 - party)
            #expect(error?.code == .diverged)
            let sentence =
                "party \(party) extends correlated transfers by trees of \(each[party]) levels, and party \(other) by trees of \(each[other]) levels: "
                + "give both parties the same"
            #expect(error?.message.contains(sentence) == true, "\(error?.message ?? "nothing was thrown")")
            #expect(error?.message.contains("--transfer-tree-height") == true)
        }
        #expect(ContinuousClock.now - start < .seconds(5))
        for transport in members.transports { #expect(transport.statistics.sent(.preparation).frames == 0) }
        await members.close()
    }

    @Test("there is none of is refused before anything is sent", arguments: [-8, 0, 1, 3, 5, 6, 16, Int.max])
    func unknown(height: Int) async throws {
        var configuration = SessionConfiguration()
        configuration.correlations = .parties
        configuration.transferTreeHeight = height
        let session = await outcome { [configuration] in
            try await withLocalParties(2, configuration: configuration) { _ in }
        }
        let rehearsal = Result {
            try Rehearsal(parties: 2, fractionBits: 16, correlations: .parties, transferTreeHeight: height)
        }
        for error in [session.crypTenError, rehearsal.crypTenError] {
            #expect(error?.code == .invalidArgument)
            #expect(error?.message == "transfer trees of \(height) levels; choose 2, 4 or 8")
        }
    }

    @Test("is no part of what is said to a dealer")
    func dealer() throws {
        let binding = RunBinding(
            fingerprint: "00",
            run: 1,
            keptInputs: [],
            keptOutputs: [],
            released: [],
            use: .ahead(runs: 1)
        )
        let request = try RunRequest(plan: [UInt8](repeating: 0, count: 32), binding: binding)
        #expect(!String(decoding: request.bindingBytes, as: UTF8.self).contains("ransferTree"))
        var other = binding
        other.transferTreeHeight = 4
        let paired = try RunRequest(plan: request.plan, binding: other)
        #expect(paired.bindingBytes != request.bindingBytes, "keys of the run follow it")
        #expect(try RunRequest.read(paired.encoded(), from: .party(1)).request == paired)
    }

    @Test("that takes the least time is 8 on a slow link, and never the one that sends most there")
    func quickest() throws {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: 16, correlations: .parties)
        let x = rehearsal.input(from: .party(0), shape: [1 << 12])
        let cost = try rehearsal.offlineCost(of: [relu(x)])
        let slow = cost.secondsByTreeHeight(on: .poor)
        #expect(slow.map(\.height) == Self.heights)
        #expect(slow[0].seconds > slow[1].seconds && slow[1].seconds > slow[2].seconds, "\(slow)")
        #expect(slow[1].seconds == cost.seconds(on: .poor))
        // Without a link computing alone is left.
        let loop = cost.secondsByTreeHeight(on: .loop)
        #expect(loop[0].seconds < loop[1].seconds && loop[1].seconds < loop[2].seconds, "\(loop)")
        let twice = cost.repeated(2) + cost
        for (one, three) in zip(slow, twice.secondsByTreeHeight(on: .poor)) {
            #expect(abs(3 * one.seconds - three.seconds) < 1e-9)
        }
        for height in Self.heights {
            var other = try Rehearsal(
                parties: 2,
                fractionBits: 16,
                correlations: .parties,
                transferTreeHeight: height
            )
            let own = try other.offlineCost(of: [relu(other.input(from: .party(0), shape: [1 << 12]))])
            let told = slow.first { $0.height == height }?.seconds ?? 0
            #expect(abs(own.seconds(on: .poor) - told) < 1e-3 * told, "frames' headers alone differ")
        }
    }
}
