import CrypTenBase
import CrypTenCorrelations
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Costs of plans without a dealer")
struct PlannedCostTests {
    struct Program: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var make: @Sendable () throws -> [CrypTensor]
    }

    private static func input(_ number: Int, _ shape: Shape, of owner: Int = 0) -> CrypTensor {
        CrypTensor(
            Node(
                source: .input(owner: .party(owner), number: number),
                shape: shape,
                kind: .real,
                visibility: .secret,
                session: nil
            )
        )
    }

    static let programs = [
        Program(testDescription: "products") {
            let (x, y) = (input(0, [3, 200]), input(1, [3, 200], of: 1))
            return [x * y * y, x * x]
        },
        Program(testDescription: "products and powers in slots") {
            let (x, y) = (input(0, [3, 3_000]), input(1, [3, 3_000], of: 1))
            return [x * y * y, sigmoid(x)]
        },
        Program(testDescription: "a layer and its maximum") {
            let (x, w) = (input(0, [4, 30]), input(1, [30, 24], of: 1))
            return [relu(x.matmul(w)).max(axis: 1)]
        },
        Program(testDescription: "smooth functions") {
            let x = input(0, [150], of: 1)
            return [sigmoid(x), exp(x), sqrt(x * x)]
        },
        Program(testDescription: "sines and powers of two in slots") {
            let x = input(0, [9_000], of: 1)
            return [sin(x), exp(x)]
        },
        Program(testDescription: "comparisons of more than a slab") {
            let x = input(0, [9_000])
            return [relu(x), x .< 2.0]
        },
    ]

    /// Two makers make a plan's correlations; what was planned is what either has written down, what its transfers have counted and its channel seen.
    struct Setting: Sendable {
        var height = TreeHeight.usual
        var limit = PairRun.usualLimit
    }

    @Test(
        "are counted to the byte, in one turn and in many, whatever the height of the trees",
        arguments: programs,
        [Setting(), Setting(limit: 1 << 20), Setting(height: .two), Setting(height: .eight)]
    )
    func plans(program: Program, setting: Setting) throws {
        let (height, limit) = (setting.height, setting.limit)
        let (graph, _) = try Simplify.graph(of: try program.make().map { ($0.node, .reveal(to: nil)) })
        let plan = try Planner(parties: 2, fractionBits: 16, slabBits: 12).plan(graph, kept: [])
        let planned = try PairCost(of: plan.plan, plan.schedule, height: height, limit: limit)
        let made = try PairOfThreads.connected { party, channel in
            let maker = PairMaker(party: party, kernels: NativeKernels(threads: 1), height: height, limit: limit)
            try maker.connect(over: channel)
            let before = (channel.sent, channel.exchanges)
            let key = ExpansionKey(low: 3, high: UInt64(party))
            let sink = CountingSink()
            _ = try maker.make(
                plan.plan,
                plan.schedule,
                keys: RunKeys(masks: key, bitMasks: key, correlations: key, orders: key),
                seeds: key,
                binding: [1],
                kept: [],
                over: channel,
                into: sink
            )
            return (
                maker.lastCost, maker.lastTransfers, channel.sent - before.0, channel.exchanges - before.1,
                maker.transfers, sink.words
            )
        }
        for (party, made) in made.enumerated() {
            #expect(made.0 == planned)
            #expect(made.1 == planned.weighed)
            #expect(made.2 * 8 == planned.sentBytes[party])
            #expect(made.3 == planned.exchanges)
            #expect(made.4 == planned.transfers)
            #expect(made.5 * 8 == plan.schedule.correctionWords * 8 + planned.differenceBytes)
        }
        #expect(limit < PairRun.usualLimit || planned.turns == 1)
    }

    /// One count says what any height takes: what is made, and in which order, doesn't follow it.
    @Test("of one height tell those of the others", arguments: programs)
    func otherHeights(program: Program) throws {
        let (graph, _) = try Simplify.graph(of: try program.make().map { ($0.node, .reveal(to: nil)) })
        let plan = try Planner(parties: 2, fractionBits: 16, slabBits: 12).plan(graph, kept: [])
        let costs = try TreeHeight.allCases.map { try PairCost(of: plan.plan, plan.schedule, height: $0) }
        for cost in costs {
            for other in costs {
                let bytes = zip(cost.sentBytes, cost.moreBytes(height: other.height)).map(+)
                #expect(bytes == other.sentBytes, "\(cost.height) and \(other.height)")
                #expect(cost.computingSeconds(height: other.height) == other.computingSeconds)
                #expect(cost.exchanges == other.exchanges && cost.lattice == other.lattice)
            }
        }
    }

    private final class CountingSink: PairSink {
        private(set) var words = 0
        func correlation(_ words: RingTensor) throws { self.words += words.count }
        func difference(_ words: RingTensor?) throws { self.words += words?.count ?? 0 }
    }
}
