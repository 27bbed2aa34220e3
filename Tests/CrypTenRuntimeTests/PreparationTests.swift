import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Synchronization
import Testing
import _CrypTenTestSupport

@Suite("Runs that are dealt ahead")
struct PreparationTests {
    /// What one run took at one party.
    struct Spent: Sendable, Equatable {
        var rounds: Int
        var onlineBytes: Int
        /// Frames to and from the dealer.
        var framesWithDealer: UInt64
    }

    static func spent<Result: Sendable>(
        _ session: Session,
        _ transport: any Transport,
        _ body: () async throws -> Result
    ) async throws -> (Result, Spent) {
        let (before, frames) = (try await session.statistics, transport.statistics)
        let result = try await body()
        let (after, all) = (try await session.statistics, transport.statistics - frames)
        let spent = Spent(
            rounds: after.rounds - before.rounds,
            onlineBytes: after.onlineBytes - before.onlineBytes,
            framesWithDealer: all.sent(to: .dealer).frames + all.received(from: .dealer).frames
        )
        return (result, spent)
    }

    static func images(_ session: Session, _ start: Double) async throws -> CrypTensor {
        try await session.input(from: .party(0), shape: [4, 8]) {
            Tensor((0..<32).map { (index: Int) -> Double in start + Double(index % 7) / 4 - 1 }, shape: [4, 8])
        }
    }

    /// A small network with held weights.
    static func network(_ session: Session) async throws -> @Sendable (CrypTensor) -> CrypTensor {
        let w = try await session.hold([
            session.input(from: .party(1), shape: [8, 5], name: "w") {
                Tensor((0..<40).map { (index: Int) -> Double in Double(index * 7 % 13 - 6) / 8 }, shape: [8, 5])
            }
        ])[0]
        return { sigmoid(relu($0.matmul(w)).sum(axis: -1)) }
    }

