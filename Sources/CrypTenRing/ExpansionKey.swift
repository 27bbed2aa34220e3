/// A key of the AES-128 counter-mode generator: 128 bits from a key derivation, used for one domain of one run.
///
/// The words of stream `number` are the little-endian halves of `AES(key, number ‖ block)`, block = 0, 1, 2 …, with
/// `block` in the low and `number` in the high 64 bits of the counter. Any range of them can be made on its own. A key
/// must expand each (number, position) once: that is what every proof here rests on.
package struct ExpansionKey: Sendable {
    /// The key's bytes 0–7 and 8–15 as little-endian words.
    package let low: UInt64
    package let high: UInt64

    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// A key that nobody else has: fresh bits of the system's generator.
    package static func drawn() -> ExpansionKey {
        var system = SystemRandomNumberGenerator()
        return ExpansionKey(low: system.next(), high: system.next())
    }
}
