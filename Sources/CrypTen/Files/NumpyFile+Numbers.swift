package import Foundation

extension Data {
    /// The first `count` numbers that lie here one after another; there must be as many bytes as they take.
    package func numbers<Word: FixedWidthInteger & BitwiseCopyable>(
        of type: Word.Type,
        count: Int,
        bigEndian: Bool = false
    ) -> [Word] {
        let size = MemoryLayout<Word>.size
        precondition(
            count >= 0 && self.count / size >= count,
            "\(self.count) bytes don't hold \(count) numbers of \(size) bytes"
        )
        return withUnsafeBytes { bytes in
            [Word](unsafeUninitializedCapacity: count) { words, filled in
                for index in 0..<count {
                    let word = bytes.loadUnaligned(fromByteOffset: index * size, as: Word.self)
                    words.initializeElement(at: index, to: bigEndian ? Word(bigEndian: word) : Word(littleEndian: word))
                }
                filled = count
            }
        }
    }
}

extension Float {
    /// The value of a 16-bit float of IEEE 754, which every 32-bit float can hold.
    package init(halfBits: UInt16) {
        let sign = UInt32(halfBits & 0x8000) << 16
        let exponent = UInt32(halfBits >> 10) & 0x1f
        let fraction = UInt32(halfBits & 0x3ff)
        switch exponent {
        case 0:  // zero and subnormal numbers, multiples of 2^-24
            let magnitude = Float(fraction) * 0x1p-24
            self = sign == 0 ? magnitude : -magnitude
        case 0x1f:  // infinities and NaN
            self.init(bitPattern: sign | 0x7f80_0000 | fraction << 13)
        default:
            self.init(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
