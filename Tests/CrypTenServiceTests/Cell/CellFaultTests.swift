import CrypTenBase
import CrypTenSharing
import CrypTenTransport
import NIOConcurrencyHelpers
import Testing
import _CrypTenTestSupport

/// Members of a cell are torn down at each moment of its life while clients ask, and all that they expand is written down over all sessions.
@Suite("Cells of threads", .serialized)
struct CellFaultTests {
    /// What a request may be refused with that a lost member has taken along; `connection` is what the member itself leaves.
    private static let named: Set<String> = ["restarting", "incomplete", "epoch", "answered", "connection"]

    private struct Counts {
        var answers = 0
        var wrong: [String] = []
        var lost: [String: Int] = [:]
        var unnamed: [[String]] = []
        /// Requests of which every party said that it has answered, and they don't fit.
        var split = 0
    }

    @Test(
        "whoever is lost, and when: no word serves twice, no answer is wrong, every lost request is named",
        arguments: [2, 3]
    )
    func killed(parties: Int) async throws {
        let cell = try ThreadCell(parties: parties)
        try cell.start()
        let counts = NIOLockedValueBox(Counts())
        let isOver = NIOLockedValueBox(false)
        let clients = (0..<3).map { client in
            Task {
                var step = client * 1000
                while !isOver.withLockedValue({ $0 }) {
                    step += 1
                    let rows = step % 3 == 0 ? 3 : 1
                    let x = (0..<4 * rows).map { Double((step * 7 + $0 * 5) % 33) / 8 - 2 }
                    let outcome = try await cell.ask(x)
                    let expected = (0..<rows).flatMap { ThreadCell.clear(Array(x[4 * $0..<4 * $0 + 4])) }
                    counts.withLockedValue { counts in
                        switch outcome {
                        case .answer(let y):
                            counts.answers += 1
                            let isRight =
                                y.count == expected.count && zip(y, expected).allSatisfy { abs($0 - $1) < 1e-3 }
                            if !isRight { counts.wrong.append("\(x): \(y), not \(expected)") }
                        case .lost(let codes):
                            for code in codes { counts.lost[code, default: 0] += 1 }
                            if !codes.allSatisfy(Self.named.contains) { counts.unnamed.append(codes) }
                            if codes.allSatisfy({ $0 == "answered" }) { counts.split += 1 }
                        }
                    }
                    if case .lost = outcome { try await Task.sleep(for: .milliseconds(10)) }
                }
            }
        }
        func answers(_ more: Int, within limit: Duration = .seconds(20)) async throws -> Bool {
            let (goal, end) = (counts.withLockedValue { $0.answers } + more, ContinuousClock.now + limit)
            while counts.withLockedValue({ $0.answers }) < goal, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(2))
            }
            return counts.withLockedValue { $0.answers } >= goal
        }
        #expect(try await answers(20), "the cell serves")
        var planned: [Phase: Int] = [:]
        for round in 0..<3 {
            for phase in Phase.allCases {
                for role in Role.all(partyCount: parties) where phase != .reply || role != .dealer {
                    cell.killing.arm(role, phase, sparing: phase == .join ? 0 : round)
                    planned[phase, default: 0] += 1
                    let end = ContinuousClock.now + .seconds(20)
                    var next = ContinuousClock.now
                    while cell.killing.isArmed, ContinuousClock.now < end {
                        // A session is made because a member was lost.
                        if phase == .join || phase == .mask, ContinuousClock.now >= next {
                            cell.kill(.party(PartyID(round % parties)))
                            next = .now + .seconds(4)
                        }
                        try await Task.sleep(for: .milliseconds(1))
                    }
                    #expect(!cell.killing.isArmed, "\(role) comes to \(phase)")
                    #expect(try await answers(4), "the cell serves again after \(role) was lost at \(phase)")
                }
            }
        }
        isOver.withLockedValue { $0 = true }
        for client in clients { try await client.value }
        let result = counts.withLockedValue { $0 }
        #expect(cell.killing.fired == planned)
        #expect(result.wrong == [], "\(result.answers) answers")
        #expect(result.unnamed == [] && result.split == 0, "\(result.lost)")
        #expect(result.lost["restarting", default: 0] + result.lost["connection", default: 0] > 0)
        for (role, audit) in cell.audits.enumerated() {
            #expect(audit.repeated.isEmpty, "role \(role) expanded \(audit.repeated.count) streams twice")
            #expect(audit.keys.count > planned.values.reduce(0, +), "the audit saw every session")
        }
        await cell.stop()
    }
}
