import CrypTenGates
package import CrypTenPlanning
package import CrypTenRing
import NIOConcurrencyHelpers

// The run that was made last, once more: with the correlations of makers in the clear that know both parties' masks.
extension PairedSession {
    /// What two parties have made beside what a maker in the clear makes with the same λ, r and d.
    package struct Comparison: Sendable {
        /// The run with what the maker in the clear has made.
        package var run: Run
        /// How many words were compared, of packed elements the elements: those that must be equal, and those that may differ in what is rounded.
        package var exact = 0
        package var rounded = 0
        /// What differs, correlation by correlation.
        package var faults: [String] = []
    }

    /// The last run by a maker in the clear that is given the parties' λ, r and d, and what they have drawn.
    ///
    /// Words that each party rounds for itself are held against their bounds, and then taken over: so all that the parties open must be equal.
    package func inTheClear(
        _ prepared: PreparedPlan,
        inputs: [RingTensor],
        reading: [Int] = [],
        like run: Run
    ) throws -> Comparison {
        let (kernels, keys) = (NativeKernels(threads: 1), keys().keys)
        let made = run.made.map(\.correlations)
        let rule = Rebasing(inOrder: run.made[0].compactMap(\.difference))
        let record = DealtRecord { $1.combined(made[0][$0], made[1][$0], kernels) }
        let part = ComparedPart(made, keys, record, kernels)
        var branch = branches[.inTheClear] ?? DealtBranch()
        branch.masks += try prepared.plan.redacted.deal(
            prepared.schedule,
            keys: keys,
            kept: reading.map { branch.masks[$0] },
            kernels,
            into: part
        ) { unit, gate, dealer in
            part.begin(unit, type(of: gate).name)
            let stage = RebasedStage(dealer, differences: SimulatedDifferences(rule), record: record)
            try gate.deal(stage: unit.stage, stage)
        }
        var comparison = part.comparison
        if run.made[0].differences != run.made[1].differences {
            comparison.faults.append("the parties have different d's")
        }
        comparison.run = try evaluate(
            prepared,
            inputs: inputs,
            reading: reading,
            (0..<2).map { party in run.made[party].replacingCorrelations(by: part.shares.map { $0[party] }) },
            kept: &branch.values
        )
        branches[.inTheClear] = branch
        return comparison
    }

    /// The last run with an ordinary dealer, of the same λ, that reads bits of λ itself.
    package func withDealer(
        _ prepared: PreparedPlan,
        inputs: [RingTensor],
        reading: [Int] = [],
        like run: Run
    ) throws -> Run {
        let (kernels, keys) = (NativeKernels(threads: 1), keys().keys)
        let part = DealtShares(keys, kernels)
        var branch = branches[.withDealer] ?? DealtBranch()
        branch.masks += try prepared.plan.redacted.deal(
            prepared.schedule,
            keys: keys,
            kept: reading.map { branch.masks[$0] },
            kernels,
            into: part
        ) { unit, gate, dealer in
            part.begin(unit)
            try gate.deal(stage: unit.stage, dealer)
        }
        let made = (0..<2).map { party in
            run.made[party].replacingCorrelations(by: part.shares.map { $0[party] }).withoutDifferences
        }
        let dealt = try evaluate(prepared, inputs: inputs, reading: reading, made, kept: &branch.values)
        branches[.withDealer] = branch
        return dealt
    }
}

/// What runs with a maker in the clear have kept.
struct DealtBranch {
    enum Kind { case inTheClear, withDealer }

    /// The masks of all values that were kept, in order.
    var masks: [DealerValue] = []
    /// By party, the values.
    var values: [[PartyValue]] = [[], []]
}

extension PairedEntry {
    var difference: RingTensor? {
        if case .difference(let words) = self { words } else { nil }
    }
}

extension [PairedEntry] {
    /// The words of the correlations alone, in order.
    var correlations: [RingTensor] {
        compactMap { if case .correlation(let words) = $0 { words } else { nil } }
    }

