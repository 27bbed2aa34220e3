#if os(Linux)
import CrypTenTransport
import Foundation
import Synchronization
import Testing
import _CrypTenTestSupport

/// The members of one inference, each a process that was started by hand, with relays between any two of them.
final class Members {
    let parties: Int
    let folder: TemporaryFolder
    private(set) var running: [Int: Tool.Running] = [:]
    private var relays: [FrameRelay] = []
    private let addresses: [String]
    private let called: [String]
    private let options: [String]

    /// Nobody is started; the dealer is the last member, and `judge` says what becomes of each frame but heartbeats.
    init(
        parties: Int,
        options: [String] = ["--silence-limit", "1"],
        judge: (@Sendable (FrameHeader) -> FrameRelay.Verdict)? = nil
    ) throws {
        self.parties = parties
        self.options = options
        folder = try TemporaryFolder()
        addresses = try FreePorts.find(parties + 1)
        if let judge {
            relays = try addresses.map { address in
                try FrameRelay(to: address) { header, _, _ in
                    header.kind == Frame.Kind.heartbeat.rawValue ? .pass : judge(header)
                }
            }
            called = relays.map(\.address)
        } else {
            called = addresses
        }
    }

    /// Where a member listens.
    func address(of member: Int) -> String {
        addresses[member]
    }

    /// Starts a member of the session `name`, with `more` options.
    @discardableResult
    func start(_ member: Int, session name: String = "failures", _ more: [String] = []) throws -> Tool.Running {
        let place = TemporaryFolder(url: folder.url.appendingPathComponent("\(member)-\(running.count)"))
        try FileManager.default.createDirectory(at: place.url, withIntermediateDirectories: true)
        var arguments: [String]
        if member == parties {
            arguments = ["dealer", "--listen", addresses[member], "--parties", "\(parties)"]
        } else {
            let list = (0..<parties).map { $0 == member ? addresses[$0] : called[$0] }
            arguments = [
                "party", "--id", "\(member)", "--parties", list.joined(separator: ","), "--dealer", called[parties],
                "--session", name,
            ]
            if member == 0 {
                arguments += ["--input", Tool.fixture("x_test.npy"), "--output-dir", folder.path("out")]
            }
            if member == 1 { arguments += ["--model", Tool.fixture("mlp.onnx")] }
        }
        let member = (member, try Tool.start(arguments + options + more, in: place))
        running[member.0] = member.1
        return member.1
    }

    /// Starts all but some, the dealer first.
    func startAll(but missing: Set<Int> = []) throws {
        for member in (0...parties).reversed() where !missing.contains(member) { try start(member) }
    }

    /// Sends a signal to a member.
    func signal(_ member: Int, _ signal: Int32) {
        if let running = running[member] { kill(running.process.processIdentifier, signal) }
    }

    /// Ends whatever runs, and removes what was written.
    func end() {
        for member in running.keys {
            if running[member]?.process.isRunning == true { signal(member, SIGKILL) }
        }
        for relay in relays { relay.close() }
        folder.remove()
    }

    /// How a member's part ended: a party's process, or the dealer's session.
    struct Outcome {
        var member: Int
        /// The exit code of a party; nil for one that goes on, and for the dealer, which goes on.
        var code: Int32?
        /// The last thing that it said.
        var line: String
        /// From the incident on.
        var seconds: Double
        /// The outcome of a member that ended by a signal that it doesn't take is no outcome.
        var hasCrashed = false
    }

    /// Waits until all members but the victim have ended, or, the dealer, have reported the end of a session.
    func outcomes(
        without victim: Int?,
        since incident: ContinuousClock.Instant,
        limit: Duration = .seconds(30)
    ) async throws -> [Outcome] {
        var outcomes: [Int: Outcome] = [:]
        let waited = running.filter { $0.key != victim }
        while outcomes.count < waited.count, ContinuousClock.now - incident < limit {
            for (member, run) in waited where outcomes[member] == nil {
                let said = try run.text("stderr")
                let hasEnded = !run.process.isRunning
                let hasReported = member == parties && said.contains("a session has")
                guard hasEnded || hasReported else { continue }
                outcomes[member] = Outcome(
                    member: member,
                    code: hasEnded ? run.process.terminationStatus : nil,
                    line: try run.text("stderr").split(separator: "\n").last.map(String.init) ?? "",
                    seconds: (ContinuousClock.now - incident) / .seconds(1),
                    hasCrashed: hasEnded && run.process.terminationReason != .exit
                )
            }
            try await Task.sleep(for: .milliseconds(3))
        }
        return outcomes.values.sorted { $0.member < $1.member }
    }

    func name(of member: Int) -> String {
        member == parties ? "the dealer" : "party \(member)"
    }
}

extension Members.Outcome {
    /// The code of the error that its last line tells, as its wording shows.
    var error: String {
        let known = [
            ("was silent for", "timedOut"), ("not all members", "timedOut"), ("gave up", "partyFailed"),
            ("ended without a goodbye", "peerLost"), ("ended in the middle", "peerLost"),
            ("hung up during the handshake", "peerLost"), ("hung up before the session began", "peerLost"),
            ("different sessions", "wrongSession"),
            ("each number can be used once", "wrongSession"), ("each can be used once", "wrongSession"),
            ("counts", "diverged"), ("different numbers of parties", "diverged"),
            ("all must have the same", "diverged"),
            ("give all members the same", "diverged"), ("install the same release", "diverged"),
            ("something else listens", "addressInUse"), ("a session has ended", "none"),
            ("interrupted by", "interrupted"), ("has closed the session", "sessionClosed"),
        ]
        if code == 0 { return "none" }
        let first = known.compactMap { text, name in line.range(of: text).map { ($0.lowerBound, name) } }
        return first.min { $0.0 < $1.0 }?.1 ?? "unnamed"
    }
}
#endif
