import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// The plan of expressions revealed to all.
func plan(_ expressions: [CrypTensor], parties: Int = 2) throws -> PreparedPlan {
    let (graph, _) = try Simplify.graph(of: expressions.map { ($0.node, .reveal(to: nil)) })
    return try Planner(parties: parties, fractionBits: 16, slabBits: 15).plan(graph, kept: [])
}

/// How often a gate of this name stands in a plan.
func count(_ name: String, in plan: PreparedPlan) -> Int {
    plan.plan.steps.filter { type(of: $0.gate.gate).name == name }.count
}

@Suite("Passes, each on its own")
struct PassTests {
    @Test("equal subexpressions and equal constants are one entry; public parts are folded")
    func simplify() throws {
        let source = ExpressionSource(seed: 1)
        let (x, y) = (source.input([4]), source.input([4]))
        let half = CrypTensor(0.25) + CrypTensor(0.25)
        let (graph, _) = try Simplify.graph(of: [((x * y + x * y * half).node, .reveal(to: nil))])
        let products = graph.entries.filter {
            if case .bilinear = $0.operation { return $0.inputs.allSatisfy { graph.entries[$0].isSecret } }
            return false
        }
        #expect(products.count == 1)
        #expect(graph.entries.contains { $0.operation == .constant(Tensor(0.5)) })
    }

    @Test("graphs of one form are equal, whatever inputs they were made of")
    func graphsAreKeys() throws {
        let source = ExpressionSource(seed: 1)
        func graph() throws -> Graph {
            let (x, w) = (source.input([4, 4]), source.input([4, 4], owner: 1))
            return try Simplify.graph(of: [(relu(x.matmul(w)).node, .keep)]).0
        }
        #expect(try graph() == graph())
    }

