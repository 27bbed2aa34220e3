import CrypTenBase
import Testing

extension CellFaultTests {
    @Test(
        "what members do for a request, and in which order, says nothing of its numbers",
        arguments: [2, 3]
    )
    func work(parties: Int) async throws {
        let cell = try ThreadCell(parties: parties)
        try cell.start()
        let end = ContinuousClock.now + .seconds(20)
        while try await cell.ask([0, 0, 0, 0]) == .lost(["restarting"]), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        // Runs of one row are prepared meanwhile; those of four aren't.
        try await Task.sleep(for: .milliseconds(300))
        let zeros = [Double](repeating: 0, count: 16)
        let others = (0..<16).map { Double($0 % 5) - 2.5 }
        // The first run of a form brings its plan to the dealer.
        _ = try await cell.ask(others)
        var works: [[[String]]] = []
        for x in [zeros, others, others, zeros, [Double](repeating: -4, count: 16), zeros] {
            _ = cell.takeSent()
            guard case .answer = try await cell.ask(x) else {
                Issue.record("the cell serves")
                continue
            }
            // Between runs the parties say now and then that nothing is to do, at whichever time.
            // What binds a run goes to the dealer in decimal digits, more or fewer of them with each run.
            let sent = cell.takeSent().map { $0.filter { !$0.hasPrefix("control ") } }
            works.append(sent.map { $0.map { $0.hasPrefix("plan ") ? "plan" : $0 } })
        }
        #expect(Set(works).count == 1, "\(works.first { $0 != works[0] } ?? []) is another work than \(works[0])")
        let rounds = works[0].dropLast().map { $0.count { $0.hasPrefix("opening ") } }
        #expect(rounds.allSatisfy { $0 >= parties - 1 } && works[0][parties].contains { $0.hasPrefix("correction ") })
        await cell.stop()
    }

    @Test(
        "a cell of two without a dealer answers, from runs that it has prepared and from others, also after a party was lost"
    )
    func withoutDealer() async throws {
        let cell = try ThreadCell(parties: 2, hasDealer: false)
        try cell.start()
        let x = (0..<16).map { Double($0 % 5) / 2 - 1 }
        for turn in 0..<2 {
            for rows in [1, 4, 4] {
                let asked = Array(x.prefix(4 * rows))
                let end = ContinuousClock.now + .seconds(20)
                var outcome = try await cell.ask(asked)
                while case .lost = outcome, ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(5))
                    outcome = try await cell.ask(asked)
                }
                guard case .answer(let values) = outcome else {
                    Issue.record("the cell serves: \(outcome)")
                    continue
                }
                let expected = (0..<rows).flatMap { ThreadCell.clear(Array(asked[4 * $0..<4 * $0 + 4])) }
                #expect(values.count == expected.count)
                #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-3 }, "\(values) \(expected)")
            }
            if turn == 0 { cell.kill(.party(PartyID(1))) }
        }
        await cell.stop()
    }
}
