import CrypTenBase
import CrypTenTransport
import Foundation
import _CrypTenTestSupport

/// What became of one run with a fault.
struct WalkedCase: Sendable {
    var what: String
    var outcomes: [Role: MemberOutcome]
    /// When the fault happened; nil if its frame never came.
    var happened: ContinuousClock.Instant?
    /// With which codes a member may end.
    var codes: Set<CrypTenError.Code>
    /// Whether all must have the right result.
    var isHarmless = false
    /// How soon all must have ended.
    var limit: Duration
}

/// Runs many cases, some at a time, and adds up how they end.
struct FaultWalk: Sendable {
    private(set) var right = 0
    private(set) var named = 0
    /// Runs to an end in which the chosen frame never came; they are counted as the others are.
    private(set) var unmet = 0
    private(set) var problems: [String] = []
    private(set) var slowest = (seconds: 0.0, what: "none")
    private(set) var codes: [CrypTenError.Code: Int] = [:]

    /// Runs cases, so many at the same time.
    mutating func run<Case: Sendable>(
        _ cases: [Case],
        atOnce width: Int,
        _ body: @escaping @Sendable (Case) async throws -> WalkedCase
    ) async throws {
        try await withThrowingTaskGroup(of: WalkedCase.self) { group in
            for (index, one) in cases.enumerated() {
                if index >= width, let ended = try await group.next() { add(ended) }
                group.addTask { try await body(one) }
            }
            for try await ended in group { add(ended) }
        }
    }

    private mutating func add(_ ended: WalkedCase) {
        if ended.happened == nil { unmet += 1 }
        if ended.outcomes.values.allSatisfy(\.isRight) { right += 1 } else { named += 1 }
        for outcome in ended.outcomes.values {
            if let code = outcome.code { codes[code, default: 0] += 1 }
        }
        let seconds = ended.happened.map { happened in
            (ended.outcomes.values.map { $0.moment - happened }.max() ?? .zero) / .seconds(1)
        }
        if let seconds, seconds > slowest.seconds { slowest = (seconds, ended.what) }
        let wrong = complaints(ended, seconds: seconds ?? 0)
        guard !wrong.isEmpty else { return }
        let ends = ended.outcomes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.label)" }
        problems.append("\(ended.what): \(wrong.joined(separator: "; ")). \(ends.joined(separator: " | "))")
    }

    private func complaints(_ ended: WalkedCase, seconds: Double) -> [String] {
        var wrong: [String] = []
        if ended.isHarmless || ended.happened == nil && ended.codes.isEmpty,
            !ended.outcomes.values.allSatisfy(\.isRight)
        {
            wrong.append("nothing was wrong")
        }
        for (role, outcome) in ended.outcomes {
            switch outcome.end {
            case .right: break
            case .wrong: wrong.append("\(role) has a wrong result")
            case .unnamed: wrong.append("\(role) has an error without a name")
            case .failed(let error):
                if !ended.codes.contains(error.code) { wrong.append("\(role) ended with \(error.code)") }
            }
            if !outcome.usableAfterFailure.isEmpty {
                wrong.append("\(role) could still use \(outcome.usableAfterFailure)")
            }
        }
        // Where nobody had finished, somebody must have seen it, and not only have been told.
        if ended.outcomes.values.allSatisfy({ $0.code == .partyFailed }) {
            wrong.append("nobody says what has happened")
        }
        if seconds > ended.limit / .seconds(1) { wrong.append("it took \(seconds) s") }
        return wrong
    }

    /// Cases and how they ended, for the test's log.
    func summary(of name: String) -> String {
        let names = codes.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return """
            \(name): \((right + named).grouped) cases: \(right.grouped) right results, \(named.grouped) named errors\
             (\(unmet.grouped) whose frame did not come; members ended with \(names); \
            the slowest took \(String(format: "%.2f", slowest.seconds)) s, \(slowest.what))
            """
    }
}

extension Int {
    /// With commas: 1,234.
    fileprivate var grouped: String {
        let digits = Array("\(self)")
        return digits.enumerated().map { index, digit in
            index > 0 && (digits.count - index) % 3 == 0 ? ",\(digit)" : "\(digit)"
        }.joined()
    }
}

extension Array {
    /// Some elements, chosen by a seed; all if there are no more.
    func sample(_ count: Int, seed: UInt64) -> [Element] {
        var random = TestRandom(seed: seed)
        var rest = self
        var chosen: [Element] = []
        while chosen.count < count, !rest.isEmpty {
            chosen.append(rest.remove(at: Int(random.next() % UInt64(rest.count))))
        }
        return chosen
    }
}

extension [[DirectedLink: [SeenFrame]]] {
    /// The frames of several undisturbed runs: on each link those of the run that had the most.
    ///
    /// All runs have the same; only who says goodbye first, and so gets no goodbye, is chance.
    func union() -> [DirectedLink: [SeenFrame]] {
        reduce(into: [:]) { union, seen in
            union.merge(seen) { $0.count >= $1.count ? $0 : $1 }
        }
    }
}
