import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing

/// Data that are standardised and shuffled before training.
@Suite("Data sets, prepared in secret")
struct StandardizationTests {
    /// Columns of very different sizes, with a constant: salaries, days, rates, flags, amounts of which one is huge.
    private static func table(_ rows: Int, seed: UInt64) -> Tensor {
        var state = seed
        func uniform() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24)
        }
        var numbers: [Double] = []
        for row in 0..<rows {
            numbers += [
                40_000 + 40_000 * (uniform() + uniform() - 1), 31_457.25, uniform() - 0.5, Double(row % 2),
                0.05 + 0.02 * uniform(), row == 3 ? 900_000 : 10 * uniform(), -20_000 * uniform(),
            ]
        }
        return Tensor(numbers, shape: [rows, 7])
    }

    /// Mean and deviation of each column, of a constant one 1.
    private static func statistics(_ x: Tensor) -> [(mean: Double, deviation: Double)] {
        let (rows, columns) = (x.shape[0], x.shape[1])
        return (0..<columns).map { column in
            let values = (0..<rows).map { x.doubles[$0 * columns + column] }
            let mean = values.reduce(0, +) / Double(rows)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
            return (mean, variance == 0 ? 1 : variance.squareRoot())
        }
    }

    @Test(
        "columns of any size have mean 0 and deviation 1, constant ones are 0, and a test's rows go by the same statistics",
        arguments: [2, 3],
        [9, 250]
    )
    func columns(parties: Int, rows: Int) async throws {
        let (x, test) = (Self.table(rows, seed: 5), Self.table(6, seed: 6))
        let halves = [x.rows(Array(0..<4)), x.rows(Array(4..<rows))]
        let told = try await withLocalParties(parties) { session -> [Tensor]? in
            let parts = [
                try await session.input(from: .party(0)) { halves[0] },
                try await session.input(from: .party(1)) { halves[1] },
            ]
            let held = try await session.hold([joined(rows: parts)])[0]
            let scale = try await Standardization(of: held, on: session)
            let others = try await session.input(from: .party(1)) { test }
            let data = [
                try await scale.apply(to: held, on: session), try await scale.apply(to: others, on: session),
            ]
            let told = try await session.reveal(data + [scale.means, scale.deviations], to: .all)
            try await scale.release(on: session)
            return told
        }
        let statistics = Self.statistics(x)
        for told in told {
            let told = try #require(told)
            for (column, (mean, deviation)) in statistics.enumerated() {
                #expect(abs(told[2].doubles[column] - mean) <= 0x1p-16 + mean.magnitude * 1e-6, "mean \(column)")
                #expect(
                    abs(told[3].doubles[column] / deviation - 1) <= 2e-3 + 0x1p-14 / deviation,
                    "deviation \(column): \(told[3].doubles[column]) of \(deviation)"
                )
                for (table, source) in [(told[0], x), (told[1], test)] {
                    for row in 0..<source.shape[0] {
                        let (got, want) = (
                            table.doubles[row * 7 + column], (source.doubles[row * 7 + column] - mean) / deviation
                        )
                        #expect(
                            abs(got - want) <= 2e-3 * want.magnitude + (2 + want.magnitude) * 0x1p-16 / deviation
                                + 0x1p-20,
                            "row \(row), column \(column): \(got) of \(want)"
                        )
                    }
                }
            }
        }
    }

    @Test("rounds and bytes are those that are documented")
    func cost() async throws {
        let told = try await withLocalParties(2) { session -> [(rounds: Int, bytes: Int)] in
            let x = try await session.hold([session.input(from: .party(0)) { Self.table(250, seed: 5) }])[0]
            let begin = try await session.statistics
            let scale = try await Standardization(of: x, on: session)
            let found = try await session.statistics
            _ = try await scale.apply(to: x, on: session)
            let applied = try await session.statistics
            return [found - begin, applied - found].map { ($0.rounds, $0.onlineBytes) }
        }
        for figures in told {
            print("statistics, then rows, of 250 by 7: \(figures)")
            #expect(figures.map(\.rounds) == [28, 8])
            // Bytes sent an element, headers of frames included.
            #expect(figures[0].bytes <= 40 * 1750 && figures[1].bytes <= 26 * 1750)
        }
    }

    @Test("a rare value among a million rows has a deviation as exact as its mean distance")
    func rare() async throws {
        let rows = 1 << 20
        let flags = Tensor((0..<rows).map { $0 % 21_000 == 7 ? 1.0 : 0 }, shape: [rows, 1])
        let (_, deviation) = Self.statistics(flags)[0]
        let told = try await withLocalParties(2) { session in
            let scale = try await Standardization(of: try await session.input(from: .party(0)) { flags }, on: session)
            return try await session.reveal(scale.deviations, to: .all)
        }
        for told in told {
            let found = try #require(told).doubles[0]
            // Its mean distance is six units of the encoding, rounded to whole ones.
            #expect(abs(found / deviation - 1) < 0.17, "\(found) of \(deviation)")
        }
    }

    @Test("other columns are an error")
    func mismatch() async throws {
        let errors = try await withLocalParties(2) { session -> [CrypTenError.Code] in
            let x = try await session.input(from: .party(0)) { Self.table(9, seed: 5) }
            let scale = try await Standardization(of: x, on: session)
            var codes: [CrypTenError.Code] = []
            do { _ = try await scale.apply(to: x.transposed(), on: session) } catch let error as CrypTenError {
                codes.append(error.code)
            }
            do { _ = try await Standardization(of: x.sum(), on: session) } catch let error as CrypTenError {
                codes.append(error.code)
            }
            return codes
        }
        #expect(errors.allSatisfy { $0 == [.shapeMismatch, .shapeMismatch] })
    }

    @Test("a shuffled data set has the rows of the other, together, and its batches send as little", arguments: [2, 3])
    func shuffled(parties: Int) async throws {
        let x = Self.table(20, seed: 7)
        let told = try await withLocalParties(parties) { session -> (rows: [Tensor]?, spent: [SessionStatistics]) in
            let plain = try await TensorDataset(
                try await session.input(from: .party(0)) { x },
                try await session.input(from: .party(1)) { Tensor((0..<20).map(Int64.init), shape: [20]) },
                on: session
            )
            let data = try await plain.shuffled(on: session)
            #expect(data.count == 20)
            var spent: [SessionStatistics] = []
            for set in [plain, data] {
                for rows in [[0, 3, 4], [5, 1, 2]] {
                    let before = try await session.statistics
                    _ = try await session.reveal((set[rows][0] * 0.001).square().sum(), to: .all)
                    spent.append(try await session.statistics - before)
                }
            }
            let rows = try await session.reveal(data.tensors, to: .all)
            try await plain.release(on: session)
            try await data.release(on: session)
            return (rows, spent)
        }
        for (rows, spent) in told {
            let rows = try #require(rows)
            let order = try #require(rows[1].integers).map(Int.init)
            #expect(order.sorted() == Array(0..<20))
            let unit = 0x1p16
            #expect(rows[0].doubles == x.rows(order).doubles.map { ($0 * unit).rounded() / unit })
            #expect(spent.map(\.rounds).allSatisfy { $0 == spent[0].rounds })
            #expect(spent.map(\.onlineBytes).allSatisfy { $0 == spent[0].onlineBytes })
        }
    }
}
