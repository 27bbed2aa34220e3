#if os(Linux)
import CrypTenBase
import CrypTenTransport
import Foundation
import NIOCore
import Synchronization
import Testing
import _CrypTenTestSupport

/// Every member is a process, and so is each failure: what the survivors say, and when.
@Suite("When a member fails, every other one ends with an error that says so", .serialized)
struct FailureTests {
    /// In the middle of the run: so many frames of masked values have gone by.
    private static let middle = 9

    /// Once, at the frame that a test chooses.
    private final class Incident: Sendable {
        private let state = Mutex((count: 0, moment: ContinuousClock.Instant?.none))

        var moment: ContinuousClock.Instant? {
            state.withLock(\.moment)
        }

        /// Whether this is the frame, of those that count.
        func comes(at frame: Int) -> Bool {
            state.withLock { state in
                state.count += 1
                guard state.count == frame, state.moment == nil else { return false }
                state.moment = .now
                return true
            }
        }

        func wait() async throws -> ContinuousClock.Instant {
            for _ in 0..<4000 where moment == nil { try await Task.sleep(for: .milliseconds(5)) }
            return try #require(moment, "the run came to the frame at which something happens")
        }
    }

    /// A member that a relay's thread may signal.
    private final class Victim: Sendable {
        private let process = Mutex<Int32>(0)

        func set(_ identifier: Int32) {
            process.withLock { $0 = identifier }
        }

        func signal(_ signal: Int32) {
            let identifier = process.withLock { $0 }
            guard identifier > 0 else { return }
            kill(identifier, signal)
            // A stop takes effect when one of the process's threads has seen it; until then another may do what comes next.
            for _ in 0..<500 where signal == SIGSTOP {
                guard let state = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
                    !state.contains(") T ")
                else { break }
                usleep(1000)
            }
        }
    }

    /// Prints a row of the matrix, and checks what holds for every failure.
    private func check(
        _ what: String,
        _ members: Members,
        _ outcomes: [Members.Outcome],
        survivors: Int,
        among errors: Set<String>,
        within seconds: Double
    ) {
        let row = outcomes.map { "\(members.name(of: $0.member)) \($0.error) \(String(format: "%.2f", $0.seconds)) s" }
        print("failure: \(what), \(members.parties) parties: \(row.joined(separator: ", "))")
        #expect(outcomes.count == survivors, "\(what): every survivor ends; ended have \(row)")
        for outcome in outcomes {
            #expect(!outcome.hasCrashed, "\(what): \(outcome.line)")
            #expect(errors.contains(outcome.error), "\(what): \(members.name(of: outcome.member)) said \(outcome.line)")
            if outcome.member < members.parties, outcome.error != "none" {
                #expect(outcome.code == 1)
                #expect(outcome.line.hasPrefix("error: "))
            }
            #expect(outcome.seconds < seconds, "\(what): \(members.name(of: outcome.member))")
        }
    }

    private func signalInTheMiddle(_ signal: Int32, _ what: String, _ parties: Int, _ victim: Int) async throws {
        let (incident, target) = (Incident(), Victim())
        // The dealer has done its part before the parties are in the middle: it fails when all have asked for the second run.
        let (kind, frame) = victim == parties ? (Frame.Kind.plan, 2 * parties) : (.opening, Self.middle)
        let members = try Members(parties: parties) { header in
            guard header.kind == kind.rawValue, incident.comes(at: frame) else { return .pass }
            target.signal(signal)
            return .pass
        }
        defer { members.end() }
        // The victim first: it is known before anybody can send a frame.
        target.set(try members.start(victim).process.processIdentifier)
        try members.startAll(but: [victim])
        let moment = try await incident.wait()
        let outcomes = try await members.outcomes(without: victim, since: moment)
        check(
            "\(members.name(of: victim)) \(what)",
            members,
            outcomes,
            survivors: parties,
            among: ["peerLost", "partyFailed", "timedOut"],
            within: signal == SIGKILL ? 3 : 5
        )
        let told = outcomes.contains { $0.line.contains(members.name(of: victim)) }
        #expect(told, "somebody says who it was")
        #expect(!FileManager.default.fileExists(atPath: members.folder.path("out/logits.npy")))
    }

