import Crypto

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// What all members of a session were given before they meet, mixed into each handshake: who doesn't have it can be none of them.
///
/// Its text is never printed.
package struct HandshakeSecret: Sendable, CustomStringConvertible, CustomReflectable {
    /// The least that is taken: 16 bytes, which nobody guesses where they were drawn at random.
    package static let leastBytes = 16

    private let digest: SymmetricKey

    /// A secret of at least ``leastBytes`` bytes; nil for a shorter one.
    package init?(_ bytes: some ContiguousBytes) {
        let digest = bytes.withUnsafeBytes { bytes -> SymmetricKey? in
            guard bytes.count >= HandshakeSecret.leastBytes else { return nil }
            return HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: bytes),
                info: Array("crypten pre-shared secret".utf8),
                outputByteCount: 32
            )
        }
        guard let digest else { return nil }
        self.digest = digest
    }

    /// Key material that holds both: what a key agreement gave, and this.
    func appended(to shared: UnsafeRawBufferPointer) -> SymmetricKey {
        digest.withUnsafeBytes { digest in
            withUnsafeTemporaryAllocation(byteCount: shared.count + digest.count, alignment: 8) { both in
                defer { both.initializeMemory(as: UInt8.self, repeating: 0) }
                both.copyMemory(from: shared)
                UnsafeMutableRawBufferPointer(rebasing: both[shared.count...]).copyMemory(from: digest)
                return SymmetricKey(data: both)
            }
        }
    }

    package var description: String { "a pre-shared secret" }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
