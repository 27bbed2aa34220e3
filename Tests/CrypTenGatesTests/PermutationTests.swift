import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Orders that one party draws")
struct PermutationTests {
    private func numbers(_ count: Int, seed: UInt64) -> [UInt64] {
        var random = TestRandom(seed: seed)
        return random.words(count)
    }

    @Test("move rows of several tensors alike, bit for bit", arguments: parties, [0, 1, 2, 7, 64, 65, 1000])
    func value(parties: Int, rows: Int) throws {
        let shapes: [Shape] = [[rows, 3], [rows], [rows, 2, 9]]
        let tensors = shapes.enumerated().map { numbers($1.count, seed: UInt64($0)) }
        for party in [0, parties - 1] {
            let order = GateSimulator(parties: parties, seed: 7).order(of: party, 0, rows: rows)
            let expected = zip(tensors, shapes).map { tensor, shape -> [UInt64] in
                let width = rows == 0 ? 0 : shape.count / rows
                return order.flatMap { tensor[$0 * width..<($0 + 1) * width] }
            }
            try check(
                PermutationGate(party: party, shapes: shapes),
                parties: parties,
                shapes: shapes,
                expected: expected
            ) {
                simulator in zip(tensors, shapes).map { simulator.share($0, shape: $1) }
            }
        }
    }

    @Test("send one party what the others hold, and nothing of its own", arguments: parties)
    func sent(parties: Int) throws {
        let simulator = GateSimulator(parties: parties, seed: 3)
        _ = try simulator.run(
            PermutationGate(party: 1, shapes: [[10, 4]]),
            [simulator.share(numbers(40, seed: 1), shape: [10, 4])]
        )
        let opening = simulator.openings[0].opening
        #expect(simulator.openings.count == 1)
        for sender in 0..<parties {
            for receiver in 0..<parties {
                #expect(opening.words(from: sender, to: receiver) == (receiver == 1 && sender != 1 ? 40 : 0))
            }
        }
        #expect(simulator.corrections.map(\.count) == [40])
    }

    /// Hypothesis: after a turn of each party all 24 orders of four rows are as likely. Chi-square of 23 degrees; false alarm 10^-6, over
    /// four tests.
    @Test("are uniform, each party's alone and of all together", arguments: [2, 3])
    func uniform(parties: Int) throws {
        let (rows, runs) = (4, 4800)
        var counts = [[Int: Int]](repeating: [:], count: 2)
        let kernels = PlainKernels()
        for run in 0..<runs {
            let simulator = GateSimulator(parties: parties, seed: UInt64(0x0D_E200 + run), kernels: kernels)
            var value = simulator.share((0..<rows).map(UInt64.init))
            for party in 0..<parties {
                value = try simulator.run(PermutationGate(party: party, shapes: [[rows]]), [value])[0]
                if party == 0 { counts[0][try name(value), default: 0] += 1 }
            }
            counts[1][try name(value), default: 0] += 1
        }
        for count in counts {
            #expect(count.count == 24)
            let mean = Double(runs) / 24
            let statistic = count.values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) / mean }
            #expect(chiSquareTail(statistic, degrees: 23) > 1e-6 / 4, "\(statistic)")
        }
    }

    private func name(_ order: SimulatedValue) throws -> Int {
        try order.plain().reduce(0) { $0 * 4 + Int($1) }
    }

    @Test("are nobody's own: with other keys of one party alone all of four rows is moved otherwise")
    func everyones() throws {
        // The order of all is that of one party, turned round by what the others do: given theirs it takes every value.
        let rows = 3
        var seen: Set<[UInt64]> = []
        for run in 0..<200 {
            let simulator = GateSimulator(parties: 2, seed: 9) { stream in
                guard stream.purpose == .order(1) else { return nil }
                return .words { words in
                    var random = TestRandom(seed: UInt64(run))
                    return random.words(words.count)
                }
            }
            var value = simulator.share((0..<rows).map(UInt64.init))
            for party in 0..<2 {
                value = try simulator.run(PermutationGate(party: party, shapes: [[rows]]), [value])[0]
            }
            seen.insert(try value.plain())
        }
        #expect(seen.count == 6)
    }
}
