import CrypTenBase
import CrypTenIdentity
package import CrypTenTransport
public import Foundation

/// What all members of a session were given before they meet, mixed into every key: a program that doesn't have it can be none of them.
///
/// It says that a member belongs to the session, not which one it is. Draw it at random, 32 bytes for example, hand it to each member
/// by a way that nobody else reads, and use it for one session's members alone. Its text is never printed or sent.
public struct PreSharedSecret: Sendable, CustomStringConvertible, CustomReflectable {
    package let material: HandshakeSecret

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
        self = try SecretFile.secret(in: url, called: "pre-shared secret") { try PreSharedSecret($0) }
    }

    public var description: String { "a pre-shared secret" }

    public var customMirror: Mirror { Mirror(self, children: []) }
}