    static let everyone = [2, 3].flatMap { parties in (0...parties).map { (parties, $0) } }

    @Test("killed in the middle of a run", arguments: everyone)
    func killed(parties: Int, victim: Int) async throws {
        try await signalInTheMiddle(SIGKILL, "killed in a run", parties, victim)
    }

    @Test("stopped in the middle of a run, a connection half open", arguments: everyone)
    func stopped(parties: Int, victim: Int) async throws {
        try await signalInTheMiddle(SIGSTOP, "stopped in a run, limit 1 s", parties, victim)
    }

    @Test("killed before the others have come", arguments: [(2, 0), (2, 1), (2, 2), (3, 1)])
    func killedBefore(parties: Int, victim: Int) async throws {
        let members = try Members(parties: parties, options: ["--silence-limit", "1", "--timeout", "1.5"])
        defer { members.end() }
        let first = try members.start(victim)
        for _ in 0..<400 where try first.text("stderr").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        members.signal(victim, SIGKILL)
        let moment = ContinuousClock.now
        try members.startAll(but: [victim])
        check(
            "\(members.name(of: victim)) killed before, timeout 1.5 s",
            members,
            try await members.outcomes(without: victim, since: moment),
            survivors: parties,
            among: ["timedOut", "peerLost", "partyFailed"],
            within: 8
        )
    }

    @Test("killed after its last frame, before it said goodbye", arguments: [0, 1, 2])
    func killedAfter(victim: Int) async throws {
        let (incident, target) = (Incident(), Victim())
        let members = try Members(parties: 2) { header in
            // The dealer hears goodbye, and says nothing.
            let isVictims = victim == 2 ? header.recipient == .max : header.sender == UInt16(victim)
            guard header.kind == Frame.Kind.goodbye.rawValue, isVictims, incident.comes(at: 1) else { return .pass }
            target.signal(SIGKILL)
            return .cut
        }
        defer { members.end() }
        target.set(try members.start(victim).process.processIdentifier)
        try members.startAll(but: [victim])
        let moment = try await incident.wait()
        check(
            "\(members.name(of: victim)) killed after its last frame",
            members,
            try await members.outcomes(without: victim, since: moment),
            survivors: 2,
            among: ["none", "peerLost", "partyFailed", "sessionClosed"],
            within: 5
        )
    }

    enum Damage: String, CaseIterable, Sendable {
        case cut, cutInside, frozen
    }

    @Test(
        "a connection that is cut, in a frame or between two, or that carries nothing any more",
        arguments: Damage.allCases
    )
    func damaged(damage: Damage) async throws {
        let incident = Incident()
        let members = try Members(parties: 2) { header in
            guard header.kind == Frame.Kind.opening.rawValue, incident.comes(at: Self.middle) else { return .pass }
            switch damage {
            case .cut: return .cut
            case .cutInside: return .cutInside
            case .frozen: return .freeze
            }
        }
        defer { members.end() }
        try members.startAll()
        let moment = try await incident.wait()
        check(
            "connection \(damage.rawValue)",
            members,
            try await members.outcomes(without: nil, since: moment),
            survivors: 3,
            among: ["timedOut", "peerLost", "partyFailed"],
            within: 5
        )
    }

    @Test(
        "the default limit of ten seconds holds",
        .enabled(if: ProcessInfo.processInfo.environment["CRYPTEN_LONG_TESTS"] != nil)
    )
    func tenSeconds() async throws {
        let (incident, target) = (Incident(), Victim())
        let members = try Members(parties: 2, options: []) { header in
            guard header.kind == Frame.Kind.opening.rawValue, incident.comes(at: Self.middle) else { return .pass }
            target.signal(SIGSTOP)
            return .pass
        }
        defer { members.end() }
        target.set(try members.start(1).process.processIdentifier)
        try members.startAll(but: [1])
        let moment = try await incident.wait()
        check(
            "party 1 stopped, usual limit",
            members,
            try await members.outcomes(without: 1, since: moment),
            survivors: 2,
            among: ["timedOut", "partyFailed"],
            within: 11
        )
    }

