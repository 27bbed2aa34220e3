package import Foundation

/// Words as they stand behind the JSON of a request or an answer: 8 bytes each, the lowest first.
package enum LittleEndianWords {
    /// How many bytes a word has.
    package static let size = 8

    /// Appends the words of bytes, whose number is a multiple of 8.
    package static func append(_ bytes: some ContiguousBytes, to words: inout [UInt64]) {
        bytes.withUnsafeBytes { bytes in
            for offset in stride(from: 0, to: bytes.count, by: size) {
                words.append(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            }
        }
    }

    /// The words of bytes, whose number is a multiple of 8.
    package static func decode(_ bytes: some Collection<UInt8> & ContiguousBytes) -> [UInt64] {
        var words: [UInt64] = []
        words.reserveCapacity(bytes.count / size)
        append(bytes, to: &words)
        return words
    }

    /// Appends the bytes of words.
    package static func append(_ words: [UInt64], to bytes: inout Data) {
        words.map(\.littleEndian).withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
}
