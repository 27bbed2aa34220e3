import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import Testing

/// Rows of kept values, which are an operand of the run.
@Suite("Rows of what a session keeps")
struct RowTests {
    private static let table = Tensor((0..<24).map { Double($0) / 4 - 2 }, shape: [6, 4])

    @Test(
        "rows of masked values, of shares and of bits are those of the tensor, in any order and twice",
        arguments: [2, 3]
    )
    func forms(parties: Int) async throws {
        let rows = [4, 0, 4, 5]
        let told = try await withLocalParties(parties) { session -> [Tensor]? in
            let x = try await session.input(from: .party(0)) { Self.table }
            let y = try await session.input(from: .party(1)) { Tensor(Self.table.doubles.map { -$0 }, shape: [6, 4]) }
            let wires = try await session.hold([x, concatenate([x, y], axis: 0)])
            // A product ends as a share, a comparison as bits; 20 of them leave no word of bits whole.
            let kept = try await session.evaluate([wires[0] * 2.5, wires[0] .< 0.3, (wires[0] * wires[0])])
            return try await session.reveal(
                [
                    wires[0].rows(rows) * 1.0, wires[1].rows([11, 1]).square(), kept[0].rows(rows), kept[1].rows(rows),
                    kept[2].rows([-1]),
                ],
                to: .all
            )
        }
        func expected(_ function: (Double) -> Double, _ rows: [Int]) -> [Double] {
            rows.flatMap { row in Self.table.doubles[row * 4..<row * 4 + 4].map(function) }
        }
        for tensors in told {
            let tensors = try #require(tensors)
            let wanted = [
                expected({ $0 }, rows), expected({ $0 * $0 }, [5, 1]), expected({ $0 * 2.5 }, rows),
                expected({ $0 < 0.3 ? 1 : 0 }, rows), expected({ $0 * $0 }, [5]),
            ]
            for (tensor, wanted) in zip(tensors, wanted) {
                #expect(zip(tensor.doubles, wanted).allSatisfy { abs($0 - $1) <= 1e-3 }, "\(tensor) \(wanted)")
            }
        }
    }

    @Test("runs on other rows have one plan, and send nothing for them", arguments: [2, 3])
    func onePlan(parties: Int) async throws {
        let told = try await withLocalParties(parties) { session -> [SessionStatistics] in
            let x = try await session.input(from: .party(0)) { Self.table }
            let held = try await session.hold([x])[0]
            var spent: [SessionStatistics] = []
            for rows in [[0, 1], [5, 3], [2, 2], [4, 1, 0]] {
                let before = try await session.statistics
                _ = try await session.reveal(held.rows(rows).square().sum(), to: .all)
                spent.append(try await session.statistics - before)
            }
            return spent
        }
        for spent in told {
            #expect(spent.map(\.plans) == [1, 0, 0, 1], "three rows have a plan of their own")
            #expect(spent.map(\.rounds) == [2, 2, 2, 2], "one opening for a truncation, and one to tell")
            #expect(spent[1].onlineBytes == spent[0].onlineBytes && spent[2].onlineBytes == spent[0].onlineBytes)
        }
    }

    @Test("rows of rows, and rows of what isn't kept, are rows")
    func nested() async throws {
        let told = try await withLocalParties(2) { session -> [Tensor]? in
            let x = try await session.input(from: .party(0)) { Self.table }
            let held = try await session.hold([x])[0]
            return try await session.reveal([held.rows([5, 0, 3]).rows([2, 0]), (x * 2.0).rows([1])], to: .all)
        }
        for tensors in told {
            #expect(tensors?[0].doubles == Array(Self.table.doubles[12..<16] + Self.table.doubles[20..<24]))
            #expect(tensors?[1].doubles == Self.table.doubles[4..<8].map { $0 * 2 })
        }
    }

    @Test("a row that there isn't is an error before anything is sent")
    func strangers() async throws {
        let messages = try await withLocalParties(2) { session -> [String] in
            let x = try await session.input(from: .party(0)) { Self.table }
            let held = try await session.hold([x])[0]
            return [held.rows([0, 6]), held.rows([-7]), held.sum().rows([0])].map { $0.error?.message ?? "" }
        }
        for message in messages {
            #expect(message[0].hasPrefix("there is no row 6 of shape [6, 4]"))
            #expect(message[1].hasPrefix("there is no row -7 of shape [6, 4]"))
            #expect(message[2].hasPrefix("a tensor of one number has no rows"))
        }
    }

