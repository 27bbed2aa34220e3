import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("What a plan's values take")
struct MemoryTests {
    private func memory(of expressions: [CrypTensor], sending: Int = 0, window: Int = 0) throws -> PlanMemory {
        let plan = try plan(expressions)
        return PlanMemory(
            of: plan.plan,
            schedule: plan.schedule,
            queues: PlanMemory.Queues(correctionWindow: window, sending: sending)
        )
    }

    @Test(
        "an input that is revealed: its number, its wire, a share, what is opened and what waits",
        arguments: [64, 8192]
    )
    func input(count: Int) throws {
        let x = ExpressionSource(seed: 1).input([count])
        // Party 0 has the input, its share, its message and its peer's; party 1 a wire, which becomes a share.
        let still = try memory(of: [x])
        #expect(still.partyBytes == [32 * count, 24 * count])
        #expect(still.dealerBytes == 8 * count)
        // What a party has sent may wait: party 0's masked input and, a round later, both parties' shares.
        let sending = try memory(of: [x], sending: .max / 4)
        #expect(sending.partyBytes == [48 * count, 32 * count])
        #expect(sending.largest == 48 * count)
    }

    @Test("what nobody reads any more takes nothing: a deep network needs no more than a shallow one")
    func freed() throws {
        func chain(_ depth: Int) throws -> PlanMemory {
            let source = ExpressionSource(seed: 1)
            var x = source.input([64, 64])
            for _ in 0..<depth { x = relu(x) }
            return try memory(of: [x.sum()], sending: 1 << 20)
        }
        let (shallow, deep) = (try chain(2), try chain(12))
        #expect(zip(shallow.partyBytes, deep.partyBytes).allSatisfy { $0 == $1 })
        #expect(shallow.dealerBytes == deep.dealerBytes)
    }

    @Test("what is read later stays")
    func held() throws {
        func shortcut(_ isLong: Bool) throws -> Int {
            let source = ExpressionSource(seed: 1)
            let x = source.input([64, 64])
            let y = relu(relu(x * source.input([64, 64], owner: 1)))
            return try memory(of: isLong ? [y, x] : [y]).largest
        }
        #expect(try shortcut(true) >= shortcut(false) + 8 * 64 * 64)
    }

    @Test(
        "with checkpointed blocks a step takes twice what inference takes at most, and what blocks read, 16 bytes an element"
    )
    func checkpointedBlocks() throws {
        let width = 32
        func figures(_ blocks: Int) throws -> [PlanMemory] {
            let source = ExpressionSource(seed: 1)
            let x = source.input([512, width])
            let weights = (0..<blocks).map { _ in source.input([width, width], owner: 1) }
            func loss(_ body: (() -> CrypTensor) -> CrypTensor) -> CrypTensor {
                weights.reduce(x) { x, weight in
                    body {
                        let hidden = x.matmul(weight).relu()
                        return x + (hidden * hidden.tanh()).layerNorm()
                    }
                }.square().mean()
            }
            let (plain, checkpointed) = (loss { $0() }, loss { body in CrypTenExpressions.checkpointed { body() } })
            return try [memory(of: [plain])]
                + [plain, checkpointed].map { try memory(of: [$0] + gradient(of: $0, withRespectTo: weights)) }
        }
        let (few, many) = (try figures(3), try figures(12))
        print(
            "bytes of inference, of a step and of one with checkpointed blocks: \(few.map(\.largest)), \(many.map(\.largest))"
        )
        for (blocks, figures) in [(3, few), (12, many)] {
            let read = blocks * 512 * width
            #expect(figures[2].largest <= 2 * figures[0].largest + 16 * read)
            #expect(figures[2].dealerBytes <= 2 * figures[0].dealerBytes + 8 * read)
        }
        #expect(many[1].largest > 3 * many[0].largest)
    }

    @Test("it grows with the batch, and a batch's weights are counted once")
    func batch() throws {
        func network(_ batch: Int) throws -> Int {
            let source = ExpressionSource(seed: 1)
            let w = source.input([256, 256], owner: 1)
            return try memory(of: [relu(source.input([batch, 256]).matmul(w))]).partyBytes[1]
        }
        let (one, two, three) = (try network(256), try network(512), try network(768))
        #expect(two > one && two < 2 * one)
        #expect(three - two == two - one)
    }

    @Test("corrections wait at the last party, and no more than the window lets through")
    func window() throws {
        let x = relu(ExpressionSource(seed: 1).input([1 << 12]))
        let (none, some, all) = (
            try memory(of: [x]), try memory(of: [x], window: 4096), try memory(of: [x], window: .max / 4)
        )
        #expect(some.partyBytes == [none.partyBytes[0], none.partyBytes[1] + 4096])
        #expect(all.partyBytes[1] - none.partyBytes[1] > 4096)
        #expect(all.partyBytes[1] - none.partyBytes[1] < 64 * (1 << 12))
    }
}
