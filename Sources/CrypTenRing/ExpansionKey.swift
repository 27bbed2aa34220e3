import CCrypTenKernels

/// A key of the AES-128 counter-mode generator: 128 bits from a key derivation, used for one domain of one run.
///
/// The words of stream `number` are the little-endian halves of `AES(key, number ‖ block)`, block = 0, 1, 2 …, with
/// `block` in the low and `number` in the high 64 bits of the counter. Any range of them can be made on its own. A key
/// must expand each (number, position) once: that is what every proof here rests on.
///
/// Copies share one place in memory, which is overwritten when the last one goes.
package struct ExpansionKey: Sendable {
    /// Safety of `@unchecked Sendable`: written when it's made and when nobody has it any more.
    private final class Halves: @unchecked Sendable {
        let words: UnsafeMutablePointer<UInt64>

        init(_ low: UInt64, _ high: UInt64) {
            words = .allocate(capacity: 2)
            words.initialize(to: low)
            (words + 1).initialize(to: high)
        }

        deinit {
            cct_wipe(words, 16)
            words.deallocate()
        }
    }

    private let halves: Halves

    /// The key's bytes 0–7 as a little-endian word.
    package var low: UInt64 {
        withExtendedLifetime(halves) { halves.words[0] }
    }

    /// The key's bytes 8–15.
    package var high: UInt64 {
        withExtendedLifetime(halves) { halves.words[1] }
    }

    package init(low: UInt64, high: UInt64) {
        halves = Halves(low, high)
    }

    /// Whether they are copies of one: equal keys that were made twice aren't.
    package static func === (_ a: ExpansionKey, _ b: ExpansionKey) -> Bool {
        a.halves === b.halves
    }

    /// A key that nobody else has: fresh bits of the system's generator.
    package static func drawn() -> ExpansionKey {
        var system = SystemRandomNumberGenerator()
        return ExpansionKey(low: system.next(), high: system.next())
    }
}
