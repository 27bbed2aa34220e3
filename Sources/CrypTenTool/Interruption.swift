import Foundation
import Synchronization

/// What happens when this process is asked to end: by Ctrl-C, by a terminal that closes, by whoever started it.
///
/// The work that is under way is told to end; what it leaves is cleaned up on the way out as after any other error, and the
/// process ends with one line and the exit code that shells give to a signal, 128 and its number. Work that doesn't end in
/// time is left where it is. A second signal ends the process at once.
///
/// A handler writes the signal's number to a pipe, and a thread reads it: children are given the system's own handlers, and
/// have nothing blocked.
enum Interruption {
    /// The signals that ask.
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    private struct State {
        var signal: Int32?
        var note = ""
        var ends: [Int: @Sendable () -> Void] = [:]
        var next = 0
    }

    private static let state = Mutex(State())

    /// How long work that was told to end may take.
    private static let patience = 4.0

    /// Whether this process was started by another one of its kind, which waits for it and says what has happened.
    private static let isSupervised =
        CommandLine.arguments.contains("--supervised") || CommandLine.arguments.dropFirst().first == "bench-party"

    /// Takes the signals over from now on, but for those that whoever started this process has it ignore.
    static func listen() {
        precondition(signalPipe.read >= 0, "a process that starts has descriptors left")
        for number in signals {
            let before = signal(number) { number in
                let error = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(signalPipe.write, &byte, 1)
                errno = error
            }
            if unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { signal(number, SIG_IGN) }
        }
        let thread = Thread {
            while true {
                var byte: UInt8 = 0
                let count = read(signalPipe.read, &byte, 1)
                if count == 1 {
                    heard(Int32(byte))
                } else if count == 0 || errno != EINTR {
                    return
                }
            }
        }
        thread.start()
    }

    /// The signal that has come, if one has.
    static var received: Int32? {
        state.withLock(\.signal)
    }

    /// Runs `body`, and `end`, which makes it end soon, on another thread if a signal comes meanwhile, or has come before;
    /// `note` says what ending means here, for the line that is printed.
    static func ending<Result>(
        _ note: String,
        with end: @escaping @Sendable () -> Void,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        let (number, isLate) = state.withLock { state in
            state.next += 1
            state.ends[state.next] = end
            state.note = note
            return (state.next, state.signal != nil)
        }
        defer {
            state.withLock { state in
                state.ends[number] = nil
                // Once a signal has come, what was said to end is what has ended.
                if state.signal == nil { state.note = "" }
            }
        }
        if isLate { end() }
        return try await body()
    }

    /// Prints the line and ends the process as a shell would say that the signal has.
    static func exit(_ number: Int32) -> Never {
        let note = state.withLock(\.note)
        if isSupervised { _exit(128 + number) }
        Output.error("interrupted by \(name(of: number))" + (note.isEmpty ? "" : ": \(note)"))
        _exit(128 + number)
    }

    private static func heard(_ number: Int32) {
        let ends = state.withLock { state -> [@Sendable () -> Void]? in
            guard state.signal == nil else { return nil }
            state.signal = number
            return Array(state.ends.values)
        }
        // Where nothing need be ended, or for the second time, at once.
        guard let ends, !ends.isEmpty else { exit(number) }
        for end in ends { end() }
        let seconds = isSupervised ? 1 : patience
        let watch = Thread {
            Thread.sleep(forTimeInterval: seconds)
            exit(number)
        }
        watch.start()
    }

    private static func name(of number: Int32) -> String {
        switch number {
        case SIGINT: "SIGINT"
        case SIGTERM: "SIGTERM"
        case SIGHUP: "SIGHUP"
        default: "signal \(number)"
        }
    }
}

/// Where the handler writes and a thread reads; made before the handler is.
private let signalPipe: (read: Int32, write: Int32) = {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return (-1, -1) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
}()
