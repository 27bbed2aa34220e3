import CrypTen
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport
import _CrypTenTestSupport

/// Whole plans of models, made by two parties, by a maker in the clear that is given the same λ, r and d, and by an ordinary dealer.
@Suite("Models without a dealer, beside makers in the clear")
struct PairedModelTests {
    @Test(
        "every word that two parties make, open and end with is that of a maker in the clear who knows the same masks; with a dealer results are within their bound",
        arguments: PairedModel.all,
        // All in as few exchanges as there are, and in turns of little memory.
        [256 << 20, 1 << 18, 1 << 12]
    )
    func equal(model: PairedModel, limit: Int) throws {
        let source = ExpressionSource(seed: 0xB07)
        let outputs = try model.make(source)
        let planned = try PlannedExpressions(outputs.tensors.map { ($0, .reveal(to: nil)) }, of: source)
        let session = try PairedSession(seed: 0xB08, limit: limit)
        let run = try session.run(planned)
        let clear = try session.inTheClear(planned, like: run)
        #expect(clear.faults.isEmpty, "\(model): \(clear.faults.prefix(4))")
        #expect(clear.exact > 0)
        #expect(clear.run.openings == run.openings && clear.run.opened == run.opened, "\(model)")
        for index in outputs.tensors.indices {
            #expect(try run.revealed(index).elements == clear.run.revealed(index).elements, "\(model), output \(index)")
        }
        try compareWithDealer(model, outputs, source, planned, session, run)
    }

