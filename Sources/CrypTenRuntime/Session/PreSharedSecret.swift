import CrypTenBase
package import CrypTenTransport
public import Foundation

/// What all members of a session were given before they meet, mixed into every key: a program that doesn't have it can be none of them.
///
/// It says that a member belongs to the session, not which one it is. Draw it at random, 32 bytes for example, hand it to each member
/// by a way that nobody else reads, and use it for one session's members alone. Its text is never printed or sent.
public struct PreSharedSecret: Sendable, CustomStringConvertible, CustomReflectable {
    package let material: HandshakeSecret

    /// More isn't read from a file: it would be another file by mistake.
    private static let mostBytes = 1 << 16

    /// A secret from memory.
    ///
    /// - Throws: `.invalidArgument` for fewer than 16 bytes.
    public init(_ bytes: some ContiguousBytes) throws {
        guard let material = HandshakeSecret(bytes) else {
            throw CrypTenError(
                .invalidArgument,
                "a pre-shared secret of fewer than \(HandshakeSecret.leastBytes) bytes can be guessed; draw 32 at random"
            )
        }
        self.material = material
    }

    /// A secret from a file: all its bytes, line ends among them.
    ///
    /// - Throws: `.fileNotReadable` for a file that is missing, can't be read or is no ordinary file; `.invalidArgument` for one that
    ///   other users may read, of fewer than 16 bytes, or of more than 65,536.
    public init(contentsOf url: URL) throws {
        let name = url.path
        let handle: FileHandle
        do {
            handle = try FileHandle(forReadingFrom: url)
        } catch {
            throw CrypTenError(
                .fileNotReadable,
                "the file of the pre-shared secret, \(name), can't be read",
                cause: error
            )
        }
        defer { try? handle.close() }
        var status = stat()
        guard fstat(handle.fileDescriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CrypTenError(.fileNotReadable, "the pre-shared secret is read from a file, and \(name) is none")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw CrypTenError(
                .invalidArgument,
                "other users may read the pre-shared secret in \(name): take that away with chmod 600, and draw another one"
            )
        }
        guard status.st_size <= PreSharedSecret.mostBytes else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) has \(status.st_size) bytes; a pre-shared secret has \(PreSharedSecret.mostBytes) at most"
            )
        }
        do {
            try self.init(handle.readToEnd() ?? Data())
        } catch let error as CrypTenError {
            throw CrypTenError(error.code, "\(name): \(error.message)")
        }
    }

    public var description: String { "a pre-shared secret" }

    public var customMirror: Mirror { Mirror(self, children: []) }
}
