import CrypTenBase
import CrypTenIdentity
import Crypto
public import Foundation

/// What a party seals its checkpoints with: its own, and no other party's business.
///
/// A checkpoint is a party's shares. Whoever reads those of all parties has the model, so a party that keeps them where others read its disk
/// seals them: with 32 bytes drawn at random and kept elsewhere, or with a passphrase, of which a key is made by scrypt, in half a second and 128 MiB
/// of memory, so that guessing takes as much for each guess. Bytes that were drawn need none of that. Without its key what was sealed is lost. It is
/// never printed or sent.
public struct CheckpointKey: Sendable, CustomStringConvertible, CustomReflectable {
    private enum Material: Sendable {
        case drawn(SymmetricKey)
        case passphrase(CheckpointPassphrase)
    }

    private let material: Material

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
        self.material = .drawn(material)
    }

    /// A key that is made of a passphrase, when the first file is sealed or opened, and once for all that share a salt.
    ///
    /// - Parameter passphrase: Its bytes, as they were typed.
    /// - Throws: `.invalidArgument` for fewer than 8 bytes.
    public init(passphrase: some ContiguousBytes) throws {
        try self.init(passphrase: passphrase, rounds: PassphraseWork.usualRounds)
    }

    /// The same of other work: 2 to this power rounds.
    package init(passphrase: some ContiguousBytes, rounds: Int) throws {
        material = .passphrase(try CheckpointPassphrase(passphrase, rounds: rounds))
    }

    /// A key of a passphrase in a file, or what a pipe under such a name gives: its first line.
    ///
    /// - Throws: `.fileNotReadable` for a file that is missing, can't be read or is neither a file nor a pipe; `.invalidArgument` for one that other
    ///   users may read, of more than 65,536 bytes, or of more than one line, and a passphrase of fewer than 8 bytes.
    public init(passphraseIn url: URL) throws {
        self = try SecretFile.secret(in: url, called: "passphrase", orPipe: true) {
            try CheckpointKey(passphrase: SecretFile.line(of: $0, called: "passphrase"))
        }
    }

    /// The passphrase in a file, or what a pipe under such a name gives, as ``init(passphraseIn:)`` reads it.
    package static func passphrase(in url: URL) throws -> Data {
        try SecretFile.secret(in: url, called: "passphrase", orPipe: true) {
            try SecretFile.line(of: $0, called: "passphrase")
        }
    }

    /// Whether it is made of a passphrase.
    private var isPassphrase: Bool {
        if case .passphrase = material { true } else { false }
    }

    /// What a new file begins with, and the key of what follows, which no other file has.
    func begin() throws -> (bytes: [UInt8], key: SymmetricKey) {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<SealedFile.saltBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
        switch material {
        case .drawn(let material):
            return (SealedFile.title + salt, CheckpointKey.key(ofFileWith: salt, material))
        case .passphrase(let passphrase):
            let key = try passphrase.key(for: passphrase.work)
            return (
                SealedFile.passphraseTitle + passphrase.work.bytes + salt, CheckpointKey.key(ofFileWith: salt, key)
            )
        }
    }

    /// The key of what follows in a file that begins so, and where that begins.
    ///
    /// - Parameter name: The file's, in errors.
    /// - Throws: `.malformedFile` where it was cut off, or asks for work that no checkpoint asks for; `.invalidArgument` where it was sealed with a
    ///   passphrase and this is a key, or the other way round.
    func open(_ bytes: Data, name: String) throws -> (key: SymmetricKey, start: Int) {
        let hasPassphrase = bytes.starts(with: SealedFile.passphraseTitle)
        let head = SealedFile.title.count + (hasPassphrase ? PassphraseWork.size : 0)
        guard SealedFile.isSealed(bytes), bytes.count >= head + SealedFile.saltBytes + SealedFile.tagBytes else {
            throw CrypTenError(.malformedFile, "\(name): it isn't sealed, or was cut off")
        }
        let salt = bytes.dropFirst(head).prefix(SealedFile.saltBytes)
        let key: SymmetricKey
        switch (material, hasPassphrase) {
        case (.drawn(let material), false):
            key = material
        case (.passphrase(let passphrase), true):
            guard let work = PassphraseWork(bytes.prefix(head).dropFirst(SealedFile.title.count)) else {
                throw CrypTenError(
                    .malformedFile,
                    "\(name): it asks for other work to make a key of a passphrase than a checkpoint does"
                )
            }
            key = try passphrase.key(for: work)
        case (.drawn, true):
            throw CrypTenError(.invalidArgument, "\(name): it was sealed with a passphrase: give that, and no key")
        case (.passphrase, false):
            throw CrypTenError(.invalidArgument, "\(name): it was sealed with a key: give that, and no passphrase")
        }
        return (CheckpointKey.key(ofFileWith: salt, key), head + SealedFile.saltBytes)
    }

    /// What is said where it doesn't open a file.
    var refusal: String {
        "this \(isPassphrase ? "passphrase" : "key") doesn't open it; give the one that it was sealed with"
    }

    /// A key from a file: all its bytes, line ends among them.
    ///
    /// - Throws: `.fileNotReadable` for a file that is missing, can't be read or is no ordinary file; `.invalidArgument` for one that
    ///   other users may read, of fewer than 16 bytes, or of more than 65,536.
    public init(contentsOf url: URL) throws {
        self = try SecretFile.secret(in: url, called: "sealing key") { try CheckpointKey($0) }
    }

    /// The key of one file, which no other file has.
    private static func key(ofFileWith salt: some DataProtocol, _ material: SymmetricKey) -> SymmetricKey {
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
