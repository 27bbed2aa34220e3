#if os(Linux)
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("A process shows nothing of its memory", .serialized)
struct SecrecyTests {
    /// A dealer that waits for parties, started by hand with the runtime's crash reports asked for.
    private func startDealer(in folder: TemporaryFolder, by starter: [String] = []) async throws -> Tool.Running {
        let address = try FreePorts.find(1)[0]
        let running = try Tool.start(
            ["dealer", "--listen", address, "--parties", "2"],
            in: folder,
            environment: ["SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no"],
            by: starter
        )
        // It says where it listens: so it has begun.
        for _ in 0..<2000 where running.process.isRunning {
            if try !running.text("stderr").isEmpty { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        return running
    }

    @Test(
        "a crash prints no registers and no memory, whatever the environment says",
        arguments: [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT]
    )
    func crash(signal: Int32) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let running = try await startDealer(in: folder)
        let before = try running.text("stderr")
        #expect(!before.isEmpty)
        kill(running.process.processIdentifier, signal)
        let run = try await running.finish()
        #expect(running.process.terminationReason == .uncaughtSignal)
        #expect(run.code == signal)
        #expect(run.stderr == before, "nothing is added to what it had said")
        #expect(run.stdout.isEmpty)
    }

    @Test("no member may write a core file")
    func coreSize() async throws {
        let members = try Members(parties: 2, options: ["--timeout", "20"])
        defer { members.end() }
        try members.startAll(but: [1])
        for (member, running) in members.running {
            for _ in 0..<2000 where try running.text("stderr").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            let process = running.process.processIdentifier
            let limits = try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8)
            let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
            let words = line.dropFirst("Max core file size".count).split(separator: " ")
            #expect(words.prefix(2) == ["0", "0"], "\(members.name(of: member)): \(line)")
            let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
            #expect(status.contains("CoreDumping:\t0"))
        }
    }

    /// What starts a program as a user without privileges, where this one has them.
    private static let asNobody =
        geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []

    /// Whether that user can run the tool where it lies.
    private static var canStart: Bool {
        guard geteuid() == 0 else { return true }
        guard FileManager.default.isExecutableFile(atPath: asNobody[0]) else { return false }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: asNobody[0])
        process.arguments = asNobody.dropFirst() + [Tool.executable.path, "--version"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    /// Whose a process's files in `/proc` are: the system's where others of the user must not read them.
    private func owner(of process: Int32) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: "/proc/\(process)/environ")
        return try #require(attributes[.ownerAccountID] as? NSNumber).intValue
    }

    @Test(
        "other processes of the user can't read its memory, but those of bench --soak can look",
        .enabled("the tool can be started as a user without privileges") { canStart }
    )
    func memory() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        if geteuid() == 0 { chmod(folder.url.path, 0o777) }
        let running = try await startDealer(in: folder, by: Self.asNobody)
        #expect(try owner(of: running.process.processIdentifier) == 0)
        running.process.terminate()
        _ = try await running.finish()
        let watched = try TemporaryFolder()
        defer { watched.remove() }
        let address = try FreePorts.find(1)[0]
        let looked = try Tool.start(
            ["dealer", "--listen", address, "--parties", "2", "--watched"],
            in: watched,
            by: Self.asNobody
        )
        for _ in 0..<2000 where try looked.text("stderr").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try owner(of: looked.process.processIdentifier) == (geteuid() == 0 ? 65534 : Int(geteuid())))
        looked.process.terminate()
        _ = try await looked.finish()
    }
}
#endif
