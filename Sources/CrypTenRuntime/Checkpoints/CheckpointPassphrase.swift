import CrypTenBase
package import Crypto
import CryptoExtras
package import Foundation
import Synchronization

/// What it takes to make a key of a passphrase, by scrypt: public, and in every file that is sealed with the key.
///
/// > Percival and Josefsson, "The scrypt Password-Based Key Derivation Function", RFC 7914.
package struct PassphraseWork: Hashable, Sendable {
    /// What makes the keys of two trainings differ, though their passphrases don't.
    package var salt: [UInt8]
    /// The base-2 logarithm of the number of rounds.
    package var rounds: Int
    /// Of 128 bytes each.
    package var blocks: Int
    package var parallelism: Int

    /// 2^17 rounds of 1 KiB: 128 MiB of memory, and about half a second.
    package static let usualRounds = 17
    static let saltBytes = 16
    /// The bytes of a file in which it is said.
    static let size = saltBytes + 3

    package init(salt: [UInt8], rounds: Int = PassphraseWork.usualRounds, blocks: Int = 8, parallelism: Int = 1) {
        (self.salt, self.rounds, self.blocks, self.parallelism) = (salt, rounds, blocks, parallelism)
    }

    /// Work that a file asks for; nil where that is so little that it protects nothing, or more than a checkpoint ever asks for: 1 GiB.
    init?(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == PassphraseWork.size else { return nil }
        self.init(
            salt: Array(bytes.prefix(PassphraseWork.saltBytes)),
            rounds: Int(bytes[PassphraseWork.saltBytes]),
            blocks: Int(bytes[PassphraseWork.saltBytes + 1]),
            parallelism: Int(bytes[PassphraseWork.saltBytes + 2])
        )
        guard (14...20).contains(rounds), blocks == 8, (1...4).contains(parallelism) else { return nil }
    }

    /// As it stands in a file.
    var bytes: [UInt8] {
        salt + [UInt8(rounds), UInt8(blocks), UInt8(parallelism)]
    }

    /// The key that a passphrase makes: 32 bytes.
    ///
    /// - Throws: `.fileNotReadable` where there isn't the memory.
    package func key(of passphrase: Data) throws -> SymmetricKey {
        do {
            return try KDF.Scrypt.deriveKey(
                from: passphrase,
                salt: salt,
                outputByteCount: 32,
                rounds: 1 << rounds,
                blockSize: blocks,
                parallelism: parallelism
            )
        } catch {
            throw CrypTenError(
                .fileNotReadable,
                "no key can be made of the passphrase: that takes \((blocks << (rounds + 7)) >> 20) MiB of memory",
                cause: error
            )
        }
    }
}

/// A passphrase, and the keys that were made of it: one for each salt, and each once.
final class CheckpointPassphrase: Sendable {
    private let material: SymmetricKey
    /// What files are sealed with that are written.
    let work: PassphraseWork
    private let keys = Mutex([PassphraseWork: SymmetricKey]())

    private static let leastBytes = 8

    /// - Throws: `.invalidArgument` for fewer than 8 bytes.
    init(_ bytes: some ContiguousBytes, rounds: Int) throws {
        let material = bytes.withUnsafeBytes {
            $0.count >= CheckpointPassphrase.leastBytes ? SymmetricKey(data: $0) : nil
        }
        guard let material else {
            throw CrypTenError(
                .invalidArgument,
                "a passphrase of fewer than \(CheckpointPassphrase.leastBytes) bytes is soon guessed; take some words that nobody would"
            )
        }
        self.material = material
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<PassphraseWork.saltBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
        work = PassphraseWork(salt: salt, rounds: rounds)
    }

    /// The key for a file that asks for such work.
    func key(for work: PassphraseWork) throws -> SymmetricKey {
        try keys.withLock { keys in
            if let key = keys[work] { return key }
            var passphrase = material.withUnsafeBytes { Data($0) }
            defer { passphrase.resetBytes(in: passphrase.startIndex..<passphrase.endIndex) }
            let key = try work.key(of: passphrase)
            keys[work] = key
            return key
        }
    }
}