    @Test("parties that take other rows are told so, and no run is made of them")
    func diverging() async throws {
        let error = await #expect(throws: CrypTenError.self) {
            _ = try await withLocalParties(2) { session in
                let x = try await session.input(from: .party(0)) { Self.table }
                let held = try await session.hold([x])[0]
                return try await session.reveal(held.rows([session.party.index, 2]), to: .all)
            }
        }
        #expect(error?.code == .diverged, "\(error.map(String.init(describing:)) ?? "")")
    }

    @Test("runs that are dealt ahead are used on the rows that they were dealt for, and on no others")
    func prepared() async throws {
        let told = try await withLocalParties(2) { session -> (values: [Double], prepared: [Int]) in
            let x = try await session.input(from: .party(0)) { Self.table }
            let held = try await session.hold([x])[0]
            func sum(_ rows: [Int]) -> CrypTensor { held.rows(rows).square().sum() }
            try await session.prepare([sum([1, 2])], revealingTo: .all, runs: 1)
            var (values, prepared): ([Double], [Int]) = ([], [])
            for rows in [[3, 4], [1, 2]] {
                values.append(try await session.reveal(sum(rows), to: .all)!.doubles[0])
                prepared.append(try await session.statistics.preparedRuns)
            }
            return (values, prepared)
        }
        for (values, prepared) in told {
            func expected(_ rows: Range<Int>) -> Double {
                Self.table.doubles[rows.lowerBound * 4..<rows.upperBound * 4].reduce(0) { $0 + $1 * $1 }
            }
            #expect(abs(values[0] - expected(3..<5)) < 1e-3 && abs(values[1] - expected(1..<3)) < 1e-3)
            #expect(prepared == [1, 0])
        }
    }

    @Test("a checked session follows rows, and names what leaves its range")
    func checked() async throws {
        let values = try await withInsecureCheckedParties(2) { session -> Tensor? in
            let x = try await session.input(from: .party(0)) { Self.table }
            let held = try await session.hold([x])[0]
            let kept = try await session.evaluate([held * 3.0, held .< 0.0])
            return try await session.reveal(kept[0].rows([5]).where(kept[1].rows([0]), otherwise: 7.0), to: .all)
        }
        #expect(values[0]?.doubles.map { ($0 * 100).rounded() / 100 } == Self.table.doubles[20..<24].map { $0 * 3 })
    }

    @Test("the dealer refuses rows that a kept value doesn't have, and shapes that don't fit them")
    func dealer() throws {
        let interface = PlanInterface(
            reads: [PlanInterface.Kept(form: .share, shape: [2, 4])],
            keeps: []
        )
        func outcome(_ rows: [Int]?, kept: Shape) throws -> CrypTenError.Code? {
            var machine = DealerStateMachine(parties: 1, window: 1000)
            func request(_ run: UInt64, _ plan: UInt8, _ reads: [KeptRead], _ keeps: [Int]) throws -> RunRequest {
                let binding = RunBinding(
                    fingerprint: "plan \(plan)",
                    run: run,
                    keptInputs: reads,
                    keptOutputs: keeps,
                    released: [],
                    use: .now(OperandBinding(inputs: [], plainDigests: []))
                )
                return try RunRequest(plan: [plan], binding: binding)
            }
            let keeping = PlanInterface(reads: [], keeps: [PlanInterface.Kept(form: .share, shape: kept)])
            _ = machine.requested(try request(1, 1, [], [0]), by: .party(0), plan: (keeping, 100))
            _ = machine.dealt(machine.credit)
            let action = machine.requested(
                try request(2, 2, [KeptRead(0, rows: rows)], []),
                by: .party(0),
                plan: (interface, 100)
            )
            if case .fail(let error) = action { return error.code }
            return nil
        }
        #expect(try outcome([5, 0], kept: [6, 4]) == nil)
        #expect(try outcome(nil, kept: [2, 4]) == nil)
        #expect(try outcome([5, 6], kept: [6, 4]) == .diverged)
        #expect(try outcome([5, -1], kept: [6, 4]) == .diverged)
        #expect(try outcome([5, .max], kept: [6, 4]) == .diverged)
        #expect(try outcome([5], kept: [6, 4]) == .diverged)
        #expect(try outcome([0, 1], kept: [6, 3]) == .diverged)
        #expect(try outcome(nil, kept: [6, 4]) == .diverged)
        #expect(try outcome([0, 0], kept: [8]) == .diverged)
        // More elements than a shape can have.
        #expect(try outcome([Int](repeating: 0, count: 1 << 13), kept: [1, 1 << 28]) == .diverged)
    }
}
