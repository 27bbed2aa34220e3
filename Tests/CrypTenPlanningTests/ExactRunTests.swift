import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Runs followed in exact integers")
struct ExactRunTests {
    /// A plan that unmasks an input, and reveals it.
    private static func exactRun(_ words: RingTensor, _ clear: Tensor) throws -> (ExactRun, PreparedPlan) {
        let x = ExpressionSource(seed: 1).input(clear)
        let (graph, _) = try Simplify.graph(of: [(x.node, .reveal(to: nil))])
        let plan = try Planner(parties: 2, fractionBits: 16, slabBits: 15).plan(graph, kept: [])
        let run = try ExactRun(plan, kernels: PlainKernels()) { _ in
            ExactRun.Bound(value: ExactValue(words))
        } source: { _ in
            ClearValue(clear)
        }
        return (run, plan)
    }

    @Test("a share that stands for another number than its step's operands give is found, at the step")
    func defect() throws {
        let (low, high) = (UInt64(1) << 16, UInt64(5) << 60)
        let words = RingTensor([low, high], shape: [2])
        for change in [0, 1] as [UInt64] {
            var (run, plan) = try Self.exactRun(words, Tensor([1, 3], shape: [2]))
            let wire = MaskedWire(hat: words, maskShare: RingTensor(zeros: [2]))
            let seen: [String: [ExactRun.Seen]] = [
                "input": [.wire(wire), .wire(wire)].map { ExactRun.Seen([$0], differences: []) },
                "unmask": [
                    .share(RingTensor([7, 9], shape: [2])),
                    .share(RingTensor([low &- 7, high &- 9 &+ change], shape: [2])),
                ].map { ExactRun.Seen([$0], differences: []) },
            ]
            let names = plan.plan.steps.map { type(of: $0.gate.gate).name }
            #expect(names == ["input", "unmask", "reveal"])
            try run.follow(0, seen: try #require(seen["input"]), freed: [])
            let shares = try #require(seen["unmask"])
            if change == 0 {
                try run.follow(1, seen: shares, freed: [])
            } else {
                let error = #expect(throws: CrypTenError.self) { try run.follow(1, seen: shares, freed: []) }
                #expect(error?.code == .diverged)
                #expect(error?.message.contains("step 1, unmask") == true)
            }
        }
    }

    @Test("a slot knows the entry and the scale of what it holds; what a plan brings in itself has none")
    func meanings() throws {
        let source = ExpressionSource(seed: 2)
        let (x, y) = (source.input([3]), source.input([3], owner: 1))
        let (graph, sources) = try Simplify.graph(of: [(sigmoid(x * y + 1.0).node, .reveal(to: nil))])
        let plan = try Planner(parties: 2, fractionBits: 16, slabBits: 15).plan(graph, kept: [])
        #expect(sources.origins.count == graph.entries.count)
        #expect(plan.meanings.count == plan.plan.slots)
        for step in plan.plan.steps {
            let meaning = plan.meanings[step.outputs[0]]
            switch step.gate {
            case .absorbed:
                // The sum of product and constant.
                #expect(meaning?.scale == 32)
                #expect(meaning.map { plan.graph.entries[$0.entry].operation } == .add)
            case .addPlain: #expect(meaning?.scale == 16)
            default: break
            }
        }
    }
}
