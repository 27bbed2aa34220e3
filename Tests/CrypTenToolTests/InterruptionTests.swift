#if os(Linux)
import Foundation
import Testing

@Suite("An interruption ends everything, says so in one line, and leaves nothing behind", .serialized)
struct InterruptionTests {
    /// Processes of this executable below another process.
    private func children(of parent: Int32) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap(Int32.init).filter { process in
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return false }
            let fields = text[text.index(after: end)...].split(separator: " ")
            return fields.count > 1 && Int32(fields[1]) == parent && fields[0] != "Z"
        }
    }

    private func isThere(_ process: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return !text.contains(") Z ")
    }

    /// Starts a local run, and waits until all its processes are there.
    private func start(
        _ arguments: [String],
        in folder: TemporaryFolder
    ) async throws -> (running: Tool.Running, process: Int32, children: [Int32]) {
        let running = try Tool.start(arguments, in: folder)
        let process = running.process.processIdentifier
        var known: [Int32] = []
        for _ in 0..<4000 where known.count < 3 && running.process.isRunning {
            known = children(of: process).sorted()
            try await Task.sleep(for: .milliseconds(1))
        }
        return (running, process, known)
    }

    private static let soak = ["bench", "lenet_b1", "--soak", "1000000"]

    @Test(
        "Ctrl-C ends a local run with all its processes",
        arguments: [
            (["bench", "resnet18_b1", "--repeat", "50"], SIGINT, Int32(130)),
            (Self.soak, SIGTERM, Int32(143)),
            (["demo", "--parties", "3"], SIGINT, Int32(130)),
        ]
    )
    func local(arguments: [String], signal: Int32, code: Int32) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (running, process, known) = try await start(arguments, in: folder)
        if arguments[0] == "bench" { try await Task.sleep(for: .milliseconds(700)) }
        let moment = ContinuousClock.now
        kill(process, signal)
        let run = try await running.finish()
        let seconds = (ContinuousClock.now - moment) / .seconds(1)
        print(
            "interruption: \(arguments.joined(separator: " ")): code \(run.code) after \(String(format: "%.2f", seconds)) s"
        )
        let name = signal == SIGINT ? "SIGINT" : "SIGTERM"
        #expect(run.code == code)
        #expect(run.stderr == "error: interrupted by \(name): all processes of this run were ended\n")
        #expect(run.stdout.isEmpty)
        #expect(seconds < 5)
        for child in known { #expect(!isThere(child), "process \(child) is left") }
    }

    @Test("a process of a local run that is stopped is ended with it")
    func stoppedChild() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (running, process, known) = try await start(Self.soak, in: folder)
        try #require(known.count == 3)
        kill(known[1], SIGSTOP)
        kill(process, SIGINT)
        #expect(try await running.finish().code == 130)
        for child in known { #expect(!isThere(child), "process \(child) is left") }
    }

    @Test("a process of a local run that is killed is named, and the others end")
    func killedChild() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (running, _, known) = try await start(Self.soak, in: folder)
        try #require(known.count == 3)
        try await Task.sleep(for: .milliseconds(500))
        kill(known[1], SIGKILL)
        let run = try await running.finish()
        #expect(run.code == 1)
        #expect(run.stderr.hasSuffix(" ended unexpectedly (signal 9)\n"))
        #expect(run.stderr.hasPrefix("error: "))
        for child in known { #expect(!isThere(child), "process \(child) is left") }
    }

    @Test("a party by hand that is interrupted tells the others, and writes nothing", arguments: [0, 1, 2])
    func byHand(victim: Int) async throws {
        let members = try Members(parties: 2, options: ["--silence-limit", "1", "--timeout", "20"])
        defer { members.end() }
        try members.startAll(but: [victim == 0 ? 1 : 0])
        let running = try #require(members.running[victim])
        // It is connected with nobody, or not with all, and waits.
        for _ in 0..<1000 where try running.text("stderr").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        members.signal(victim, SIGINT)
        let run = try await running.finish()
        #expect(run.code == 130)
        #expect(run.lastLine.hasPrefix("error: interrupted by SIGINT"))
        #expect(!FileManager.default.fileExists(atPath: members.folder.path("out/logits.npy")))
    }
}
#endif
