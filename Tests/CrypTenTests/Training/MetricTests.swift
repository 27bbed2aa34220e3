import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Numbers that say how good predictions are, in secret, against the same in plain numbers.
@Suite("Metrics in secret")
struct MetricTests {
    struct Rows: Sendable {
        var scores: [[Double]]
        var labels: [Int]

        var classes: Int { scores[0].count }
        var table: Tensor { Tensor(scores.flatMap(\.self), shape: [scores.count, classes]) }
        var oneHot: [Double] { labels.flatMap { label in (0..<classes).map { $0 == label ? 1 : 0 } } }

        /// The first of the largest of each row.
        var taken: [Int] {
            scores.map { row in row.firstIndex(of: row.max()!)! }
        }

        var counts: [[Int]] {
            var counts = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
            for (label, class_) in zip(labels, taken) { counts[label][class_] += 1 }
            return counts
        }
    }

    /// Scores that are multiples of ½ between −2 and 2, so that many are equal.
    static func rows(_ count: Int, classes: Int, labelled: Int, seed: UInt64) -> Rows {
        var state = seed
        func number(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        return Rows(
            scores: (0..<count).map { _ in (0..<classes).map { _ in Double(number(9)) / 2 - 2 } },
            labels: (0..<count).map { _ in number(labelled) }
        )
    }

    /// Rows with ties, of which the last class has none, then one row, then one with three classes.
    static let several = [
        rows(53, classes: 6, labelled: 5, seed: 3), rows(1, classes: 4, labelled: 4, seed: 4),
        Rows(scores: [[1, 1, 1], [0, 2, 2], [-1, -3, -1]], labels: [0, 2, 2]),
    ]

    @Test(
        "correct rows, accuracy and the confusion matrix are exact, whatever labels are",
        arguments: [2, 3],
        several.indices
    )
    func classes(parties: Int, which: Int) async throws {
        let rows = Self.several[which]
        let count = rows.labels.count
        let told = try await withLocalParties(parties) { session -> [[[Double]]] in
            let scores = try await session.input(from: .party(0)) { rows.table }
            let shape: Shape = [count, rows.classes]
            let reals = try await session.input(from: .party(1)) { Tensor(rows.oneHot, shape: shape) }
            let integers = try await session.input(from: .party(1)) {
                Tensor(rows.oneHot.map { Int64($0) }, shape: shape)
            }
            let numbers = try await session.input(from: .party(1)) { Tensor(rows.labels, shape: [count]) }
            let known = CrypTensor(constant: Tensor(rows.labels, shape: [count]))
            var told: [[[Double]]] = []
            for labels in [reals, integers, integers .> 0, numbers, known] {
                let matrix = ConfusionMatrix(scores, labels: labels)
                let right = correctPredictions(scores, labels: labels)
                #expect(matrix.rows == count && right.kind == .integer && matrix.counts.kind == .integer)
                told.append(
                    try #require(
                        try await session.reveal(
                            [right, matrix.counts, matrix.correct, matrix.support, accuracy(scores, labels: labels)],
                            to: .all
                        )
                    ).map(\.doubles)
                )
            }
            return told
        }
        let right = Double(zip(rows.labels, rows.taken).count { $0 == $1 })
        for told in told.joined() {
            #expect(told[0] == [right] && told[2] == [right])
            #expect(told[1] == rows.counts.joined().map(Double.init))
            #expect(told[3] == rows.counts.map { Double($0.reduce(0, +)) })
            #expect(abs(told[4][0] - right / Double(count)) <= 0x1p-16)
        }
    }