    /// The same where bits of the masks themselves are read.
    var withoutDifferences: [PairedEntry] {
        map { entry in
            if case .difference = entry { .difference(nil) } else { entry }
        }
    }

    /// The same readings with other words: as many of them, else the last ones are missing or left over.
    func replacingCorrelations(by others: [RingTensor]) -> [PairedEntry] {
        var others = others[...]
        return compactMap { entry in
            guard case .correlation = entry else { return entry }
            return others.popFirst().map { .correlation($0) }
        } + others.map { .correlation($0) }
    }
}

extension Rebasing {
    /// d's that are known, in the order of reading; where there is none of as many elements, zeros.
    fileprivate init(inOrder differences: [RingTensor]) {
        let rest = NIOLockedValueBox(differences[...])
        self.init { mask in
            let next = rest.withLockedValue { $0.popFirst() }
            return next?.count == mask.count ? next!.reshaped(to: mask.shape) : RingTensor(zeros: mask.shape)
        }
    }
}

/// Both parties' shares of what a dealer deals.
private class DealtShares: CorrectionSink {
    let kernels: any Kernels
    private(set) var shares: [[RingTensor]] = []
    private let keys: [RunKeys]
    private let numbers = StreamNumbers()

    init(_ keys: [RunKeys], _ kernels: any Kernels) {
        (self.keys, self.kernels) = (keys, kernels)
    }

    func begin(_ unit: Schedule.Unit) {
        numbers.begin(step: unit.step, stage: unit.stage)
    }

    func send(_ words: RingTensor) throws {
        let number = numbers.correlation()
        let first = kernels.expand(keys[0].correlations, number: number, from: 0, shape: [words.count])
        shares.append(parts(first, words.reshaped(to: [words.count])))
    }

    func send(_ count: Int, _ write: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void) throws {
        var words = RingTensor(zeros: [count])
        words.withMutableWords { write(0..<count, $0) }
        try send(words)
    }

    func parts(_ first: RingTensor, _ last: RingTensor) -> [RingTensor] {
        [first, last]
    }
}

/// The same, held against what others have made.
private final class ComparedPart: DealtShares {
    private(set) var comparison = PairedSession.Comparison(
        run: .init(made: [], outputs: [], openings: [], opened: [], messages: [], exchanges: 0)
    )
    private let made: [[RingTensor]]
    private let record: DealtRecord
    private var place = ""

    init(_ made: [[RingTensor]], _ keys: [RunKeys], _ record: DealtRecord, _ kernels: any Kernels) {
        (self.made, self.record) = (made, record)
        super.init(keys, kernels)
    }

    func begin(_ unit: Schedule.Unit, _ gate: String) {
        begin(unit)
        place = "step \(unit.step), \(gate), stage \(unit.stage)"
    }

    override func parts(_ first: RingTensor, _ last: RingTensor) -> [RingTensor] {
        let index = shares.count
        guard made.allSatisfy({ index < $0.count && $0[index].count == first.count }) else {
            comparison.faults.append("\(place): correlation \(index) of \(first.count) words wasn't made")
            return [first, last]
        }
        let form = record.forms[index]
        let got = form.combined(made[0][index], made[1][index], kernels)
        let (words, others) = (form.combined(first, last, kernels).elements, got.elements)
        let wrong = words.indices.filter { !form.isRight(others[$0], words[$0], at: $0) }
        if form.isExact { comparison.exact += words.count } else { comparison.rounded += words.count }
        if let one = wrong.first {
            comparison.faults.append(
                "\(place): of correlation \(index), \(form.name), \(wrong.count) of \(words.count) words, word \(one) is "
                    + "\(others[one]) and not \(words[one])"
            )
        }
        // What was rounded by both parties is theirs.
        return form.isExact ? [first, last] : [first, kernels.subtract(got, first)]
    }
}
