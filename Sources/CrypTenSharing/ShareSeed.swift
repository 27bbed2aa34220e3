/// Of what a party's shares of one request are made: 32 bytes that nobody else may see, used once.
///
/// Printing it shows nothing of them.
package struct ShareSeed: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How many bytes there are.
    package static let size = 32

    package private(set) var bytes: [UInt8]

    /// A seed of these bytes; nil where they aren't 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == ShareSeed.size else { return nil }
        self.bytes = bytes
    }

    /// Reads 64 hexadecimal digits; nil for any other text.
    package init?(hexadecimal: String) {
        guard let bytes = Hexadecimal.decode(hexadecimal, count: ShareSeed.size) else { return nil }
        self.bytes = bytes
    }

    /// Draws a seed.
    package static func random(using generator: inout some RandomNumberGenerator) -> ShareSeed {
        let words = (0..<size / 8).map { _ in generator.next() as UInt64 }
        return ShareSeed(bytes: words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })!
    }

    /// Overwrites the bytes, if nobody else has them: the seed isn't used any more.
    package mutating func wipe() {
        bytes.withUnsafeMutableBytes { memory in
            // One by one, and seen from outside: stores that nobody could see might be left out.
            for index in memory.indices { memory[index] = 0 }
            withExtendedLifetime(memory) {}
        }
    }

    /// The digits, for the request that carries them, and for nothing else.
    package var hexadecimal: String {
        Hexadecimal.encode(bytes)
    }

    package var description: String { "a seed of \(ShareSeed.size) bytes" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
