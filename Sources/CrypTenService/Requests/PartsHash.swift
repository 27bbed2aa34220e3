import Crypto
import Foundation

/// A SHA-256 of parts, each with its length before it: what ends where is part of what is hashed.
struct PartsHash {
    private var hash = SHA256()

    mutating func add(_ bytes: some Collection<UInt8>) {
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
        hash.update(data: Data(bytes))
    }

    mutating func add(_ text: String) {
        add(text.utf8)
    }

    /// The 32 bytes.
    func finalize() -> [UInt8] {
        Array(hash.finalize())
    }
}
