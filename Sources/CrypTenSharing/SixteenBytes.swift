/// What is known by 16 bytes and written as 32 hexadecimal digits; two names of one kind are the same if their bytes are.
package protocol SixteenBytes: Hashable, Sendable, CustomStringConvertible {
    /// The two halves, each read from its 8 bytes in the order in which they stand.
    var halves: SIMD2<UInt64> { get }

    /// What has these halves.
    init(halves: SIMD2<UInt64>)
}

extension SixteenBytes {
    /// How many bytes there are.
    package static var size: Int { 16 }

    /// What has these bytes; nil where they aren't 16.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        let both = [bytes.prefix(8), bytes.suffix(8)].map { half in half.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(halves: SIMD2(both[0], both[1]))
    }

    /// Reads 32 hexadecimal digits; nil for any other text.
    package init?(_ text: String) {
        guard let bytes = Hexadecimal.decode(text, count: Self.size) else { return nil }
        self.init(bytes: bytes)
    }

    /// Draws one that nobody has had before: among 2^64 of them two are the same with a probability of about a half.
    package static func random(using generator: inout some RandomNumberGenerator) -> Self {
        Self(halves: SIMD2(generator.next(), generator.next()))
    }

    /// Draws one from the system's generator.
    package static func random() -> Self {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    package var bytes: [UInt8] {
        [halves.x, halves.y].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
    }

    /// The digits, in lower case.
    package var description: String {
        Hexadecimal.encode(bytes)
    }
}
