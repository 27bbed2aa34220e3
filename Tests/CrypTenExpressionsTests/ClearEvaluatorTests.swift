import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Foundation
import Testing

@Suite("Evaluator in the clear")
struct ClearEvaluatorTests {
    @Test("a small network matches loops that share nothing with it")
    func network() throws {
        var random = SeededGenerator(seed: 16)
        let session = ClearSession()
        let image = random.reals([2, 1, 12, 12], in: -1...1)
        let (w1, b1) = (random.reals([4, 1, 5, 5], in: -1...1), random.reals([4], in: -1...1))
        let (w2, b2) = (random.reals([10, 64], in: -1...1), random.reals([10], in: -1...1))
        func hidden(_ s: CrypTensor...) -> CrypTensor {
            withLayer("conv1") { s[0].conv2d(s[1], bias: s[2]) }.relu().maxPool2d(2).flatten(start: 1)
        }
        let y = hidden(session.secret(image), session.secret(w1), session.secret(b1))
            .linear(session.secret(w2), bias: session.secret(b2)).sigmoid()
        let (scores, label) = (y, y.argmax(axis: 1))
        let results = try session.values(scores, label)

        for n in 0..<2 {
            var features: [Double] = []
            for o in 0..<4 {
                for py in 0..<4 {
                    for px in 0..<4 {
                        var best = -Double.infinity
                        for oy in 2 * py..<2 * py + 2 {
                            for ox in 2 * px..<2 * px + 2 {
                                var sum = b1[[o]]
                                for ky in 0..<5 {
                                    for kx in 0..<5 { sum += image[[n, 0, oy + ky, ox + kx]] * w1[[o, 0, ky, kx]] }
                                }
                                best = max(best, max(sum, 0))
                            }
                        }
                        features.append(best)
                    }
                }
            }
            let logits = (0..<10).map { o in
                (0..<64).reduce(b2[[o]]) { $0 + features[$1] * w2[[o, $1]] }
            }
            for (o, logit) in logits.enumerated() {
                #expect((results[0][[n, o]] - 1 / (1 + exp(-logit))).magnitude < 1e-12)
            }
            #expect(Int(results[1][[n]]) == logits.indices.max { logits[$0] < logits[$1] })
        }
    }

    @Test("sources are asked for once, however often they are used")
    func memoised() throws {
        let x = placeholder([2])
        let random = CrypTensor(
            Node(source: .random(.uniform, [2], number: 0), shape: [2], kind: .real, visibility: .secret, session: nil)
        )
        var asked: [String] = []
        let evaluator = ClearEvaluator { node in
            asked.append(node.operation.name)
            return Tensor([1, 2], shape: [2])
        }
        let sum = x * x + random - random
        let results = try evaluator.evaluate([sum.node, x.node, sum.node])
        #expect(asked.sorted() == ["input", "random"])
        #expect(results.map(\.doubles) == [[1, 4], [1, 2], [1, 4]])
    }

    @Test("bindings are checked against shape and kind, and their errors are thrown")
    func bindings() {
        let x = placeholder([2], .bit)
        for wrong in [Tensor([1, 0, 1], shape: [3]), Tensor([1, 2], shape: [2]), Tensor([0.5, 0], shape: [2])] {
            #expect(throws: CrypTenError.self) { try ClearEvaluator { _ in wrong }.evaluate([x.node]) }
        }
        #expect(throws: CancellationError.self) {
            try ClearEvaluator { _ in throw CancellationError() }.evaluate([x.node])
        }
    }

    @Test("an expression may be 100,000 operations deep")
    func depth() throws {
        let session = ClearSession()
        var x = session.secret(Tensor([Int64(0)], shape: [1]))
        for _ in 0..<100_000 { x = x + 1 }
        #expect(try session.value(x).integers == [100_000])
    }
}
