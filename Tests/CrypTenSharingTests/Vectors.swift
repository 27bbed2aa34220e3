import Foundation
import Testing

/// The vectors that all clients are tested with: `clients/vectors` of the repository; its README says what stands where.
enum Vectors {
    static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "clients/vectors")

    /// A file of them.
    static func read<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        try JSONDecoder().decode(type, from: try data(name))
    }

    /// A part of a file, as JSON on its own.
    static func object(_ name: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: try data(name)) as? [String: Any])
    }

    private static func data(_ name: String) throws -> Data {
        try Data(contentsOf: folder.appending(path: name))
    }
}

/// A word, which stands in the files as text: many readers of JSON keep but 53 bits of a number.
struct Word: Decodable {
    let value: UInt64

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        value = try #require(UInt64(text))
    }
}

/// Bytes of hexadecimal text.
func bytes(_ text: String) -> [UInt8] {
    stride(from: 0, to: text.count, by: 2).map { offset in
        let start = text.index(text.startIndex, offsetBy: offset)
        return UInt8(text[start...].prefix(2), radix: 16)!
    }
}
