import CrypTenBase
import Crypto
import CryptoExtras
import Foundation

/// Makes words of a seed: what party i < n − 1 has of an input, and what the client takes off for it.
///
///     key    = HKDF-SHA256(input key: seed, no salt, info, 32 bytes)
///     info   = "crypten share 1" ‖ LP(id) ‖ LP(model) ‖ LP(input) ‖ u32(party)
///     share  = the first 8·count bytes of ChaCha20 under `key`, nonce of 12 zero bytes, counter from 0, little-endian
///
/// > Krawczyk, Eronen, RFC 5869; Nir, Langley, RFC 8439.
package struct ShareExpansion: Sendable {
    /// The most words of one input: as many as ChaCha20's counter of 32 bits goes round for.
    package static let mostWords = (1 << 32) * 8
    /// What is made at once, in words: a whole number of ChaCha20's blocks.
    private static let piece = 1 << 16
    private static let label = "crypten share 1"

    private let seed: ShareSeed
    private let id: RequestID
    private let model: String
    private let party: UInt32

    /// The shares of one party in one request.
    package init(_ seed: ShareSeed, id: RequestID, model: String, party: Int) {
        self.seed = seed
        self.id = id
        self.model = model
        self.party = UInt32(party)
    }

    /// The share of an input of `count` words.
    ///
    /// The same words each time; they are uniformly random to whoever doesn't have the seed.
    ///
    /// - Complexity: O(count) time, and one block of memory beside the result.
    /// - Throws: `.invalidArgument` for more words than there are.
    package func words(of input: String, count: Int) throws -> [UInt64] {
        guard (0...ShareExpansion.mostWords).contains(count) else {
            throw CrypTenError(
                .invalidArgument,
                "an input of \(count) words can't be split: there are shares for 0 to \(ShareExpansion.mostWords)"
            )
        }
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: seed.bytes),
            info: info(input),
            outputByteCount: 32
        )
        let nonce = try Insecure.ChaCha20CTR.Nonce(data: [UInt8](repeating: 0, count: 12))
        let zeros = [UInt8](repeating: 0, count: 8 * min(count, ShareExpansion.piece))
        var words: [UInt64] = []
        words.reserveCapacity(count)
        while words.count < count {
            var bytes = try Insecure.ChaCha20CTR.encrypt(
                zeros.prefix(8 * (count - words.count)),
                using: key,
                counter: Insecure.ChaCha20CTR.Counter(offset: UInt32(words.count / 8)),
                nonce: nonce
            )
            LittleEndianWords.append(bytes, to: &words)
            bytes.resetBytes(in: bytes.startIndex..<bytes.endIndex)
        }
        return words
    }

    /// What binds a key to the request, the model, the input and the party.
    func info(_ input: String) -> [UInt8] {
        Array(ShareExpansion.label.utf8) + ShareExpansion.lengthPrefixed(id.bytes)
            + ShareExpansion.lengthPrefixed(Array(model.utf8)) + ShareExpansion.lengthPrefixed(Array(input.utf8))
            + ShareExpansion.bytes(party)
    }

    private static func lengthPrefixed(_ bytes: [UInt8]) -> [UInt8] {
        self.bytes(UInt32(bytes.count)) + bytes
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}