    @Test("a maximum of ReLUs is a ReLU of the maximum, where nobody else reads them")
    func poolBeforeReLU() throws {
        let source = ExpressionSource(seed: 1)
        let (x, w) = (source.input([1, 3, 8, 8]), source.input([4, 3, 3, 3], owner: 1))
        let hidden = relu(x.conv2d(w, padding: 1))
        let pooled = try plan([hidden.maxPool2d(2)])
        let relus = pooled.plan.steps.compactMap { step -> Int? in
            if case .truncatedReLU(let gate) = step.gate { return gate.shape.count }
            return nil
        }
        #expect(relus == [4 * 4 * 4])
        // Somebody else reads the ReLU: it stays where it is.
        let both = try plan([hidden.maxPool2d(2), hidden])
        #expect(
            both.plan.steps.contains {
                if case .truncatedReLU(let gate) = $0.gate { gate.shape.count == 256 } else { false }
            }
        )
    }

    @Test("LeNet's convolution, pool and ReLU, with the masking for the next layer: 10 rounds")
    func convolutionPoolReLU() throws {
        let source = ExpressionSource(seed: 1)
        let w = source.input([6, 6, 3, 3], owner: 1)
        var x = source.input([1, 6, 32, 32])
        var rounds: [Int] = []
        for _ in 0..<3 {
            x = relu(x.conv2d(w, padding: 1)).maxPool2d(2)
            rounds.append(try plan([x]).schedule.openings)
        }
        #expect(rounds[1] - rounds[0] == 10 && rounds[2] - rounds[1] == 10)
    }

    @Test("product, bias and shortcut are opened once, the correction absorbed")
    func absorbed() throws {
        let source = ExpressionSource(seed: 1)
        let (x, w, b) = (source.input([8, 8]), source.input([8, 8], owner: 1), source.input([8], owner: 1))
        let made = try plan([relu(x.matmul(w) + b + x)])
        #expect(count("absorbed", in: made) == 1 && count("bilinear", in: made) == 0)
        // Input, absorbed opening, three rounds of ReLU, reveal.
        #expect(made.schedule.openings == 1 + 1 + 3 + 1)
    }

    @Test("comparisons of one value with several constants are one gate")
    func signGroups() throws {
        let source = ExpressionSource(seed: 1)
        let x = source.input([8])
        let made = try plan([x .< 1.0, x .< 2.0, x .>= -1.0, x .< 1.0])
        #expect(count("sign", in: made) == 1)
    }

    @Test("a comparison that nobody reads but who learns it is revealed by its last opening: a round less")
    func revealedComparisons() throws {
        let source = ExpressionSource(seed: 1)
        let x = source.input([8])
        // Input and three rounds.
        for bit in [x .< 0.5, ~(x .> 0.5), (x .>= 2.0).reshape([2, 4])] {
            let made = try plan([bit])
            let others = ["sign", "linear bits", "reveal bits"].reduce(0) { $0 + count($1, in: made) }
            #expect(count("revealed sign", in: made) == 1 && others == 0, "\(made.plan)")
            #expect(made.schedule.openings == 1 + 3)
        }
        let number = try plan([(x .> 0.5).toInteger()])
        #expect(number.schedule.openings == 1 + 3 && count("bit to arithmetic", in: number) == 0)
        // What is kept beside it is masked for it, and stays so.
        let hidden = relu(x * x - 1.0)
        let (graph, _) = try Simplify.graph(of: [(hidden.node, .keep), ((hidden .< 0.5).node, .reveal(to: nil))])
        let kept = try Planner(parties: 2, fractionBits: 16, slabBits: 15).plan(graph, kept: [])
        #expect(count("revealed sign", in: kept) == 1 && kept.plan.outputs[0].kept == .wire(owner: nil), "\(kept.plan)")
        // Where anything else reads the bit, or the comparison has others beside it, it is opened.
        let bit = x .< 0.5
        for outputs in [
            [bit, bit & (x .< 2.0)], [bit, relu(x - 0.5)], [bit, x .< 1.0], [bit, ~bit],
            [bit, clamp(x, min: 0, max: 0.5)],
        ] {
            let made = try plan(outputs)
            #expect(count("revealed sign", in: made) == 0, "\(made.plan)")
        }
    }

    @Test("a value is masked once, for all gates that read it")
    func masksAreShared() throws {
        let source = ExpressionSource(seed: 1)
        let (x, y) = (source.input([8, 8]), source.input([8, 8]))
        let hidden = relu(x * y)
        let made = try plan([hidden.matmul(y), hidden * hidden, hidden .< 1.0])
        #expect(count("mask", in: made) == 1)
    }

    @Test("forms that nobody reads are dropped, and every slot is freed after its last reader")
    func liveness() throws {
        let source = ExpressionSource(seed: 1)
        let (x, y) = (source.input([8, 8]), source.input([8, 8]))
        let made = try plan([relu((x + y).matmul(x - y))])
        try made.plan.validate()
        let read = Set(made.plan.steps.flatMap(\.inputs) + made.plan.outputs.map(\.slot))
        #expect(made.plan.steps.allSatisfy { $0.outputs.contains(where: read.contains) })
        let freed = made.schedule.rounds.joined().flatMap(\.freed)
        #expect(Set(freed).count == freed.count)
        #expect(Set(freed).isDisjoint(with: made.plan.outputs.map(\.slot)))
    }
}

@Suite("Plans")
struct PlanTests {
    private func sample(_ bound: Double) throws -> PreparedPlan {
        let source = ExpressionSource(seed: 1)
        let (x, w) = (source.input([4, 4]), source.input([4, 4], owner: 1))
        return try plan([clamp(x.matmul(w), min: -1, max: bound), sigmoid(x) .< bound])
    }

    @Test("equal plans have equal fingerprints; another coefficient has another, and the dealer can't tell")
    func fingerprints() throws {
        let (one, same, other) = (try sample(2), try sample(2), try sample(3))
        #expect(one.fingerprint == same.fingerprint)
        #expect(one.fingerprint != other.fingerprint)
        #expect(one.dealerPlan == other.dealerPlan)
    }

    @Test("a plan survives its own bytes")
    func roundTrip() throws {
        let made = try sample(2)
        let read = try JSONDecoder().decode(Plan.self, from: Data(made.dealerPlan))
        #expect(read == made.plan.redacted)
        try read.validate()
    }

    @Test("a plan that doesn't hang together is refused")
    func validation() throws {
        let good = try sample(2).plan
        var reading = good
        reading.steps[3].inputs[0] = good.slots + 7
        #expect(throws: (any Error).self) { try reading.validate() }
        var twice = good
        twice.steps[2].outputs = good.steps[1].outputs
        #expect(throws: (any Error).self) { try twice.validate() }
        var newer = good
        newer.version += 1
        #expect(throws: (any Error).self) { try newer.validate() }
    }
}
