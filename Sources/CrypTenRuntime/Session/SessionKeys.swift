package import CrypTenGates
package import CrypTenRing
import CrypTenTransport
package import Crypto
import Foundation

/// Keys of one run, derived from secrets that its members drew for it alone: one for each purpose, never used in another run.
package enum SessionKeys {
    /// The keys that a party and the dealer share, or that a party has alone where there is no dealer: for masks, bit masks, correlations and orders.
    package static func run(_ secret: SymmetricKey, bindingHash: [UInt8]) -> RunKeys {
        RunKeys(
            masks: derive(secret, bindingHash, "crypten run masks"),
            bitMasks: derive(secret, bindingHash, "crypten run bit masks"),
            correlations: derive(secret, bindingHash, "crypten run correlations"),
            orders: derive(secret, bindingHash, "crypten run orders")
        )
    }

    /// The key of a party's part of bits of masks that gates read bit by bit, where parties make their correlations themselves.
    package static func maskBits(_ secret: SymmetricKey, bindingHash: [UInt8]) -> ExpansionKey {
        derive(secret, bindingHash, "crypten run mask bits")
    }

    /// The key that two parties share and the dealer lacks: for sharings of zero.
    package static func zero(_ secret: SymmetricKey, bindingHash: [UInt8]) -> ExpansionKey {
        derive(secret, bindingHash, "crypten run zero sharing")
    }

    private static func derive(_ secret: SymmetricKey, _ salt: [UInt8], _ label: String) -> ExpansionKey {
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: secret,
            salt: salt,
            info: Array(label.utf8),
            outputByteCount: 16
        )
        return key.withUnsafeBytes { bytes in
            ExpansionKey(
                low: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                high: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }
}
