/// How inputs are split and answers are bound: client and parties must mean the same.
package struct SharingVersion: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: Int

    package init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// HKDF-SHA256 and ChaCha20 for shares, SHA-256 for tags; its labels end in " 1".
    package static let one = SharingVersion(rawValue: 1)
    /// The version that is spoken here.
    package static let current = one
}
