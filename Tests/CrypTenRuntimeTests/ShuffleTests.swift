import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing
import _CrypTenTestSupport

/// Rows in an order that no party knows.
@Suite("Shuffled rows")
struct ShuffleTests {
    private static let rows = 40

    /// Numbers of either sign with all fraction bits, and the number of their row beside them.
    private static func table(_ columns: Int, fractionBits: Int) -> Tensor {
        var random = TestRandom(seed: UInt64(columns))
        let unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        return Tensor(
            (0..<rows * columns).map { _ in Double(Int64(bitPattern: random.next()) >> 36) * unit },
            shape: [rows, columns]
        )
    }

    private static let numbers = Tensor((0..<rows).map { Int64($0) << 40 - 3 }, shape: [rows])

    @Test("are the rows, all tensors' in one order, bit for bit", arguments: [2, 3, 5], [6, 16, 20])
    func exact(parties: Int, fractionBits: Int) async throws {
        var configuration = SessionConfiguration()
        configuration.fractionBits = fractionBits
        let (x, y) = (Self.table(3, fractionBits: fractionBits), Self.table(2, fractionBits: fractionBits))
        let told = try await withLocalParties(parties, configuration: configuration) { session -> [Tensor]? in
            let a = try await session.input(from: .party(0)) { x }
            let b = try await session.input(from: .party(1)) { y }
            let c = try await session.input(from: .party(parties - 1)) { Self.numbers }
            // One that is kept with more fraction bits, too.
            let wide = min(fractionBits + 4, 20)
            let fine = try await session.evaluate([b * (1 / 3.0)], fractionBits: wide).kept[0]
            let shuffled = try await session.evaluate(try await session.shuffled(rows: [a, c, fine]))
            return try await session.reveal(shuffled + [fine], to: .all)
        }
        for told in told {
            let told = try #require(told)
            let order = try #require(told[1].integers).map { Int(($0 + 3) >> 40) }
            #expect(order.sorted() == Array(0..<Self.rows) && order != Array(0..<Self.rows))
            #expect(told[0].doubles == x.rows(order).doubles)
            #expect(told[2].doubles == told[3].rows(order).doubles)
            // It has bits that the session's numbers don't have.
            let unit = Double(1 << fractionBits)
            #expect(fractionBits >= 20 || told[3].doubles.contains { $0 * unit != ($0 * unit).rounded() })
        }
    }

