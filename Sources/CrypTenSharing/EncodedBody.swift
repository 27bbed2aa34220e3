package import Foundation

/// A body of HTTP: JSON, and words behind it where it has the binary form.
package struct EncodedBody: Hashable, Sendable {
    /// The header that says where JSON ends.
    package static let lengthHeader = "Inference-Header-Content-Length"

    package var bytes: Data
    /// What the header ``lengthHeader`` says; nil where there is nothing but JSON.
    package var headerLength: Int?

    /// A body as it has come, or is to go.
    package init(bytes: Data, headerLength: Int?) {
        self.bytes = bytes
        self.headerLength = headerLength
    }

    /// A body with words behind the JSON of `value`.
    init(_ value: some Encodable, binary: [[UInt64]]?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        bytes = try encoder.encode(value)
        headerLength = binary == nil ? nil : bytes.count
        for words in binary ?? [] { LittleEndianWords.append(words, to: &bytes) }
    }

    /// The JSON, and what stands behind it.
    ///
    /// - Throws: ``DoorRefusal`` `.malformed` where the header says what can't be, `.tooLarge` for too much JSON.
    func parts(_ limits: WireLimits) throws -> (json: Data, words: Data) {
        let length = headerLength ?? bytes.count
        guard (0...bytes.count).contains(length) else {
            throw DoorRefusal(
                .malformed,
                "the header \(EncodedBody.lengthHeader) doesn't fit a body of \(bytes.count) bytes: it is the length of the JSON"
            )
        }
        guard length <= limits.mostJSONBytes else {
            throw DoorRefusal(
                .tooLarge,
                "\(length) bytes of JSON are more than the \(limits.mostJSONBytes) that are taken: send the words in binary form"
            )
        }
        return (bytes.prefix(length), bytes.dropFirst(length))
    }
}
