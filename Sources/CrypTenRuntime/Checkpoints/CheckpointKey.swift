import CrypTenBase
import CrypTenIdentity
import Crypto
public import Foundation

/// What a party seals its checkpoints with: its own, and no other party's business.
///
/// A checkpoint is a party's shares. Whoever reads those of all parties has the model, so a party that keeps them where others read its disk
/// seals them: draw 32 bytes at random, and keep them elsewhere. It is no passphrase: nothing slows down who guesses. Without it
/// what was sealed is lost. It is never printed or sent.
public struct CheckpointKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let material: SymmetricKey

    private static let leastBytes = 16

    /// A key from memory.
    ///
    /// - Throws: `.invalidArgument` for fewer than 16 bytes.
    public init(_ bytes: some ContiguousBytes) throws {
        let material = bytes.withUnsafeBytes { $0.count >= CheckpointKey.leastBytes ? SymmetricKey(data: $0) : nil }
        guard let material else {
            throw CrypTenError(
                .invalidArgument,
                "a sealing key of fewer than \(CheckpointKey.leastBytes) bytes can be guessed; draw 32 at random"
            )
        }
        self.material = material
    }

    /// A key from a file: all its bytes, line ends among them.
    ///
    /// - Throws: `.fileNotReadable` for a file that is missing, can't be read or is no ordinary file; `.invalidArgument` for one that
    ///   other users may read, of fewer than 16 bytes, or of more than 65,536.
    public init(contentsOf url: URL) throws {
        self = try SecretFile.secret(in: url, called: "sealing key") { try CheckpointKey($0) }
    }

    /// The key of one file, which no other file has.
    func key(ofFileWith salt: some DataProtocol) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: material,
            salt: Data(salt),
            info: Data("crypten sealed checkpoint".utf8),
            outputByteCount: 32
        )
    }

    public var description: String { "a sealing key" }

    public var customMirror: Mirror { Mirror(self, children: []) }
}