    @Test(
        "products with kept operands on either side, whoever owns them, are computed ahead to the same end",
        arguments: [(2, 0), (2, 1), (3, 2)]
    )
    func productsAhead(parties: Int, owner: Int) async throws {
        @Sendable func numbers(_ shape: Shape, _ step: Int) -> Tensor {
            Tensor((0..<shape.count).map { (index: Int) -> Double in Double(index * step % 11 - 5) / 8 }, shape: shape)
        }
        let shapes: [Shape] = [[6, 5], [3, 4], [5, 5]]
        @Sendable func network(_ x: CrypTensor, _ w: [CrypTensor]) -> CrypTensor {
            let h = relu(x.matmul(w[0]))
            return w[1].matmul(relu(h.matmul(w[2])) + h).permuted(1, 0)
        }
        let session = try await withAuditedParties(parties) { session, transport -> [[Double]] in
            var weights: [CrypTensor] = []
            for (index, shape) in shapes.enumerated() {
                weights.append(
                    try await session.input(from: .party(owner), shape: shape) { numbers(shape, index + 3) }
                )
            }
            var kept = try await session.hold(weights)
            // A value that nobody owns: every party holds a share of its mask.
            kept[2] = try await session.hold([kept[2] + kept[2]])[0]
            let x = try await session.input(from: .party(0), shape: [4, 6]) { numbers([4, 6], 7) }
            let ordinary = try #require(try await session.reveal(network(x, kept), to: .all))
            try await session.prepare([network(x, kept)], runs: 2)
            var values = [ordinary.doubles]
            for _ in 0..<2 {
                let (value, spent) = try await Self.spent(session, transport) {
                    try await session.reveal(network(x, kept), to: .all)
                }
                #expect(spent.framesWithDealer == 0)
                values.append(try #require(value).doubles)
            }
            return values
        }
        var constants = shapes.enumerated().map { CrypTensor(constant: numbers($1, $0 + 3)) }
        constants[2] = constants[2] + constants[2]
        let expected = try ClearEvaluator { node in throw CrypTenError(.invalidArgument, node.operation.name) }
            .evaluate([network(CrypTensor(constant: numbers([4, 6], 7)), constants).node])[0].doubles
        for values in session.results.joined() {
            #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 0.002 })
        }
        for audit in session.audits { #expect(audit.repeated.isEmpty) }
    }

    @Test("a prepared run exchanges nothing with the dealer, and is otherwise like any other", arguments: [2, 3, 5])
    func likeAnyOther(parties: Int) async throws {
        let runs = 3
        let session = try await withAuditedParties(parties) { session, transport -> (Cost, Int) in
            let network = try await Self.network(session)
            let ahead = network(try await session.placeholder(from: .party(0), shape: [4, 8]))
            let cost = try await session.cost(of: ahead)
            let dealtBefore = transport.statistics.received(from: .dealer).bytes
            try await session.prepare([ahead], runs: runs)
            let dealt = Int(transport.statistics.received(from: .dealer).bytes - dealtBefore)
            #expect(try await session.statistics.secondsPreparing > 0)
            for run in 0..<runs + 2 {
                #expect(try await session.statistics.preparedRuns == max(0, runs - run))
                let x = try await Self.images(session, Double(run) / 8)
                let (value, spent) = try await Self.spent(session, transport) {
                    try await session.reveal(network(x), to: .all)
                }
                #expect((spent.framesWithDealer == 0) == (run < runs))
                #expect(spent.rounds == cost.rounds)
                #expect(spent.onlineBytes == cost.onlineBytes[session.party.index])
                // Another plan computes the same: the difference is rounding.
                let (again, ordinary) = try await Self.spent(session, transport) {
                    try await session.reveal(network(x) * 1.0 + 0.0, to: .party(0))
                }
                #expect(ordinary.framesWithDealer > 0)
                if session.party == .party(0) {
                    let (one, other) = (try #require(value).doubles, try #require(again).doubles)
                    #expect(zip(one, other).allSatisfy { (a: Double, b: Double) -> Bool in abs(a - b) < 2e-4 })
                }
            }
            return (cost, dealt)
        }
        for (party, (cost, dealt)) in session.results.enumerated() {
            #expect(dealt == (party == parties - 1 ? runs * cost.dealerBytes : 0), "the plan's cost, for each run")
        }
    }

    @Test("kept values come out of prepared runs and go into them", arguments: [2, 3])
    func kept(parties: Int) async throws {
        let session = try await withAuditedParties(parties) { session, transport -> [Tensor] in
            let ahead = try await session.placeholder(from: .party(1), shape: [3])
            try await session.prepareEvaluation(of: [relu(ahead), ahead .> 0.5], runs: 2)
            var results: [Tensor] = []
            for step in 0..<2 {
                let x = try await session.input(from: .party(1), shape: [3]) {
                    Tensor([-1, 0.25, Double(step + 1)], shape: [3])
                }
                let (kept, spent) = try await Self.spent(session, transport) {
                    try await session.evaluate([relu(x), x .> 0.5])
                }
                #expect(spent.framesWithDealer == 0)
                // The dealer knows what a run kept that it dealt ahead.
                let last = `where`(kept[1], kept[0] * kept[0], 7.0)
                try await session.prepare([last], runs: 1)
                let (value, more) = try await Self.spent(session, transport) {
                    try await session.reveal(last, to: .all)
                }
                #expect(more.framesWithDealer == 0)
                results.append(try #require(value))
                try await session.release(kept)
            }
            return results
        }
        for results in session.results {
            #expect(results.map { $0.doubles.map { ($0 * 256).rounded() / 256 } } == [[7, 7, 1], [7, 7, 4]])
        }
    }

    @Test("a run serves the form, the recipients and the kept values that it was prepared for, and no others")
    func interleaved() async throws {
        _ = try await withAuditedParties(2) { session, transport in
            func weights(_ value: Double) async throws -> CrypTensor {
                try await session.hold([
                    session.input(from: .party(1), shape: [2, 2]) { Tensor([value, 0, 0, value], shape: [2, 2]) }
                ])[0]
            }
            let (one, other) = (try await weights(1), try await weights(3))
            let ahead = try await session.placeholder(from: .party(0), shape: [2, 2])
            try await session.prepare([ahead.matmul(one)], runs: 2)
            try await session.prepare([ahead.matmul(other)], runs: 1)
            try await session.prepare([ahead * ahead], revealingTo: .party(1), runs: 1)
            func frames(_ make: (CrypTensor) -> CrypTensor, to: Recipients = .all) async throws -> (Double?, Bool) {
                let x = try await session.input(from: .party(0), shape: [2, 2]) {
                    Tensor([2, 0, 0, 2], shape: [2, 2])
                }
                let (value, spent) = try await Self.spent(session, transport) {
                    try await session.reveal(make(x), to: to)
                }
                return (value?.doubles[0].rounded(), spent.framesWithDealer == 0)
            }
            #expect(try await frames { $0.matmul(other) } == (6, true))
            #expect(try await frames { $0.matmul(one) } == (2, true))
            #expect(try await frames { $0.matmul(other) } == (6, false))
            #expect(try await frames { $0 * $0 } == (4, false), "to all, where it was prepared for party 1")
            let alone = try await frames({ $0 * $0 }, to: .party(1))
            #expect(alone == (session.party == .party(1) ? 4 : nil, true))
            #expect(try await frames { $0.matmul(one) } == (2, true))
            #expect(try await session.statistics.preparedRuns == 0)
        }
    }

    @Test("public operands and random numbers of a prepared run are those of the run")
    func operands() async throws {
        _ = try await withAuditedParties(2) { session, transport in
            func make(_ shift: [Double], _ x: CrypTensor) async throws -> (CrypTensor, Tensor) {
                let (p, value) = try await session.publicInput(from: .party(1)) { Tensor(shift, shape: [2]) }
                let coin = try await session.bernoulli(0.5, [2])
                return (`where`(coin, x + p, x + p), value)
            }
            let ahead = try await make([0, 0], try await session.placeholder(from: .party(0), shape: [2])).0
            try await session.prepare([ahead], runs: 2)
            for step in 1...2 {
                let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1, 2], shape: [2]) }
                let (y, _) = try await make([Double(step), 0.5], x)
                let (value, spent) = try await Self.spent(session, transport) {
                    try await session.reveal(y, to: .all)
                }
                #expect(value?.doubles == [1 + Double(step), 2.5])
                #expect(spent.framesWithDealer == 0)
                let again = await #expect(throws: CrypTenError.self) { try await session.reveal(y, to: .all) }
                #expect(again?.code == .invalidArgument, "its random numbers are drawn")
            }
        }
    }

    @Test("a small window of corrections is enough to prepare runs of any size")
    func smallWindow() async throws {
        var configuration = SessionConfiguration()
        configuration.correctionWindow = 4 << 20
        let results = try await withLocalParties(2, configuration: configuration) { session -> [Double] in
            let shape: Shape = [200_000]
            let ahead = try await session.placeholder(from: .party(0), shape: shape)
            try await session.prepare([relu(ahead * ahead).sum()], runs: 2)
            var sums: [Double] = []
            for _ in 0..<2 {
                let x = try await session.input(from: .party(0), shape: shape) {
                    Tensor((0..<shape.count).map { (index: Int) -> Double in Double(index % 4) }, shape: shape)
                }
                sums.append(try #require(try await session.reveal(relu(x * x).sum(), to: .all)).doubles[0])
            }
            return sums
        }
        for result in results.joined() { #expect(abs(result - 14.0 * 50_000) < 5) }
    }

    @Test("what can't be prepared is an error before anything is sent", arguments: [0, -3, 1 << 20])
    func refused(runs: Int) async throws {
        _ = try await withLocalParties(2) { session in
            let x = try await session.placeholder(from: .party(0), shape: [2, 3])
            func code(_ body: () async throws -> Void) async -> CrypTenError.Code? {
                await #expect(throws: CrypTenError.self) { try await body() }?.code
            }
            #expect(await code { try await session.prepare([x * x], runs: runs) } == .invalidArgument)
            #expect(await code { try await session.prepare([x.matmul(x)], runs: 1) } == .shapeMismatch)
            #expect(await code { _ = try await session.reveal(x, to: .all) } == .invalidArgument)
            #expect(await code { _ = try await session.placeholder(from: .party(2), shape: [1]) } == .invalidArgument)
            // The session lives on.
            let y = try await session.input(from: .party(0), shape: [1]) { Tensor([2.0], shape: [1]) }
            #expect(try await session.reveal(y * y, to: .all)?.doubles == [4])
        }
    }

    @Test("parties that use a prepared run on different inputs get an error, and so do those that prepare differently")
    func diverged() async throws {
        @Sendable func codes(_ body: @escaping @Sendable (Session) async throws -> Void) async throws -> Set<String> {
            let codes = try await withLocalPartiesThatMayFail { session -> String in
                let error = await #expect(throws: CrypTenError.self) { try await body(session) }
                return error?.code.description ?? "none"
            }
            #expect(codes.allSatisfy { ["diverged", "partyFailed"].contains($0) })
            return Set(codes)
        }
        let inputs = try await codes { session in
            let x = try await session.input(from: .party(0), shape: [2]) { Tensor([1, 2], shape: [2]) }
            let y = try await session.input(from: .party(0), shape: [2]) { Tensor([3, 4], shape: [2]) }
            try await session.prepare([x * x], runs: 1)
            let mine = session.party == .party(0) ? x : y
            _ = try await session.reveal(mine * mine, to: .all)
        }
        #expect(inputs.contains("diverged"))
        let counts = try await codes { session in
            let x = try await session.placeholder(from: .party(0), shape: [2])
            try await session.prepare([x * x], runs: 1 + session.party.index)
            _ = try await session.evaluate([try await session.uniform([1])])
        }
        #expect(counts == ["partyFailed"], "the dealer notices first")
    }

    /// Two parties whose programs catch their errors; the dealer's own end is of no interest.
    private func withLocalPartiesThatMayFail(
        _ body: @escaping @Sendable (Session) async throws -> String
    ) async throws -> [String] {
        let results = Results()
        _ = try? await withLocalParties(2) { session in
            results.add(try await body(session))
        }
        return results.all
    }
}

/// What programs that may fail have to tell.
private final class Results: Sendable {
    private let values = Mutex<[String]>([])

    var all: [String] {
        values.withLock { $0 }
    }

    func add(_ value: String) {
        values.withLock { $0.append(value) }
    }
}
