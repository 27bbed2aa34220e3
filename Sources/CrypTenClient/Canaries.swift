import CrypTenBase

/// Rows with answers that are known, mixed among those that are asked.
///
/// A party can't tell a canary from another row, nor where it stands. Of N rows in a call, k of them canaries, whoever falsifies m passes
/// unseen with a probability of at most (1 − m/N)^k: a few canaries find whoever falsifies much, or again and again. They don't show a
/// single falsified row among many, an error within the tolerance, who it was, or who reads along. They count as rows in budgets. Keep
/// them from the parties, and don't use few of them for ever.
public struct Canaries: Sendable {
    /// Tensors for all inputs of the model, with any one number of rows.
    public var inputs: [String: ClientTensor]
    /// What the model answers to these rows, for all outputs or some.
    public var outputs: [String: ClientTensor]
    /// How far a real may be from the known one; whole numbers and booleans must be equal.
    public var tolerance: Double
    /// How many of the rows go into a call, chosen anew each time; nil: all.
    public var count: Int?

    /// Canaries.
    public init(
        inputs: [String: ClientTensor],
        outputs: [String: ClientTensor],
        tolerance: Double,
        count: Int? = nil
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.tolerance = tolerance
        self.count = count
    }
}

/// Where the canaries of one call stand, which is drawn once.
struct Mixture {
    /// The canaries that are taken, and for each the row at which it stands.
    let chosen: [Int]
    let places: [Int]
    /// The rows at which the others stand, in order.
    let others: [Int]
    private let canaries: Canaries

    /// Draws from the system's generator.
    ///
    /// - Throws: `.invalidArgument` for canaries that can't be used.
    init(_ canaries: Canaries, rows: Int) throws {
        let given = Set(canaries.inputs.values.map(\.rows))
        guard given.count == 1, let available = given.first else {
            throw CrypTenError(.invalidArgument, "the canaries' inputs have no rows, or different numbers of them")
        }
        let count = canaries.count ?? available
        guard (1...available).contains(count) else {
            throw CrypTenError(
                .invalidArgument,
                "\(count) canaries were asked for, and \(available) are given: let their count be from 1 to that"
            )
        }
        guard !canaries.outputs.isEmpty, canaries.tolerance >= 0,
            canaries.outputs.values.allSatisfy({ $0.rows == available })
        else {
            throw CrypTenError(
                .invalidArgument,
                "canaries need a known output for each of their \(available) rows, and a tolerance that isn't negative"
            )
        }
        self.canaries = canaries
        chosen = Array((0..<available).shuffled().prefix(count))
        places = Array((0..<rows + count).shuffled().prefix(count)).sorted()
        let taken = Set(places)
        others = (0..<rows + count).filter { !taken.contains($0) }
    }

    /// Rows of both, each in its place.
    func mixed(_ asked: [UInt64], _ known: [UInt64], rowSize: Int) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: (others.count + places.count) * rowSize)
        for (row, place) in others.enumerated() { copy(asked, row, &words, place, rowSize) }
        for (row, place) in zip(chosen, places) { copy(known, row, &words, place, rowSize) }
        return words
    }

    private func copy(_ source: [UInt64], _ from: Int, _ target: inout [UInt64], _ to: Int, _ size: Int) {
        for offset in 0..<size { target[to * size + offset] = source[from * size + offset] }
    }

    /// The answers to the other rows, if all canaries have theirs.
    ///
    /// - Throws: `.diverged` where one has another, and then no answer is given.
    func separated(_ answers: [String: ClientTensor]) throws -> [String: ClientTensor] {
        for (name, known) in canaries.outputs {
            guard let answer = answers[name], answer.shape.dropFirst() == known.shape.dropFirst() else {
                throw CrypTenError(
                    .invalidArgument,
                    "canaries know output \"\(name)\" of shape \(known.shape), and no such one has come: ask for it, or correct it"
                )
            }
            let size = known.shape.dropFirst().reduce(1, *)
            let wrong = zip(chosen, places).filter { row, place in
                !isSame(known.values, row * size..<row * size + size, answer.values, place * size..<place * size + size)
            }
            guard wrong.isEmpty else {
                throw CrypTenError(
                    .diverged,
                    "\(wrong.count) of \(chosen.count) canaries have another output \"\(name)\" than the known one, so the other rows' "
                        + "answers aren't given either: a party computed wrongly, the model is another, or the tolerance is too small"
                )
            }
        }
        return try answers.mapValues { try $0.selecting(rows: others) }
    }

    private func isSame(
        _ known: ClientTensor.Values,
        _ at: Range<Int>,
        _ got: ClientTensor.Values,
        _ gotAt: Range<Int>
    ) -> Bool {
        switch (known, got) {
        case (.doubles(let known), .doubles(let got)):
            zip(known[at], got[gotAt]).allSatisfy { abs($0 - $1) <= canaries.tolerance }
        case (.integers(let known), .integers(let got)): known[at] == got[gotAt]
        case (.booleans(let known), .booleans(let got)): known[at] == got[gotAt]
        default: false
        }
    }
}

extension ClientTensor {
    /// Some rows, in the order in which they are named.
    func selecting(rows: [Int]) throws -> ClientTensor {
        let size = shape.dropFirst().reduce(1, *)
        func select<Value>(_ values: [Value]) -> [Value] {
            rows.flatMap { values[$0 * size..<($0 + 1) * size] }
        }
        let selected: Values =
            switch values {
            case .doubles(let values): .doubles(select(values))
            case .integers(let values): .integers(select(values))
            case .booleans(let values): .booleans(select(values))
            }
        return try ClientTensor(shape: [rows.count] + shape.dropFirst(), selected)
    }
}
