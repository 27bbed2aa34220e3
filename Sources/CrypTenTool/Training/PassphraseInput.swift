import CrypTen
import Foundation

/// A passphrase from whoever types it, from a file or from another program: never from the command line or the environment, which others
/// on a machine may see.
enum PassphraseInput {
    /// Reads one.
    ///
    /// - Parameters:
    ///   - path: A file that its owner alone may read, or a pipe; `-` for standard input: a terminal asks, and doesn't show what is typed.
    ///   - twice: Whether a terminal asks once more, since nothing else shows that it was mistyped.
    /// - Throws: as `CheckpointKey.init(passphraseIn:)`; `.invalidArgument` where what is typed the second time differs, `.cancelled` for a signal.
    static func read(_ path: String, twice: Bool) async throws -> Data {
        guard path == "-" else { return try CheckpointKey.passphrase(in: URL(fileURLWithPath: path)) }
        guard isatty(STDIN_FILENO) == 1 else { return try line(while: { true }) }
        let first = try await typed("passphrase of the checkpoints: ")
        if twice, try await typed("once more: ") != first {
            throw CrypTenError(.invalidArgument, "the two passphrases differ: type the same one twice")
        }
        return first
    }

    /// Asks at the terminal, which shows nothing of the answer.
    private static func typed(_ prompt: String) async throws -> Data {
        var usual = termios()
        guard tcgetattr(STDIN_FILENO, &usual) == 0 else {
            throw CrypTenError(
                .fileNotReadable,
                "the terminal doesn't say how it is set; give the passphrase in a file"
            )
        }
        var silent = usual
        silent.c_lflag &= ~tcflag_t(ECHO)
        silent.c_lflag |= tcflag_t(ECHONL)
        let saved = usual
        let restore: @Sendable () -> Void = {
            var saved = saved
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved)
        }
        return try await Interruption.ending("no passphrase was given", with: restore) {
            defer { restore() }
            Output.write(prompt, to: STDERR_FILENO)
            guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else {
                throw CrypTenError(
                    .fileNotReadable,
                    "the terminal can't be kept from showing what is typed; give the passphrase in a file"
                )
            }
            return try line { Interruption.received == nil }
        }
    }

    /// The next line of standard input, without its end.
    ///
    /// - Parameter goesOn: Asked five times a second while there is none.
    private static func line(while goesOn: () -> Bool) throws -> Data {
        var (line, byte) = (Data(), UInt8(0))
        while line.count < 1 << 16 {
            var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            let isReady = poll(&descriptor, 1, 200)
            guard goesOn() else { throw CrypTenError(.cancelled, "no passphrase was given") }
            if isReady == 0 || isReady < 0 && errno == EINTR { continue }
            let count = Foundation.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count <= 0 || byte == UInt8(ascii: "\n") { break }
            line.append(byte)
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }
}
