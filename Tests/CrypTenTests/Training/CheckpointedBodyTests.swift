import CrypTen
import Testing

@Suite("Gradients compute again what is made in a checkpointed body")
struct CheckpointedBodyTests {
    /// Blocks one after the other, each with something that is compared, dropped and normalised.
    private func loss(_ x: CrypTensor, _ weights: [CrypTensor], isCheckpointed: Bool) -> CrypTensor {
        func block(_ x: CrypTensor, _ weight: CrypTensor) -> CrypTensor {
            let hidden = x.matmul(weight).relu()
            return x + (hidden * hidden.tanh()).layerNorm()
        }
        let last = weights.reduce(x) { x, weight in
            isCheckpointed ? checkpointed { block(x, weight) } : block(x, weight)
        }
        return last.square().mean()
    }

    private static let width = 32

    /// What inference costs, the loss with gradients, and the same in checkpointed blocks.
    private func costs(blocks: Int, rows: Int) throws -> (inference: Cost, plain: Cost, checkpointed: Cost) {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: 16)
        let sources = try rehearsal.hold(
            [rehearsal.input(from: .party(0), shape: [rows, Self.width])]
                + (0..<blocks).map { _ in rehearsal.input(from: .party(1), shape: [Self.width, Self.width]) }
        ).kept
        let (x, weights) = (sources[0], Array(sources.dropFirst()))
        let results = [false, true].map { isCheckpointed in
            let loss = loss(x, weights, isCheckpointed: isCheckpointed)
            return [loss] + gradient(of: loss, withRespectTo: weights)
        }
        let plans = [[results[0][0]], results[0], results[1]]
        let costs = try plans.map { try rehearsal.cost(of: $0) }
        return (costs[0], costs[1], costs[2])
    }

    @Test("what is computed again costs again, and not more")
    func cost() throws {
        let costs = try self.costs(blocks: 6, rows: 64)
        #expect(costs.checkpointed.dealerBytes <= costs.plain.dealerBytes + costs.inference.dealerBytes)
        #expect(
            costs.checkpointed.onlineBytes.max()! <= costs.plain.onlineBytes.max()! + costs.inference.onlineBytes.max()!
        )
        #expect(costs.checkpointed.rounds <= costs.plain.rounds + costs.inference.rounds)
        // All of it but what is outside of the blocks.
        #expect(costs.checkpointed.dealerBytes >= costs.plain.dealerBytes + costs.inference.dealerBytes * 8 / 10)
    }

    @Test("gradients are those that they are without, in the clear to the last bit and in secret to rounding")
    func gradients() async throws {
        let width = 8
        func numbers(_ seed: Int, _ rows: Int) -> Tensor {
            Tensor(
                (0..<rows * width).map { 0.9 * Double(($0 * 37 + seed * 101) % 41 - 20) / 20 },
                shape: [rows, width]
            )
        }
        let tensors = [numbers(1, 16)] + (2..<5).map { numbers($0, width) }
        let constants = tensors.map { CrypTensor(constant: $0) }
        let exact = try [false, true].map { isCheckpointed -> [Tensor] in
            let weights = Array(constants.dropFirst())
            let loss = loss(constants[0], weights, isCheckpointed: isCheckpointed)
            return try ClearEvaluator { _ in preconditionFailure("all is constant") }.evaluate(
                ([loss] + gradient(of: loss, withRespectTo: weights)).map(\.node)
            )
        }
        for (one, other) in zip(exact[0], exact[1]) { #expect(one.doubles == other.doubles) }
        let revealed = try await withLocalParties(2) { session in
            var inputs: [CrypTensor] = []
            for (index, tensor) in tensors.enumerated() {
                inputs.append(try await session.input(from: PartyID(index % 2), shape: tensor.shape) { tensor })
            }
            let kept = try await session.hold(inputs)
            let weights = Array(kept.dropFirst())
            let loss = loss(kept[0], weights, isCheckpointed: true)
            return try await session.reveal([loss] + gradient(of: loss, withRespectTo: weights), to: .all) ?? []
        }
        for (found, expected) in zip(revealed[0], exact[0]) {
            let largest = zip(found.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? 1
            #expect(largest < 2e-3)
        }
    }

    @Test("random numbers are drawn once: what is dropped in the body is dropped in its gradient")
    func dropped() async throws {
        let gradients = try await withLocalParties(2) { session in
            let x = try await session.input(from: .party(0), shape: [64]) {
                Tensor((0..<64).map { 1 + Double($0 % 3) }, shape: [64])
            }
            let dropout = Dropout(0.5)
            let y = checkpointed { dropout.train()(x.square()) }
            return try await session.reveal([y, gradient(of: y, withRespectTo: [x])[0]], to: .all) ?? []
        }[0]
        var dropped = 0
        for (index, (y, slope)) in zip(gradients[0].doubles, gradients[1].doubles).enumerated() {
            // y = 2x² and its slope 4x, or both are 0.
            let x = 1 + Double(index % 3)
            dropped += abs(y) < 0.01 ? 1 : 0
            #expect(abs(slope - (abs(y) < 0.01 ? 0 : 4 * x)) < 0.01)
        }
        #expect(dropped > 10 && dropped < 54)
    }

    @Test("a body in a body belongs to the outer one; a body whose value needs no gradient costs nothing")
    func nested() throws {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: 16)
        let (x, w) = (
            rehearsal.input(from: .party(0), shape: [16, 16]), rehearsal.input(from: .party(1), shape: [16, 16])
        )
        let once = checkpointed { x.matmul(w).relu() }
        let twice = checkpointed { checkpointed { x.matmul(w).relu() } }
        func cost(_ y: CrypTensor) throws -> Cost {
            try rehearsal.cost(of: gradient(of: y.square().sum(), withRespectTo: [w]))
        }
        #expect(try cost(once) == cost(twice))
        let plain = x.matmul(w).relu()
        #expect(try rehearsal.cost(of: [once]) == rehearsal.cost(of: [plain]))
    }
}
