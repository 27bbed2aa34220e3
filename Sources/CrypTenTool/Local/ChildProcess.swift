import CrypTen
import Foundation
import Synchronization

/// A process of this executable, started by another one that speaks with it through pipes.
final class ChildProcess: Sendable {
    enum Event: Sendable {
        case message(ChildMessage)
        /// It has ended, and all that it said has been delivered: a description of how it ended, nil if in good order.
        case ended(String?)
    }

    /// What it is, for messages: "party 1", "the dealer".
    let name: String
    private let process: Mutex<Process>
    private let input: FileHandle

    /// Starts a child.
    ///
    /// - Parameters:
    ///   - name: What it is, for messages.
    ///   - arguments: Its command line.
    ///   - report: Told of each event, on the child's own threads; `.ended` comes last.
    /// - Throws: `.fileNotReadable` where it can't be started.
    ///
    /// - Parameter environment: Added to that of this process.
    init(
        _ name: String,
        arguments: [String],
        environment: [String: String] = [:],
        report: @escaping @Sendable (Event) -> Void
    ) throws {
        self.name = name
        let child = Process()
        child.executableURL = try ChildProcess.executable()
        child.arguments = arguments
        child.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (input, output) = (Pipe(), Pipe())
        child.standardInput = input
        child.standardOutput = output
        self.input = input.fileHandleForWriting
        // It has ended when its process has, and its pipe: whichever comes last reports.
        let ends = Ends()
        let ended: @Sendable (String?) -> Void = { problem in
            if ends.add(problem) { report(.ended(ends.problem)) }
        }
        child.terminationHandler = { child in
            switch (child.terminationReason, child.terminationStatus) {
            case (.exit, 0): ended(nil)
            case (.exit, let code): ended("exit code \(code)")
            default: ended("signal \(child.terminationStatus)")
            }
        }
        do {
            try child.run()
        } catch {
            throw CrypTenError(.fileNotReadable, "\(name) can't be started", cause: error)
        }
        process = Mutex(child)
        let reader = Thread {
            ChildProcess.readLines(output.fileHandleForReading) { line in
                if let message = try? JSONDecoder().decode(ChildMessage.self, from: line) { report(.message(message)) }
            }
            ended(nil)
        }
        reader.start()
    }

    /// Sends a line to its stdin.
    func invite(_ invitation: Invitation) throws {
        try? input.write(contentsOf: try JSONEncoder().encode(invitation) + Data("\n".utf8))
    }

    /// Its number in the system.
    var identifier: Int32 {
        process.withLock(\.processIdentifier)
    }

    /// Asks it to end, at once; does nothing when it has ended.
    func end(_ signal: Int32 = SIGTERM) {
        process.withLock { process in
            if process.isRunning { kill(process.processIdentifier, signal) }
        }
    }

    /// This executable's file.
    private static func executable() throws -> URL {
        #if os(Linux)
        if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
            return URL(fileURLWithPath: path)
        }
        #endif
        guard let url = Bundle.main.executableURL else {
            throw CrypTenError(.fileNotReadable, "the file of this executable can't be found")
        }
        return url
    }

    private static func readLines(_ handle: FileHandle, _ body: (Data) -> Void) {
        var rest = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        // `FileHandle` waits until it has as many bytes as it was asked for; this takes what is there.
        while true {
            let count = read(handle.fileDescriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest.append(contentsOf: buffer[..<count])
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                body(Data(rest[..<end]))
                rest = Data(rest[(end + 1)...])
            }
        }
    }
}

/// The two ends of a child: of its process and of what it said.
private final class Ends: Sendable {
    private let state = Mutex((count: 0, problem: String?.none))

    var problem: String? {
        state.withLock(\.problem)
    }

    /// Counts one; whether it was the second.
    func add(_ problem: String?) -> Bool {
        state.withLock { state in
            state.count += 1
            state.problem = state.problem ?? problem
            return state.count == 2
        }
    }
}
