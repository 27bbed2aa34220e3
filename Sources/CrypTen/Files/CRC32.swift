internal import Foundation

/// The checksum of zip archives, by bytes, of a table: the polynomial 0xedb88320, reflected.
///
/// Whoever can change a file can change it, too: it finds accidents.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    }

    static func checksum(of bytes: Data) -> UInt32 {
        ~table.withUnsafeBufferPointer { table in
            bytes.withUnsafeBytes { bytes in
                bytes.reduce(~0) { value, byte in table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ value >> 8 }
            }
        }
    }
}
