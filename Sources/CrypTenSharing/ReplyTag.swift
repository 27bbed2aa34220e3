import Crypto

/// By what a client sees that parts of an answer belong together: all parties must have sent the same.
package struct ReplyTag: Hashable, Sendable, CustomStringConvertible {
    /// How many bytes there are.
    package static let size = 32
    private static let label = "crypten reply 1"

    package let bytes: [UInt8]

    /// SHA-256 of `"crypten reply 1" ‖ epoch ‖ binding ‖ id`.
    ///
    /// - Parameters:
    ///   - epoch: The session's.
    ///   - binding: The 32 bytes that bind the run to all that was put into it.
    ///   - id: The request's.
    package init(epoch: Epoch, binding: [UInt8], id: RequestID) {
        precondition(binding.count == ReplyTag.size, "a binding is 32 bytes")
        bytes = Array(SHA256.hash(data: Array(ReplyTag.label.utf8) + epoch.bytes + binding + id.bytes))
    }

    /// Reads 64 hexadecimal digits; nil for any other text.
    package init?(_ text: String) {
        guard let bytes = Hexadecimal.decode(text, count: ReplyTag.size) else { return nil }
        self.bytes = bytes
    }

    /// The digits, in lower case.
    package var description: String {
        Hexadecimal.encode(bytes)
    }
}