    @Test(
        "precision, recall and F1 are those of the counts, within 2⁻¹⁴, and 0 where a class is absent",
        arguments: [2, 3],
        several.indices
    )
    func quotients(parties: Int, which: Int) async throws {
        let rows = Self.several[which]
        let told = try await withLocalParties(parties) { session -> [[Double]] in
            let scores = try await session.input(from: .party(0)) { rows.table }
            let labels = try await session.input(from: .party(1)) { Tensor(rows.labels, shape: [rows.labels.count]) }
            let matrix = ConfusionMatrix(scores, labels: labels)
            let twice = matrix + matrix
            return try #require(
                try await session.reveal(
                    [
                        matrix.precisions, matrix.recalls, matrix.f1Scores, matrix.accuracy, twice.f1Scores,
                        twice.correct,
                    ],
                    to: .all
                )
            ).map(\.doubles)
        }
        let counts = rows.counts
        let classes = counts.indices
        func part(_ number: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(number) / Double(whole) }
        func taken(_ k: Int) -> Int { classes.reduce(0) { $0 + counts[$1][k] } }
        func support(_ k: Int) -> Int { counts[k].reduce(0, +) }
        let correct = classes.reduce(0) { $0 + counts[$1][$1] }
        let f1 = classes.map { part(2 * counts[$0][$0], taken($0) + support($0)) }
        let expected = [
            classes.map { part(counts[$0][$0], taken($0)) }, classes.map { part(counts[$0][$0], support($0)) }, f1,
            [part(correct, rows.labels.count)], f1, [Double(2 * correct)],
        ]
        for told in told {
            for (numbers, right) in zip(told, expected) {
                let worst = zip(numbers, right).map { abs($0 - $1) }.max()!
                #expect(worst <= 0x1p-14, "\(numbers) instead of \(right)")
            }
        }
    }

    /// Scores of rows and whether their labels are 1.
    struct Scored: Sendable {
        var scores: [Double]
        var labels: [Int]

        var area: Double {
            var (sum, pairs) = (0.0, 0.0)
            for (a, x) in zip(scores, labels) where x == 1 {
                for (b, y) in zip(scores, labels) where y == 0 {
                    pairs += 1
                    sum += a > b ? 1 : a == b ? 0.5 : 0
                }
            }
            return pairs == 0 ? 0 : sum / pairs
        }
    }

    /// Many ties; none; all in order; all equal; a label that is absent; one row.
    static let scored: [Scored] = {
        let many = rows(61, classes: 1, labelled: 2, seed: 9)
        return [
            Scored(scores: many.scores.map { $0[0] }, labels: many.labels),
            Scored(scores: (0..<40).map { Double(($0 * 17) % 41) / 16 - 1 }, labels: (0..<40).map { $0 * $0 % 3 % 2 }),
            Scored(scores: (0..<19).map(Double.init), labels: (0..<19).map { $0 < 12 ? 0 : 1 }),
            Scored(scores: [Double](repeating: 0.25, count: 18), labels: (0..<18).map { $0 % 2 }),
            Scored(scores: [3, 1, 2], labels: [1, 1, 1]), Scored(scores: [3, 1, 2], labels: [0, 0, 0]),
            Scored(scores: [0.5], labels: [1]), Scored(scores: [0, 0], labels: [0, 1]),
            Scored(scores: [-1, 0.5], labels: [1, 0]),
        ]
    }()

    @Test("the area under the curve is that of all pairs, ties counted half, within 2⁻¹⁴", arguments: [2, 3])
    func areas(parties: Int) async throws {
        let told = try await withLocalParties(parties) { session -> [[Double]] in
            var told: [[Double]] = []
            for item in Self.scored {
                let count = item.scores.count
                let scores = try await session.input(from: .party(0)) { Tensor(item.scores, shape: [count, 1]) }
                let reals = try await session.input(from: .party(1)) {
                    Tensor(item.labels.map(Double.init), shape: [count])
                }
                let integers = try await session.input(from: .party(1)) { Tensor(item.labels, shape: [count, 1]) }
                let areas = [
                    areaUnderROC(scores, labels: reals), areaUnderROC(scores * 2.0, labels: integers),
                    areaUnderROC(scores, labels: reals .> 0.5),
                    try await session.areaUnderROC(scores, labels: integers, pairsAtOnce: 100),
                    try await session.areaUnderROC(scores * 0.5, labels: reals),
                ]
                told.append(try #require(try await session.reveal(areas, to: .all)).map { $0.doubles[0] })
            }
            return told
        }
        for answer in told {
            for (item, areas) in zip(Self.scored, answer) {
                for area in areas { #expect(abs(area - item.area) <= 0x1p-14, "\(areas) instead of \(item.area)") }
            }
        }
    }

    @Test("of 600 rows the area is right, in one run and in several, and costs what it says")
    func manyRows() async throws {
        let count = 600
        let rows = Self.rows(count, classes: 3, labelled: 2, seed: 77)
        let item = Scored(
            scores: zip(rows.scores, rows.labels).map { $0[0] + $0[1] * 0.125 + Double($1) * 0.25 },
            labels: rows.labels
        )
        let told = try await withLocalParties(2) { session -> [[Double]] in
            let scores = try await session.input(from: .party(0)) { Tensor(item.scores, shape: [count]) }
            let labels = try await session.input(from: .party(1)) { Tensor(item.labels, shape: [count]) }
            // Shares, as a model's scores are.
            let shared = try await session.evaluate([scores * 0.5])[0]
            var told: [[Double]] = []
            for isOne in [true, false] {
                let before = try await session.statistics
                let area =
                    isOne
                    ? areaUnderROC(shared, labels: labels)
                    : try await session.areaUnderROC(shared, labels: labels, pairsAtOnce: 30_000)
                let number = try #require(try await session.reveal(area, to: .all)).doubles[0]
                let spent = try await session.statistics - before
                let pairs = Double(count * count) / 2
                told.append([
                    number, Double(spent.runs), Double(spent.rounds), Double(spent.onlineBytes) / pairs,
                    Double(spent.dealerBytes) / pairs,
                ])
            }
            return told
        }
        print("area of 600 rows: number, runs, rounds, bytes a pair, bytes dealt a pair: \(told), \(item.area)")
        for answer in told {
            for numbers in answer { #expect(abs(numbers[0] - item.area) <= 0x1p-14) }
            let (one, several) = (answer[0], answer[1])
            #expect(one[1] == 1 && one[2] == 15 && several[1] > 5)
            // Of what is opened, scores are masked once in the second.
            #expect(one[3] <= 20 && several[3] <= 12 && max(one[4], several[4]) <= 80, "\(answer)")
        }
    }

    @Test("two classes are told apart by a threshold, exactly", arguments: [2, 3])
    func binary(parties: Int) async throws {
        let rows = Self.rows(47, classes: 1, labelled: 2, seed: 21)
        let numbers = rows.scores.map { $0[0] }
        let told = try await withLocalParties(parties) { session -> [[[Double]]] in
            let scores = try await session.input(from: .party(0)) { rows.table }
            let reals = try await session.input(from: .party(1)) { Tensor(rows.labels.map(Double.init), shape: [47]) }
            let integers = try await session.input(from: .party(1)) { Tensor(rows.labels, shape: [47, 1]) }
            var told: [[[Double]]] = []
            for labels in [reals, integers, integers .> 0] {
                for threshold in [0, 0.5] {
                    let matrix = ConfusionMatrix(binary: scores, labels: labels, threshold: threshold)
                    let right = correctBinaryPredictions(scores, labels: labels, threshold: threshold)
                    let part = binaryAccuracy(scores, labels: labels, threshold: threshold)
                    told.append(
                        try #require(
                            try await session.reveal([right, matrix.counts, part, matrix.recalls], to: .all)
                        ).map(\.doubles)
                    )
                }
            }
            return told
        }
        for answer in told {
            for (index, told) in answer.enumerated() {
                let threshold = index % 2 == 0 ? 0 : 0.5
                let pairs = zip(rows.labels, numbers.map { $0 > threshold ? 1 : 0 })
                let counts = [(0, 0), (0, 1), (1, 0), (1, 1)].map { pair in Double(pairs.count { $0 == pair }) }
                #expect(told[0] == [counts[0] + counts[3]])
                #expect(told[1] == counts)
                #expect(abs(told[2][0] - (counts[0] + counts[3]) / 47) <= 0x1p-16)
                #expect(abs(told[3][1] - counts[3] / (counts[2] + counts[3])) <= 0x1p-14)
            }
        }
    }

    @Test("errors of regressions, and what they explain, are those of plain numbers", arguments: [2, 3])
    func regression(parties: Int) async throws {
        let targets = (0..<30).map { Double(($0 * 11) % 31) / 8 - 2 }
        let predictions = targets.enumerated().map { $1 + Double(($0 * 7) % 13 - 6) / 32 }
        let mean = targets.reduce(0, +) / 30
        let residual = zip(targets, predictions).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let total = targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let expected = [
            residual / 30, zip(targets, predictions).reduce(0) { $0 + abs($1.0 - $1.1) } / 30, 1 - residual / total,
            1, 0, 1 - targets.reduce(0) { $0 + $1 * $1 } / total,
        ]
        let told = try await withLocalParties(parties) { session -> [Double] in
            let y = try await session.input(from: .party(0)) { Tensor(targets, shape: [30, 1]) }
            let p = try await session.input(from: .party(1)) { Tensor(predictions, shape: [30, 1]) }
            let constant = p * 0.0 + 1.5
            let numbers = [
                meanSquaredError(p, y), meanAbsoluteError(p, y), r2Score(p, y), r2Score(y, y), r2Score(p, constant),
                r2Score(p * 0.0, y),
            ]
            return try #require(try await session.reveal(numbers, to: .all)).map { $0.doubles[0] }
        }
        for numbers in told {
            for (number, right) in zip(numbers, expected) {
                #expect(abs(number - right) <= max(2 * 0x1p-14, 1e-3 * abs(1 - right)), "\(numbers), \(expected)")
            }
        }
    }

    @Test("metrics take as many rounds as they say")
    func rounds() async throws {
        let told = try await withLocalParties(2) { session -> [Int] in
            let scores = try await session.input(from: .party(0)) { Self.several[0].table }
            let labels = try await session.input(from: .party(1)) {
                Tensor(Self.several[0].oneHot, shape: Self.several[0].table.shape)
            }
            let kept = try await session.evaluate([scores * 0.5, labels * 1.0])
            let matrix = ConfusionMatrix(kept[0], labels: kept[1])
            let counts = try await session.evaluate([matrix.counts])[0]
            let known = ConfusionMatrix(counts: counts, rows: 53)
            let column = kept[0].narrow(axis: 1, start: 0, length: 1)
            let truth = kept[1].narrow(axis: 1, start: 0, length: 1)
            var rounds: [Int] = []
            for metric in [
                correctPredictions(kept[0], labels: kept[1]), matrix.counts,
                correctBinaryPredictions(column, labels: truth), ConfusionMatrix(binary: column, labels: truth).counts,
                known.precisions, known.f1Scores, known.accuracy, known.correct, areaUnderROC(column, labels: truth),
                r2Score(column, truth), meanAbsoluteError(column, truth), meanSquaredError(column, truth),
            ] {
                // The last round tells.
                rounds.append(try await session.cost(of: metric).rounds - 1)
            }
            return rounds
        }
        print("rounds of metrics: \(told[0])")
        #expect(told[0] == [11, 12, 4, 5, 12, 12, 1, 0, 17, 11, 5, 2])
    }

    @Test("shapes that don't belong together are errors that say so")
    func refusals() {
        let scores = CrypTensor(constant: Tensor([Double](repeating: 0.5, count: 12), shape: [4, 3]))
        let flat = scores.reshape(12)
        let wrong = CrypTensor(constant: Tensor([0, 1, 2], shape: [3]))
        let empty = CrypTensor(constant: Tensor([Double](), shape: [0, 3]))
        let made = [
            accuracy(scores, labels: wrong), accuracy(flat, labels: flat), accuracy(empty, labels: empty),
            ConfusionMatrix(scores, labels: wrong).counts, ConfusionMatrix(scores, labels: wrong).f1Scores,
            binaryAccuracy(scores, labels: scores), binaryAccuracy(flat, labels: wrong),
            ConfusionMatrix(binary: flat, labels: wrong).precisions, areaUnderROC(flat, labels: wrong),
            areaUnderROC(empty, labels: empty), r2Score(flat, scores), meanSquaredError(flat, wrong),
            r2Score(CrypTensor(constant: Tensor([1.0], shape: [1])), CrypTensor(constant: Tensor([1.0], shape: [1]))),
        ]
        for (index, metric) in made.enumerated() {
            #expect(metric.error?.code == .shapeMismatch, "metric \(index): \(metric)")
        }
        let many = CrypTensor(constant: Tensor([Double](repeating: 0, count: 32769), shape: [32769]))
        #expect(areaUnderROC(many, labels: many).error?.code == .outOfRange)
    }
}
