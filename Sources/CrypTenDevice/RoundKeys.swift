package import CrypTenRing

/// The eleven round keys of an AES-128 key, 44 little-endian words, as the generator's kernel takes them.
///
/// S-boxes are computed, four bytes at a time, as inverses in GF(2^8): nothing is looked up by a secret.
///
/// > FIPS 197, "Advanced Encryption Standard (AES)", 2001, updated 2023.
package struct RoundKeys: Sendable {
    /// A key of one round, one word a column.
    package struct Columns: Equatable, Sendable {
        package var first, second, third, fourth: UInt32

        fileprivate init(_ first: UInt32, _ second: UInt32, _ third: UInt32, _ fourth: UInt32) {
            (self.first, self.second, self.third, self.fourth) = (first, second, third, fourth)
        }

        /// The next round's.
        fileprivate func next(constant: UInt32) -> Columns {
            // The last column, rotated by a row and substituted, goes into the first; then each column into the next.
            let rotated = fourth &>> 8 | fourth &<< 24
            let a = first ^ RoundKeys.substituted(rotated) ^ constant
            let b = second ^ a
            let c = third ^ b
            return Columns(a, b, c, fourth ^ c)
        }
    }

    private var keys:
        (Columns, Columns, Columns, Columns, Columns, Columns, Columns, Columns, Columns, Columns, Columns)

    package init(_ key: ExpansionKey) {
        let (low, high) = (key.low, key.high)
        let k0 = Columns(
            UInt32(truncatingIfNeeded: low),
            UInt32(truncatingIfNeeded: low &>> 32),
            UInt32(truncatingIfNeeded: high),
            UInt32(truncatingIfNeeded: high &>> 32)
        )
        let k1 = k0.next(constant: 0x01)
        let k2 = k1.next(constant: 0x02)
        let k3 = k2.next(constant: 0x04)
        let k4 = k3.next(constant: 0x08)
        let k5 = k4.next(constant: 0x10)
        let k6 = k5.next(constant: 0x20)
        let k7 = k6.next(constant: 0x40)
        let k8 = k7.next(constant: 0x80)
        let k9 = k8.next(constant: 0x1b)
        keys = (k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k9.next(constant: 0x36))
    }

    /// The last round's key, for tests.
    package var last: Columns {
        keys.10
    }

    // MARK: Four bytes at a time

    /// The S-box of every byte: its inverse in GF(2^8), zero for zero, and the standard's affine map.
    package static func substituted(_ x: UInt32) -> UInt32 {
        // x^254 by the chain 2, 3, 12, 15, 240, 252, 254.
        let x2 = product(x, x)
        let x3 = product(x2, x)
        let x6 = product(x3, x3)
        let x12 = product(x6, x6)
        let x15 = product(x12, x3)
        let x30 = product(x15, x15)
        let x60 = product(x30, x30)
        let x120 = product(x60, x60)
        let x240 = product(x120, x120)
        let inverse = product(product(x240, x12), x2)
        return inverse ^ rotated(inverse, 1) ^ rotated(inverse, 2) ^ rotated(inverse, 3) ^ rotated(inverse, 4)
            ^ 0x6363_6363
    }

    /// Products modulo x^8 + x^4 + x^3 + x + 1.
    private static func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
        var multiple = a
        var sum: UInt32 = 0
        for bit: UInt32 in 0..<8 {
            sum ^= multiple & ((b &>> bit & 0x0101_0101) &* 0xFF)
            multiple = (multiple & 0x7F7F_7F7F) &<< 1 ^ (multiple &>> 7 & 0x0101_0101) &* 0x1b
        }
        return sum
    }

    /// Every byte rotated to the left.
    private static func rotated(_ x: UInt32, _ bits: UInt32) -> UInt32 {
        let low = (UInt32(0xFF) &>> bits) &* 0x0101_0101
        return (x & low) &<< bits | (x & ~low) &>> (8 - bits)
    }
}