    /// An ordinary dealer's carries follow hat and not hat − d, so its truncations round at other thresholds; without any all is equal.
    private func compareWithDealer(
        _ model: PairedModel,
        _ outputs: PairedModel.Outputs,
        _ source: ExpressionSource,
        _ planned: PlannedExpressions,
        _ session: PairedSession,
        _ run: PairedSession.Run
    ) throws {
        let dealt = try session.withDealer(planned, like: run)
        #expect(dealt.openings == run.openings)
        if outputs.isDrawn { return }
        #expect(run.differences.isEmpty == !outputs.readsBits, "\(model)")
        if !outputs.readsBits { #expect(dealt.opened == run.opened, "\(model)") }
        let values = try outputs.bound.map { _ in try source.clear(outputs.tensors) }
        for index in outputs.tensors.indices {
            let got = try run.result(index, of: planned.plan)
            let other = try dealt.result(index, of: planned.plan)
            let isExact = got.kind != .real
            let bound = isExact ? 0 : outputs.bound ?? 0.15
            #expect(
                got.shape == other.shape && largestError(got, other) <= bound,
                "\(model), output \(index) with a dealer"
            )
            guard let value = values?[index] else { continue }
            let error = largestError(got, value)
            #expect(
                got.shape == value.shape && error <= bound,
                "\(model), output \(index) in the clear: off by \(error)"
            )
        }
    }

    @Test("one word of thousands that is off by one is seen, and so is a d that belongs to another r")
    func mutants() throws {
        let source = ExpressionSource(seed: 0xB0F)
        let model = try #require(PairedModel.networks.first { $0.name == "pools" })
        let planned = try PlannedExpressions(model.make(source).tensors.map { ($0, .reveal(to: nil)) }, of: source)
        let session = try PairedSession(seed: 0xB10)
        let run = try session.run(planned)
        let places = run.made[1].indices.filter { if case .correlation = run.made[1][$0] { true } else { false } }
        for place in [places[0], places[places.count / 2], places[places.count - 1]] {
            var wrong = run
            wrong.made[1][place] = run.made[1][place].plusOne
            #expect(try session.inTheClear(planned, like: wrong).faults.count == 1)
        }
        let reading = try #require(
            run.made[0].firstIndex { if case .difference(.some) = $0 { true } else { false } }
        )
        var wrong = run
        for party in 0..<2 { wrong.made[party][reading] = run.made[party][reading].plusOne }
        #expect(try !session.inTheClear(planned, like: wrong).faults.isEmpty)
        wrong.made[0][reading] = run.made[0][reading]
        #expect(try session.inTheClear(planned, like: wrong).faults.contains("the parties have different d's"))
    }

    @Test("rows are the shuffled ones, and dropped elements are zeros, whoever makes the correlations")
    func drawn() throws {
        let source = ExpressionSource(seed: 0xB09)
        let dropout = try #require(PairedModel.training.first { $0.name == "dropout" }).make(source)
        let planned = try PlannedExpressions(dropout.tensors.map { ($0, .reveal(to: nil)) }, of: source)
        let run = try PairedSession(seed: 0xB0A).run(planned)
        let (isKept, dropped) = (try run.result(0, of: planned.plan), try run.result(1, of: planned.plan))
        let x = try #require(source.values[0])
        for (index, value) in dropped.doubles.enumerated() {
            #expect(abs(value - (isKept.doubles[index] == 1 ? x.doubles[index] / 0.7 : 0)) < 1e-3)
        }
        // Of 335 with probability 0.7: five deviations.
        #expect(abs(isKept.doubles.reduce(0, +) - 234.5) < 42)
    }

    @Test("weights that are kept are read by later runs, each with words of its own, by all makers alike")
    func kept() throws {
        let source = ExpressionSource(seed: 0xB0B)
        let shapes: [Shape] = [[6, 8], [8, 3]]
        let weights = shapes.map { source.input($0, owner: 1, range: 1) }
        let keeping = try PlannedExpressions(weights.map { ($0, .keep) }, of: source)
        let session = try PairedSession(seed: 0xB0C)
        var runs = [try session.run(keeping)]
        #expect(try session.inTheClear(keeping, like: runs[0]).faults == [])
        _ = try session.withDealer(keeping, like: runs[0])
        let held = shapes.enumerated().map { CrypTensor(kept: $0, $1) }
        var differences: [Set<[UInt64]>] = []
        for turn in 0..<3 {
            let x = source.input([4, 6], range: 1)
            let scores = x.matmul(held[0]).relu().matmul(held[1])
            // The last run compares a kept weight itself, too.
            let roots =
                [scores, scores.argmax(axis: 1)]
                + (turn == 2 ? [held[0].relu(), held[0].greaterThan(held[0] * 0.5)] : [])
            let planned = try PlannedExpressions(
                roots.map { ($0, .reveal(to: nil)) },
                of: source,
                kept: keeping.kept
            )
            let run = try session.run(planned)
            let clear = try session.inTheClear(planned, like: run)
            #expect(clear.faults.isEmpty, "turn \(turn): \(clear.faults.prefix(4))")
            #expect(clear.run.opened == run.opened)
            let dealt = try session.withDealer(planned, like: run)
            let hidden = x.matmul(weights[0]).relu().matmul(weights[1])
            let truth = try source.clear([hidden, hidden.argmax(axis: 1)])
            for (index, value) in truth.enumerated() {
                #expect(largestError(try run.result(index, of: planned.plan), value) <= 1e-3, "turn \(turn)")
                #expect(largestError(try dealt.result(index, of: planned.plan), value) <= 1e-3, "turn \(turn)")
            }
            differences.append(Set(run.differences))
            runs.append(run)
        }
        #expect(differences[0].isDisjoint(with: differences[1]) && differences[1].isDisjoint(with: differences[2]))
    }

    @Test("an order of more rows than a product of matrices is worth is refused by a sentence at either party")
    func orderOfManyRows() throws {
        let source = ExpressionSource(seed: 0xB0D)
        let rows = Node.shuffled([source.input([4097], range: 1).node], number: 1).map { CrypTensor($0) }
        let planned = try PlannedExpressions(rows.map { ($0, .reveal(to: nil)) }, of: source)
        for result in try PairedSession(seed: 0xB0E).make(planned.plan) {
            let error = #expect(throws: CrypTenError.self) { try result.get() }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.hasPrefix("an order of 4097 rows that one party draws takes rows² products") == true)
            #expect(error?.message.contains("at most 4096 are put in order") == true)
        }
    }
}

extension PairedEntry {
    /// With one more in the first word.
    fileprivate var plusOne: PairedEntry {
        func changed(_ words: RingTensor) -> RingTensor {
            RingTensor([words.elements[0] &+ 1] + words.elements.dropFirst(), shape: words.shape)
        }
        return switch self {
        case .correlation(let words): .correlation(changed(words))
        case .difference(let words): .difference(words.map(changed))
        }
    }
}

extension PairedSession {
    fileprivate func inTheClear(_ planned: PlannedExpressions, like run: Run) throws -> Comparison {
        try inTheClear(planned.plan, inputs: planned.inputs, reading: planned.reading, like: run)
    }

    fileprivate func withDealer(_ planned: PlannedExpressions, like run: Run) throws -> Run {
        try withDealer(planned.plan, inputs: planned.inputs, reading: planned.reading, like: run)
    }
}