    @Test("the dealer outlives a session that fails, says so, and serves the next one")
    func dealerGoesOn() async throws {
        let members = try Members(parties: 2, options: ["--silence-limit", "1", "--timeout", "5"])
        defer { members.end() }
        let dealer = try members.start(2)
        try members.start(1)
        let first = try members.start(0, session: "another")
        _ = try await first.finish()
        for _ in 0..<2000 where !(try dealer.text("stderr").contains("a session has failed")) {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try dealer.text("stderr").contains("a session has failed"))
        if let second = members.running[1] { _ = try await second.finish() }
        let runs = [try members.start(1), try members.start(0)]
        for run in runs { #expect(try await run.finish().code == 0) }
        for _ in 0..<2000 where !(try dealer.text("stderr").contains("a session has ended")) {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(dealer.process.isRunning)
        members.signal(2, SIGTERM)
        let end = try await dealer.finish()
        #expect(end.code == 143)
        #expect(end.lastLine == "error: interrupted by SIGTERM: no session is served any more")
    }

    @Test("other fraction bits, other slab bits, another party count and another session's name are named at both ends")
    func misfits() async throws {
        for (what, more, name, error) in [
            ("other fraction bits", ["--fraction-bits", "12"], "failures", "diverged"),
            ("other slab bits", ["--slab-bits", "18"], "failures", "diverged"),
            ("another session", [], "another", "wrongSession"),
        ] {
            let members = try Members(parties: 2, options: ["--silence-limit", "1", "--timeout", "5"])
            defer { members.end() }
            let moment = ContinuousClock.now
            try members.startAll(but: [1])
            try members.start(1, session: name, more)
            let outcomes = try await members.outcomes(without: nil, since: moment)
            check(what, members, outcomes, survivors: 3, among: [error, "partyFailed", "peerLost"], within: 10)
            #expect(outcomes.contains { $0.error == error })
        }
        // A dealer of three parties.
        let members = try Members(parties: 2, options: ["--silence-limit", "1", "--timeout", "5"])
        defer { members.end() }
        let moment = ContinuousClock.now
        try members.start(2, ["--parties", "3"])
        try members.startAll(but: [2])
        check(
            "a dealer for three parties",
            members,
            try await members.outcomes(without: nil, since: moment),
            survivors: 3,
            among: ["diverged", "partyFailed", "peerLost"],
            within: 10
        )
    }

    @Test("a member of another version is told so by a dealer that waits, and the dealer tells, too")
    func anotherVersion() async throws {
        let members = try Members(parties: 2)
        defer { members.end() }
        let dealer = try members.start(2)
        for _ in 0..<1000 where try dealer.text("stderr").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        let descriptor = FrameRelay.makeSocket()
        defer { close(descriptor) }
        try #require(FrameRelay.connects(descriptor, members.address(of: 2)))
        let payload = [UInt8](repeating: 7, count: 104)
        var frame = Array("CTNF".utf8) + [99, 0, 1, 0, 0, 0, 0xFE, 0xFF, 104, 0, 0, 0]
        frame += [UInt8](repeating: 0, count: FrameHeader.size - frame.count) + payload
        _ = frame.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
        var answer = [UInt8](repeating: 0, count: 4096)
        var heard: [UInt8] = []
        while case let count = recv(descriptor, &answer, answer.count, 0), count > 0 { heard += answer[..<count] }
        #expect(heard.count == FrameHeader.size + AbortMessage.size)
        let told = AbortMessage(decoding: ByteBuffer(bytes: heard.dropFirst(FrameHeader.size)))
        #expect(told.code == .diverged && told.disclosure.reason == .anotherVersion)
        for _ in 0..<1000 where !(try dealer.text("stderr").contains("a session has failed")) {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try dealer.text("stderr").contains("install the same release everywhere"))
        #expect(dealer.process.isRunning)
    }

    @Test("a port in use, and a number that is used twice")
    func taken() async throws {
        let members = try Members(parties: 2, options: ["--silence-limit", "1", "--timeout", "3"])
        defer { members.end() }
        let first = try members.start(0)
        for _ in 0..<1000 where try first.text("stderr").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        try await Task.sleep(for: .milliseconds(200))
        let second = try await members.start(0).finish()
        #expect(second.code == 1)
        #expect(second.lastLine.contains("something else listens on \(members.address(of: 0)): choose another port"))
        #expect(try await first.finish().lastLine.contains("not all members of the session came in time; missing: "))
    }
}
#endif