    @Test("cost a round a party, in which all others send it 8 bytes an element, and 8 dealt", arguments: [2, 3, 5])
    func cost(parties: Int) async throws {
        let spent = try await withLocalParties(parties) { session -> [Int] in
            let x = try await session.input(from: .party(0)) { Self.table(25, fractionBits: 16) }
            let y = try await session.input(from: .party(1)) { Self.numbers }
            let held = try await session.hold([x, y])
            let shuffled = try await session.shuffled(rows: held)
            let planned = try await session.costOfKeeping(shuffled)
            let before = try await session.statistics
            _ = try await session.evaluate(shuffled)
            let after = try await session.statistics - before
            #expect(planned.onlineBytes[session.party.index] == after.onlineBytes)
            #expect(planned.rounds == after.rounds)
            return [after.rounds, after.onlineBytes, after.dealerBytes]
        }
        let elements = Self.rows * 26
        for (party, spent) in spent.enumerated() {
            #expect(spent[0] == parties)
            // In the turns of all others, one frame each.
            let payload = 8 * elements * (parties - 1)
            #expect((payload + 1...payload + 64 * (parties - 1)).contains(spent[1]), "\(spent[1]) of \(payload)")
            let dealt = 8 * elements * parties
            #expect(
                party < parties - 1 ? spent[2] == 0 : (dealt + 1...dealt + 64).contains(spent[2]),
                "\(spent[2]) of \(dealt)"
            )
        }
    }

    @Test("have another order each time, and one order whoever reads them in a run")
    func drawn() async throws {
        let told = try await withLocalParties(2) { session -> [[Int64]] in
            let c = try await session.input(from: .party(0)) { Self.numbers }
            let first = try await session.shuffled(rows: [c])[0]
            let second = try await session.shuffled(rows: [c, c])
            let told = try await session.reveal([first + 0, second[0], second[1] - 1, first], to: .all)
            await #expect(throws: CrypTenError.self) { try await session.reveal(first, to: .all) }
            return told?.compactMap(\.integers) ?? []
        }[0]
        #expect(told[0] == told[3] && told[1] == told[2].map { $0 + 1 })
        #expect(told[0] != told[1] && told[0].sorted() == told[1].sorted())
    }

    @Test("of what can't be shuffled are named errors before anything is sent")
    func errors() async throws {
        let messages = try await withLocalParties(2) { session -> [String] in
            let x = try await session.input(from: .party(0)) { Self.table(2, fractionBits: 16) }
            let bits = x .< 0.0
            let other = x.rows([0, 1])
            let all = [
                try await session.shuffled(rows: [x, bits]), try await session.shuffled(rows: [x, other]),
                try await session.shuffled(rows: [x.sum()]),
            ]
            return all.map { $0[0].error?.message ?? "" }
        }[0]
        #expect(messages[0].contains("shuffle can't take") && messages[0].contains("toInteger()"))
        #expect(messages[1].contains("[40, 2] and [2, 2]: all need as many rows"))
        #expect(messages[2].contains("all need as many rows"))
    }

    @Test("end the path of a gradient, which names them")
    func path() async throws {
        let message = try await withLocalParties(2) { session -> String in
            let x = try await session.input(from: .party(0)) { Self.table(2, fractionBits: 16) }
            let shuffled = try await session.shuffled(rows: [x])[0]
            return gradient(of: (shuffled * shuffled).sum(), withRespectTo: [x])[0].error?.message ?? ""
        }[0]
        #expect(message.contains("shuffle"), "\(message)")
    }

    @Test("in the clear are rows in the order that is given")
    func clear() throws {
        let session = SessionIdentity()
        let node = Node(
            source: .input(owner: PartyID(0), number: 0),
            shape: [3, 2],
            kind: .real,
            visibility: .secret,
            session: session
        )
        let parts = [
            Node(.shuffle(part: 0, number: 0), [node, node]), Node(.shuffle(part: 1, number: 0), [node, node]),
        ]
        let values = try ClearEvaluator { node in
            if case .shuffle = node.operation { return Tensor([2, 0, 1] as [Int64], shape: [3]) }
            return Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2])
        }.evaluate(parts)
        #expect(values.allSatisfy { $0.doubles == [5, 6, 1, 2, 3, 4] })
    }

    @Test("are followed by a checked session, whatever is made of them", arguments: [2, 3])
    func checked(parties: Int) async throws {
        let reports = try await withInsecureCheckedParties(parties) { session -> [String] in
            let x = try await session.input(from: .party(0)) {
                // Rows that are equal once they are encoded, and numbers that aren't multiples of a unit.
                Tensor((0..<Self.rows * 2).map { Double($0 / 4) / 7 }, shape: [Self.rows, 2])
            }
            let y = try await session.input(from: .party(1)) { Self.numbers }
            let shuffled = try await session.shuffled(rows: [x, y])
            let again = try await session.shuffled(rows: shuffled)
            let report = try await session.check([(again[0] * again[0]).sum(axis: 1), again[1], shuffled[0] * 2.0])
            return report.violations.map(\.message)
        }
        for report in reports { #expect(report.isEmpty, "\(report)") }
    }

    @Test("take the time that is predicted round by round")
    func predicted() async throws {
        let rounds = try await withLocalParties(2) { session -> Int in
            let x = try await session.input(from: .party(0)) { Self.table(4, fractionBits: 16) }
            let shuffled = try await session.shuffled(rows: [x])
            let prediction = try await session.predict(shuffled[0], on: .lan)
            #expect(prediction.seconds > 0)
            return try await session.cost(of: shuffled[0]).rounds
        }[0]
        #expect(rounds == 4, "an input, two turns, one to tell")
    }
}
