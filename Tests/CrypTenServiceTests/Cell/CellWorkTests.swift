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
}
