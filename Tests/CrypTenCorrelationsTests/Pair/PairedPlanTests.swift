import CrypTenCorrelations
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Whole plans of small networks, from the parties' keys to what they reveal.
@Suite("Networks without a dealer")
struct PairedPlanTests {
    enum Network: String, CaseIterable, Sendable {
        case perceptron, convolution, attention, training

        /// What is revealed, and how far of what is true it may be.
        func make(_ source: ExpressionSource) -> (outputs: [CrypTensor], bound: Double) {
            switch self {
            case .perceptron:
                let x = source.input([4, 12], owner: 0, range: 2)
                let hidden = (x.matmul(source.input([12, 16], owner: 1, range: 1)) + source.input([16], owner: 1))
                    .relu()
                let logits = hidden.matmul(source.input([16, 5], owner: 1, range: 1))
                // 12 and 16 products, whose factors are rounded to 2^-17 and weigh up to 2 and 12; a unit a truncation.
                return ([logits, logits.argmax(axis: 1)], 1e-3)
            case .convolution:
                let image = source.input([2, 2, 8, 8], owner: 0, range: 1)
                let maps = image.conv2d(source.input([3, 2, 3, 3], owner: 1, range: 1), padding: 1).relu()
                return ([maps.maxPool2d(2), maps.maxPool2d(3)], 3e-4)
            case .attention:
                let x = source.input([4, 8], owner: 0, range: 1)
                let (q, k, v) = (project(x, source), project(x, source), project(x, source))
                let scores = (q.matmul(k.transposed()) * 0.35).softmax(axis: 1)
                return ([scores, scores.matmul(v).gelu()], 3e-4)
            case .training:
                let x = source.input([6, 5], owner: 0, range: 1)
                let (w, v) = (source.input([5, 7], owner: 1, range: 1), source.input([7, 2], owner: 1, range: 1))
                let labels = source.input([6, 2], owner: 0, range: 1)
                let loss = (x.matmul(w).relu().matmul(v) - labels).square().mean()
                let gradients = gradient(of: loss, withRespectTo: [w, v])
                return ([loss, w - gradients[0] * 0.1, v - gradients[1] * 0.1], 3e-4)
            }
        }

        private func project(_ x: CrypTensor, _ source: ExpressionSource) -> CrypTensor {
            x.matmul(source.input([8, 8], owner: 1, range: 0.5))
        }
    }

    @Test("yield what is true within their bound, and open what those with a dealer open", arguments: Network.allCases)
    func network(network: Network) throws {
        let source = ExpressionSource(seed: 101)
        let (outputs, bound) = network.make(source)
        let planned = try PlannedExpressions(outputs.map { ($0, .reveal(to: nil)) }, of: source)
        let clear = try source.clear(outputs)
        let run = try PairedSession(seed: 102).run(planned)
        let dealer = PlanSimulator(planned.plan, seed: 103, kernels: NativeKernels(threads: 1))
        let dealt = try dealer.run(inputs: planned.inputs)
        for index in outputs.indices {
            let got = try run.result(index, of: planned.plan)
            let (own, dealers) = (largestError(got, clear[index]), largestError(dealt[index], clear[index]))
            #expect(
                got.shape == clear[index].shape && own <= bound,
                "\(network), output \(index): off by \(own), with a dealer \(dealers)"
            )
        }
        // The same number of openings, each of as many words between the same members; the order is that of rounds.
        func sizes(_ openings: [Opening]) -> [String] {
            openings.map { "\($0)" }.sorted()
        }
        #expect(sizes(run.openings) == sizes(dealer.openings))
        let exponentials = network == .attention
        #expect(run.exchanges <= (exponentials ? 8 : 4), "\(run.exchanges)")
    }

    @Test(
        "yield what is true whatever the height of the trees, and bytes of extensions alone follow it",
        arguments: [Network.perceptron, .attention]
    )
    func heights(network: Network) throws {
        let source = ExpressionSource(seed: 107)
        let (outputs, bound) = network.make(source)
        let planned = try PlannedExpressions(outputs.map { ($0, .reveal(to: nil)) }, of: source)
        let clear = try source.clear(outputs)
        let runs = try TreeHeight.allCases.map { height in
            let session = try PairedSession(seed: 108, height: height)
            let run = try session.run(planned)
            #expect(session.makers.allSatisfy { $0.lastCost.height == height })
            for index in outputs.indices {
                let error = largestError(try run.result(index, of: planned.plan), clear[index])
                #expect(error <= bound, "\(network), \(height), output \(index): off by \(error)")
            }
            return (run, session.makers[0].lastCost)
        }
        let (run, cost) = runs[0]
        for (other, spent) in runs.dropFirst() {
            #expect(other.exchanges == run.exchanges && other.openings.count == run.openings.count)
            #expect(spent.transfers == cost.transfers && spent.messageBits == cost.messageBits)
            #expect(spent.lattice == cost.lattice)
        }
        // 64, 32 and 16 bits a transfer that is extended.
        let bytes = runs.map(\.1.extensionBytes)
        #expect(bytes[0] == 2 * bytes[1] && bytes[1] == 2 * bytes[2] && bytes[2] > 0, "\(bytes)")
    }

    @Test(
        "in turns of little memory a plan's correlations are those of one turn",
        arguments: [Network.perceptron, .attention]
    )
    func turns(network: Network) throws {
        let source = ExpressionSource(seed: 104)
        let (outputs, bound) = network.make(source)
        let planned = try PlannedExpressions(outputs.map { ($0, .reveal(to: nil)) }, of: source)
        let whole = try PairedSession(seed: 105).run(planned)
        let parts = try PairedSession(seed: 105, limit: 1 << 16).run(planned)
        #expect(parts.exchanges > whole.exchanges)
        let clear = try source.clear(outputs)
        for index in outputs.indices {
            #expect(largestError(try parts.result(index, of: planned.plan), clear[index]) <= bound, "output \(index)")
        }
        // Masks and r follow from keys alone, and so does d.
        #expect(parts.differences == whole.differences)
    }
}
